//! Where a feed stands: what is due, what is being read, what failed. Pure: the time comes in.

use std::time::Duration;

use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;

use crate::site::FeedPlan;
use crate::timing::Timing;

/// Where a feed stands.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// When it is read next; `None`: on demand only, being read, or not known yet.
    pub(crate) due_ms: Option<Millis>,
    /// The clock when it was last looked at.
    pub(crate) looked_ms: Millis,
    /// Whether the time of its last reading was looked up in the log.
    pub(crate) known: bool,
    /// Being read now: never twice at a time.
    pub(crate) reading: bool,
    /// Events of the present reading, or of the last.
    pub(crate) brought: u64,
    /// Where the next reading begins instead of at the cursor.
    pub(crate) from: Option<String>,
    /// Readings that failed in a row.
    pub(crate) failures: u32,
    /// The last failure and when it was, until a reading succeeds.
    pub(crate) failure: Option<(Millis, String)>,
    /// The site has it no more.
    pub(crate) gone: bool,
}

impl Standing {
    /// Whether there is nothing to look up: it is known, or its reading will say when it is due.
    pub(crate) fn is_settled(&self) -> bool {
        self.known || self.reading || self.gone
    }

    /// After a start or a reload: due by its last reading, at once if it was never read.
    pub(crate) fn learn(&mut self, plan: &FeedPlan, read_ms: Option<Millis>, now: Millis) {
        self.known = true;
        self.due_ms = match (&plan.timing, read_ms) {
            (None, _) => None,
            (Some(_), None) => Some(now),
            (Some(timing), Some(read_ms)) => timing.next(read_ms.min(now)),
        };
    }

    /// Looks at the clock. Where it was set back, what is due after a while is due after the rest of it, and what is due by
    /// the clock on the wall is due when that says so next.
    pub(crate) fn follow(&mut self, plan: &FeedPlan, now: Millis) {
        let back = self.looked_ms.saturating_sub(now);
        self.looked_ms = now;
        let (Some(due), true) = (self.due_ms, back > 0) else {
            return;
        };
        self.due_ms = match &plan.timing {
            Some(timing @ Timing::Cron { .. }) if self.failures == 0 => timing.next(now),
            _ => Some(due.saturating_sub(back)),
        };
    }

    /// Begins a reading that is due. False: it is not, or one is under way.
    pub(crate) fn begin(&mut self, now: Millis) -> bool {
        let due = self.due_ms.is_some_and(|due| due <= now);
        if !due || self.reading || self.gone {
            return false;
        }
        self.reading = true;
        self.due_ms = None;
        self.brought = 0;
        true
    }

    /// A person wants it read now, from a cursor if one is given. False: it is being read already.
    pub(crate) fn demand(&mut self, from: Option<String>, now: Millis) -> bool {
        if self.reading {
            return false;
        }
        self.from = from;
        self.due_ms = Some(now);
        true
    }

    /// It was read to its end.
    pub(crate) fn ended_well(&mut self, plan: &FeedPlan, now: Millis) {
        self.reading = false;
        self.known = true;
        self.from = None;
        self.failures = 0;
        self.failure = None;
        self.due_ms = plan.timing.as_ref().and_then(|timing| timing.next(now));
    }

    /// Its system takes no call now, which is no fault of the feed: it is due when one may go.
    pub(crate) fn rested(&mut self, now: Millis, for_ms: Option<Millis>) {
        let (least, most) = (limits::TIMING_LEAST, limits::BREAKER_REST_MOST);
        self.reading = false;
        self.due_ms = Some(now + for_ms.unwrap_or(0).clamp(whole(least), whole(most)));
    }

    /// The reading broke off; the cursor is where the last page left it. Tried again after a pause that doubles, or
    /// when the system said, whichever is later.
    pub(crate) fn failed(&mut self, now: Millis, message: String, retry_after_ms: Option<Millis>) {
        self.reading = false;
        let doubled = limits::BACKOFF.saturating_mul(1 << self.failures.min(16));
        let pause = whole(doubled.min(limits::BACKOFF_MOST));
        let asked = retry_after_ms
            .unwrap_or(0)
            .min(whole(limits::RETRY_AFTER_MOST));
        self.failures = self.failures.saturating_add(1);
        self.failure = Some((now, message));
        self.due_ms = Some(now + pause.max(asked));
    }
}

