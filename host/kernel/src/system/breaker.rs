//! When a system that keeps crashing is left alone. Pure but for its counters: time comes in.
//!
//! It rests until a person enables it or another version takes its place: what crashes so often does not mend itself,
//! and every call that waits meanwhile is kept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::Millis;
use crate::limits;

/// Counts the crashes among the last calls of one version.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The newest call is the lowest bit; a crash is set.
    calls: AtomicU64,
    is_open: AtomicBool,
    quarantine: Mutex<Option<Quarantine>>,
}

/// A system that kept crashing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// Since when, milliseconds since the epoch.
    pub since_ms: Millis,
    /// The last crash.
    pub message: String,
}

impl Breaker {
    /// Why no call may go in, if none may.
    pub(super) fn state(&self) -> Option<Quarantine> {
        // Read first: the common case takes no lock.
        let is_open = self.is_open.load(Ordering::Acquire);
        is_open.then(|| self.quarantine.lock().clone()).flatten()
    }

    /// A call ended and the adapter kept its side.
    pub(super) fn kept(&self) {
        // Read first: the common case writes nothing that other threads share.
        if self.calls.load(Ordering::Relaxed) != 0 {
            self.note(0);
        }
    }

    /// A call crashed. Says so when that begins a quarantine.
    pub(super) fn crashed(&self, now: Millis, message: &str) -> Option<Quarantine> {
        if self.note(1).count_ones() < limits::CRASHES {
            return None;
        }
        let mut quarantine = self.quarantine.lock();
        if let Some(known) = &mut *quarantine {
            // It was under way when the quarantine began.
            message.clone_into(&mut known.message);
            return None;
        }
        let begun = Quarantine {
            since_ms: now,
            message: message.to_owned(),
        };
        *quarantine = Some(begun.clone());
        self.is_open.store(true, Ordering::Release);
        Some(begun)
    }

    /// Calls may go in again, and the counting begins anew. False: they could before.
    pub(super) fn release(&self) -> bool {
        let mut quarantine = self.quarantine.lock();
        self.calls.store(0, Ordering::Relaxed);
        self.is_open.store(false, Ordering::Release);
        quarantine.take().is_some()
    }

    /// The last calls with this one.
    fn note(&self, crash: u64) -> u64 {
        const LAST: u64 = (1 << limits::CRASHES_OF) - 1;
        let next = |calls: u64| ((calls << 1) | crash) & LAST;
        let before = self
            .calls
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| {
                Some(next(calls))
            });
        next(before.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn crash(breaker: &Breaker, times: u32) -> Option<Quarantine> {
        (0..times)
            .filter_map(|_| breaker.crashed(1_000, "panicked"))
            .last()
    }

    #[test]
    fn so_many_crashes_among_the_last_calls_open_it_wherever_they_are() {
        let breaker = Breaker::default();
        for _ in 1..limits::CRASHES {
            assert_eq!(crash(&breaker, 1), None);
            breaker.kept();
        }
        let quarantine = breaker.crashed(1_000, "ran over").unwrap();
        assert_eq!(
            quarantine,
            Quarantine {
                since_ms: 1_000,
                message: "ran over".into()
            }
        );
        assert_eq!(breaker.state(), Some(quarantine));
        assert_eq!(crash(&breaker, 3), None, "it is told once");
    }

    #[test]
    fn crashes_that_are_long_ago_do_not_count() {
        let breaker = Breaker::default();
        assert_eq!(crash(&breaker, limits::CRASHES - 1), None);
        for _ in 0..limits::CRASHES_OF {
            breaker.kept();
        }
        assert_eq!(crash(&breaker, limits::CRASHES - 1), None);
        assert_eq!(breaker.state(), None);
    }

    #[test]
    fn once_released_it_takes_as_many_crashes_again() {
        let breaker = Breaker::default();
        assert!(!breaker.release());
        assert!(crash(&breaker, limits::CRASHES).is_some());
        assert!(breaker.release());
        assert_eq!(breaker.state(), None);
        assert_eq!(crash(&breaker, limits::CRASHES - 1), None);
        assert!(crash(&breaker, 1).is_some());
    }
}
