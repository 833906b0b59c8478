//! What one token does: how fast it asks, when last, and how often it was refused. Every request passes here, so it is
//! numbers alone: no lock, no allocation.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tombolo_flow::delivery::Rate;
use tombolo_kernel::clock::Millis;
use tombolo_kernel::limits;

use super::Used;

/// A clock that goes back less is taken for one that does not, microseconds: requests at the same time read it apart.
const STEP_US: u64 = 1_000_000;

/// How many requests of somebody there is room for. The "generic cell rate algorithm", which is a token bucket that
/// keeps one number: when the next request would be due if all came evenly, microseconds.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

impl Bucket {
    /// Takes the place of one request.
    ///
    /// # Errors
    /// There is none, and nothing was taken: milliseconds until there is.
    pub(crate) fn take(&self, rate: Rate, now_ms: Millis) -> Result<(), Millis> {
        let (now, gap) = (now_ms.saturating_mul(1_000), rate.gap_us());
        let most = now.saturating_add(burst_us(rate));
        let after = |due: u64| {
            // Later than anybody was promised: the clock was put back, which locks nobody out.
            let is_promised = due <= most.saturating_add(STEP_US);
            let due = if is_promised { due } else { most - gap };
            due.max(now).saturating_add(gap)
        };
        let taken = self.0.fetch_update(Relaxed, Relaxed, |due| {
            Some(after(due)).filter(|after| *after <= most)
        });
        taken
            .map(drop)
            .map_err(|due| (after(due) - most).div_ceil(1_000))
    }

    /// Whether nothing is owed: it is as good as a new one.
    pub(crate) fn is_full(&self, now_ms: Millis) -> bool {
        self.0.load(Relaxed) <= now_ms.saturating_mul(1_000)
    }
}

/// How much may come at once.
fn burst_us(rate: Rate) -> u64 {
    let usual = u64::try_from(limits::ACCESS_BURST.as_micros()).unwrap_or(u64::MAX);
    let least = rate.gap_us().saturating_mul(limits::ACCESS_BURST_LEAST);
    usual.max(least)
}

/// How fast a token may do what. What it publishes takes no room of what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Anything, or where it has no rate of its own anything but publishing.
    Asking(Rate),
    /// Publishing.
    Publishing(Rate),
}

/// What one token did since it is known.
#[derive(Debug, Default)]
pub(crate) struct TokenUse {
    asking: Bucket,
    publishing: Bucket,
    since_ms: Millis,
    /// 0: never.
    used_ms: AtomicU64,
    forbidden: AtomicU64,
    rate_limited: AtomicU64,
}

impl TokenUse {
    /// Of a token that did so much already.
    pub(super) fn of(used: Used) -> Self {
        Self {
            since_ms: used.since_ms,
            used_ms: AtomicU64::new(used.used_ms.unwrap_or(0)),
            forbidden: AtomicU64::new(used.forbidden),
            rate_limited: AtomicU64::new(used.rate_limited),
            ..Self::default()
        }
    }

    /// It comes with a request.
    ///
    /// # Errors
    /// It comes too often, which is counted: milliseconds until it may again.
    pub(crate) fn comes(&self, pace: Pace, now_ms: Millis) -> Result<(), Millis> {
        self.used_ms.store(now_ms, Relaxed);
        let taken = match pace {
            Pace::Asking(rate) => self.asking.take(rate, now_ms),
            Pace::Publishing(rate) => self.publishing.take(rate, now_ms),
        };
        taken.inspect_err(|_| {
            self.rate_limited.fetch_add(1, Relaxed);
        })
    }

    /// It wanted what it may not.
    pub(crate) fn was_forbidden(&self) {
        self.forbidden.fetch_add(1, Relaxed);
    }

    /// Since when it is known.
    pub(super) fn since_ms(&self) -> Millis {
        self.since_ms
    }

    /// As it is kept.
    pub(super) fn used(&self) -> Used {
        Used {
            since_ms: self.since_ms,
            used_ms: Some(self.used_ms.load(Relaxed)).filter(|at| *at > 0),
            forbidden: self.forbidden.load(Relaxed),
            rate_limited: self.rate_limited.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn two_seconds_worth_may_come_at_once_and_then_the_rate() {
        let (bucket, rate) = (Bucket::default(), rate("100/s"));
        let at_once = (0..1_000).filter(|_| bucket.take(rate, 50_000).is_ok());
        assert_eq!(at_once.count(), 200);
        assert_eq!(bucket.take(rate, 50_000), Err(10));
        assert_eq!(bucket.take(rate, 50_009), Err(1));
        assert_eq!(bucket.take(rate, 50_010), Ok(()));
        assert_eq!(bucket.take(rate, 50_010), Err(10), "refusals cost nothing");
        let later = (0..1_000).filter(|_| bucket.take(rate, 51_010).is_ok());
        assert_eq!(later.count(), 100);
        assert!(!bucket.is_full(51_010) && bucket.is_full(53_011));
    }

    #[test]
    fn a_small_rate_has_room_for_one_command() {
        let (bucket, rate) = (Bucket::default(), rate("10/m"));
        let at_once = (0..1_000).filter(|_| bucket.take(rate, 1).is_ok());
        assert_eq!(at_once.count(), 10);
        assert_eq!(bucket.take(rate, 1), Err(6_000));
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out() {
        let (bucket, rate) = (Bucket::default(), rate("100/s"));
        assert_eq!(bucket.take(rate, 86_400_000), Ok(()));
        assert_eq!(bucket.take(rate, 1_000), Ok(()));
        assert_eq!(bucket.take(rate, 1_000), Err(10), "nor is more given");
        assert_eq!(bucket.take(rate, 1_010), Ok(()));
    }

    #[test]
    fn threads_that_come_at_once_get_no_more_together() {
        let (bucket, rate) = (Bucket::default(), rate("100/s"));
        let taken = std::thread::scope(|scope| {
            let come = || {
                (0..500)
                    .filter(|_| bucket.take(rate, 9_000).is_ok())
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(come)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum::<usize>()
        });
        assert_eq!(taken, 200);
    }

    #[test]
    fn what_a_token_does_is_counted() {
        let used = TokenUse::of(Used {
            since_ms: 5,
            ..Used::default()
        });
        assert_eq!(used.used().used_ms, None);
        for _ in 0..13 {
            let _ = used.comes(Pace::Asking(rate("1/h")), 7);
        }
        assert_eq!(used.comes(Pace::Publishing(rate("1/h")), 7), Ok(()));
        used.was_forbidden();
        let found = used.used();
        assert_eq!((found.since_ms, found.used_ms), (5, Some(7)));
        assert_eq!((found.forbidden, found.rate_limited), (1, 3));
        assert_eq!(TokenUse::of(found.clone()).used(), found);
    }
}