fn whole(time: Duration) -> Millis {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn hourly() -> FeedPlan {
        FeedPlan {
            timing: Some(Timing::Every(3_600_000)),
            ..FeedPlan::default()
        }
    }

    #[test]
    fn a_feed_is_due_by_its_last_reading_and_at_once_if_there_was_none() {
        let mut standing = Standing::default();
        let table = [
            (None, 50_000),
            (Some(10_000), 3_610_000),
            (Some(90_000), 3_650_000),
        ];
        for (read, due) in table {
            standing.learn(&hourly(), read, 50_000);
            assert_eq!(standing.due_ms, Some(due), "{read:?}");
        }
        standing.learn(&FeedPlan::default(), None, 50_000);
        assert_eq!(standing.due_ms, None, "on demand only");
    }

    #[test]
    fn two_readings_never_overlap() {
        let mut standing = Standing::default();
        standing.learn(&hourly(), None, 0);
        assert!(standing.begin(0));
        assert_eq!(standing.due_ms, None, "nothing to wake up for");
        assert!(!standing.begin(0));
        assert!(!standing.demand(None, 0));
        standing.ended_well(&hourly(), 5_000);
        assert!(!standing.begin(5_000), "not due");
        assert!(standing.demand(Some("7".into()), 5_000));
        assert!(standing.begin(5_000));
        assert_eq!(standing.from.as_deref(), Some("7"));
        standing.failed(5_000, "unavailable".into(), None);
        assert_eq!(
            standing.from.as_deref(),
            Some("7"),
            "tried again from there"
        );
        assert!(standing.begin(6_000));
        standing.ended_well(&hourly(), 7_000);
        assert_eq!(standing.from, None, "only once");
    }

    #[test]
    fn a_feed_whose_system_rests_waits_for_it_and_has_not_failed() {
        let mut standing = Standing::default();
        standing.learn(&hourly(), None, 0);
        for (now, rests, due) in [
            (0, Some(8_000), 8_000),
            (8_000, Some(3), 9_000),
            (9_000, None, 10_000),
            (10_000, Some(900_000), 70_000),
        ] {
            assert!(standing.begin(now), "{now}");
            standing.rested(now, rests);
            assert_eq!(standing.due_ms, Some(due), "{rests:?}");
        }
        assert_eq!((standing.failures, standing.failure), (0, None));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_reading() {
        const HOUR: Millis = 3_600_000;
        let nightly = FeedPlan {
            timing: Some(Timing::Cron {
                cron: Box::new("0 2 * * *".parse().unwrap()),
                zone: jiff::tz::TimeZone::UTC,
            }),
            ..FeedPlan::default()
        };
        // Read at 100 h; the clock is set back to 50 h ten minutes later.
        for (plan, before, after) in [
            (hourly(), 101 * HOUR, 50 * HOUR + HOUR / 6 * 5),
            (nightly, 122 * HOUR, 50 * HOUR + 24 * HOUR),
        ] {
            let mut standing = Standing::default();
            standing.learn(&plan, Some(100 * HOUR), 100 * HOUR);
            standing.follow(&plan, 100 * HOUR + HOUR / 6);
            assert_eq!(standing.due_ms, Some(before));
            standing.follow(&plan, 50 * HOUR);
            assert_eq!(standing.due_ms, Some(after));
            // Forth: what is due is read, once.
            standing.follow(&plan, 300 * HOUR);
            assert!(standing.begin(300 * HOUR));
            standing.ended_well(&plan, 300 * HOUR);
            assert!(!standing.begin(300 * HOUR));
        }
        let mut failing = Standing::default();
        failing.learn(&hourly(), None, 5 * HOUR);
        failing.follow(&hourly(), 5 * HOUR);
        assert!(failing.begin(5 * HOUR));
        failing.failed(5 * HOUR, "unavailable".into(), None);
        failing.follow(&hourly(), HOUR);
        assert_eq!(failing.due_ms, Some(HOUR + 1_000), "after its pause");
    }

    #[test]
    fn failures_back_off_and_a_success_ends_that() {
        let mut standing = Standing::default();
        standing.learn(&hourly(), None, 0);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let now = standing.due_ms.unwrap_or_default();
            assert!(standing.begin(now));
            standing.failed(now, "unavailable".into(), None);
            pauses.push(standing.due_ms.unwrap_or_default() - now);
        }
        assert_eq!(
            pauses,
            [
                1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000
            ]
        );
        standing.failed(0, "rate-limited".into(), Some(900_000));
        assert_eq!(standing.due_ms, Some(900_000));
        standing.ended_well(&hourly(), 1_000_000);
        assert_eq!((standing.failures, standing.due_ms), (0, Some(4_600_000)));
        assert!(standing.failure.is_none());
    }
}
