//! Where a feed stands: what is due, what is being read, what failed. Pure: the time comes in.

use std::time::Duration;

use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;

use crate::site::FeedPlan;

/// Where a feed stands.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// When it is read next; `None`: on demand only, being read, or not known yet.
    pub(crate) due_ms: Option<Millis>,
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
    use super::*;
    use crate::timing::Timing;

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
