//! Schedules: events that the host makes by the clock. What was fired last is in the log, in the transaction of the
//! event, so no firing comes twice, and one that fell into a time when the host was down is known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tombolo_kernel::clock::{Millis, rfc3339};
use tombolo_kernel::limits;
use tombolo_store::{CursorRow, PageIn, StoreError};

use crate::core::Core;
use crate::host::told_to_stop;
use crate::site::{Missed, SchedulePlan, schedule_source};

/// Longest sleep between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);
/// Pause after the log could not be asked or written.
const AGAIN: Duration = Duration::from_secs(1);

/// The schedules of the site.
#[derive(Default)]
pub(crate) struct Schedules {
    plans: Mutex<BTreeMap<String, Arc<SchedulePlan>>>,
    changed: Notify,
}

/// What is to be done about a schedule now.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing before then.
    Wait(Millis),
    /// The event of this time.
    Fire(Millis),
    /// Nothing is made of what was missed up to this time.
    Skip(Millis),
    /// It will never be due again.
    Never,
}

impl Schedules {
    /// Takes over the schedules of a site.
    pub(crate) fn replace(&self, plans: BTreeMap<String, SchedulePlan>) {
        *self.plans.lock() = plans
            .into_iter()
            .map(|(name, plan)| (name, Arc::new(plan)))
            .collect();
        self.changed.notify_one();
    }

    fn all(&self) -> Vec<(String, Arc<SchedulePlan>)> {
        let plans = self.plans.lock();
        plans
            .iter()
            .map(|(name, plan)| (name.clone(), Arc::clone(plan)))
            .collect()
    }
}

/// Several firings that came due while nobody looked are one: its time is the last one's.
fn decide(plan: &SchedulePlan, last: Millis, now: Millis) -> Step {
    let Some(due) = plan.timing.next(last) else {
        return Step::Never;
    };
    if due > now {
        return Step::Wait(due);
    }
    let newest = plan.timing.last(last, now).unwrap_or(due);
    let late = u128::from(now - newest.min(now)) > limits::SCHEDULE_LATE.as_millis();
    if late && plan.missed == Missed::Skip {
        Step::Skip(newest)
    } else {
        Step::Fire(newest)
    }
}

/// Fires what is due until the host stops.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    loop {
        let mut wait = LOOK;
        for (name, plan) in core.schedules.all() {
            match go_on(&core, &name, &plan).await {
                Ok(pause) => wait = wait.min(pause),
                Err(error) => {
                    tracing::debug!(schedule = %name, %error, "a schedule waits for the store");
                    wait = wait.min(AGAIN);
                }
            }
        }
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = core.schedules.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One step of one schedule; answers how long it has nothing to do.
async fn go_on(core: &Core, name: &str, plan: &SchedulePlan) -> Result<Duration, StoreError> {
    let source = schedule_source(name);
    let now = core.clock.now_ms();
    let row = core.store.cursor(&source, "").await?;
    let step = match row {
        // Seen for the first time: it counts from now.
        None => Step::Skip(now),
        Some(row) => decide(plan, row.read_ms, now),
    };
    let (events, at) = match step {
        Step::Never => return Ok(LOOK),
        Step::Wait(due) => return Ok(Duration::from_millis(due - now)),
        Step::Fire(_) if core.engine.is_overloaded() => return Ok(AGAIN),
        Step::Fire(at) => (vec![plan.event(name, at)], at),
        Step::Skip(at) => (Vec::new(), at),
    };
    let cursor = CursorRow {
        owner: source,
        name: String::new(),
        cursor: Some(rfc3339(at)),
        read_ms: at,
        events: 0,
    };
    core.publish_page(PageIn { events, cursor }).await?;
    Ok(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::timing::Timing;

    const MINUTE: Millis = 60_000;

    fn hourly(missed: Missed) -> SchedulePlan {
        SchedulePlan {
            timing: Timing::Cron {
                cron: Box::new("0 * * * *".parse().unwrap()),
                zone: jiff::tz::TimeZone::UTC,
            },
            missed,
            kind: "report.due".into(),
            subject: None,
            data: serde_json::value::RawValue::NULL.to_owned(),
        }
    }

    #[test]
    fn missed_firings_make_one_event_or_none() {
        let hour = 60 * MINUTE;
        let table = [
            // last, now, skip, once
            (0, hour - 1, Step::Wait(hour), Step::Wait(hour)),
            (0, hour, Step::Fire(hour), Step::Fire(hour)),
            (0, hour + MINUTE, Step::Fire(hour), Step::Fire(hour)),
            (0, hour + 2 * MINUTE, Step::Skip(hour), Step::Fire(hour)),
            (
                0,
                100 * hour + 2 * MINUTE,
                Step::Skip(100 * hour),
                Step::Fire(100 * hour),
            ),
            (
                0,
                100 * hour + 5,
                Step::Fire(100 * hour),
                Step::Fire(100 * hour),
            ),
            // The clock was set back: what was fired is not fired again.
            (
                5 * hour,
                3 * hour,
                Step::Wait(6 * hour),
                Step::Wait(6 * hour),
            ),
        ];
        for (last, now, skip, once) in table {
            assert_eq!(
                decide(&hourly(Missed::Skip), last, now),
                skip,
                "skip {last} {now}"
            );
            assert_eq!(
                decide(&hourly(Missed::Once), last, now),
                once,
                "once {last} {now}"
            );
        }
    }

    #[test]
    fn a_firing_is_the_same_event_however_often_it_is_made() {
        let plan = hourly(Missed::Once);
        let event = plan.event("report", 3_600_000);
        assert_eq!(event.id, "1970-01-01T01:00:00.000Z");
        assert_eq!(event.source, "/schedules/report");
        assert_eq!(event.id, plan.event("report", 3_600_000).id);
    }
}
