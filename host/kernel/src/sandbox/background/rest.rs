//! How long a thread of the background rests after it worked.
//!
//! The lowest priority is not enough to keep it from its neighbours: a processor that computes at it is not idle, and
//! threads that wake line up behind one another on the other processors while it goes on. So it lets go of its own again
//! and again, the longer the more the rest of the host computes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::{process_time, thread_time};
use crate::limits;

/// Processor time that all threads of the background used, nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Used(AtomicU64);

/// What one of the threads did since it last rested, and what the rest of the host did meanwhile.
pub(super) struct Rests<'u> {
    used: &'u Used,
    /// Of this thread, at the end of its last job.
    own: Duration,
    worked: Duration,
    since: Then,
}

/// A moment: when, and what was used by then.
struct Then {
    at: Instant,
    host: Duration,
    background: Duration,
}

impl Then {
    fn now(used: &Used) -> Self {
        Self {
            at: Instant::now(),
            host: process_time(),
            background: Duration::from_nanos(used.0.load(Ordering::Relaxed)),
        }
    }

    /// The share of all processors, 0 to 1, that the host used beside the background until `now`.
    fn busy(&self, now: &Self, processors: u32) -> f64 {
        let all = now.at.saturating_duration_since(self.at) * processors;
        let host = now.host.saturating_sub(self.host);
        let background = now.background.saturating_sub(self.background);
        let others = host.saturating_sub(background).as_secs_f64();
        (others / all.as_secs_f64().max(f64::EPSILON)).min(1.0)
    }
}

impl<'u> Rests<'u> {
    pub(super) fn new(used: &'u Used) -> Self {
        Self {
            used,
            own: thread_time(),
            worked: Duration::ZERO,
            since: Then::now(used),
        }
    }

    /// After a job: rests, if enough was done since it last did.
    pub(super) fn after_job(&mut self, processors: u32) {
        let own = thread_time();
        let job = own.saturating_sub(self.own);
        self.own = own;
        self.worked += job;
        let nanos = u64::try_from(job.as_nanos()).unwrap_or(u64::MAX);
        self.used.0.fetch_add(nanos, Ordering::Relaxed);
        if self.worked < limits::BACKGROUND_TICK {
            return;
        }
        let now = Then::now(self.used);
        let rest = rest(self.worked, self.since.busy(&now, processors));
        (self.worked, self.since) = (Duration::ZERO, now);
        thread::sleep(rest);
    }
}

/// How long, after working for so long while the others kept that share of the processors busy.
fn rest(worked: Duration, busy: f64) -> Duration {
    let most = limits::BACKGROUND_REST;
    worked.mul_f64((busy / limits::BACKGROUND_BUSY).min(1.0) * most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_the_longer_the_more_others_compute() {
        let worked = Duration::from_millis(2);
        let table = [(0.0, 0), (0.05, 1_200), (0.25, 6_000), (1.0, 6_000)];
        for (busy, micros) in table {
            let rest = rest(worked, busy);
            assert_eq!(rest.as_micros(), micros, "{busy}");
        }
    }

    #[test]
    fn what_the_background_used_is_not_what_others_did() {
        let at = Instant::now();
        let then = |ms, host, background| Then {
            at: at + Duration::from_millis(ms),
            host: Duration::from_millis(host),
            background: Duration::from_millis(background),
        };
        let first = then(0, 100, 50);
        for (now, busy) in [
            (then(10, 100, 50), 0.0),
            (then(10, 110, 60), 0.0),
            (then(10, 115, 60), 0.25),
            (then(10, 150, 55), 1.0),
            (then(0, 100, 50), 0.0),
        ] {
            assert!((first.busy(&now, 2) - busy).abs() < 1e-9, "{busy}");
        }
    }
}
