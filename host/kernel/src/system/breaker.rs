//! When a system that keeps crashing is left alone. Pure but for its counters: time comes in.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::Millis;
use crate::limits;

/// Counts crashes in a row of one system.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    crashes: AtomicU32,
    /// 0: not quarantined.
    until_ms: AtomicU64,
    last: Mutex<String>,
}

/// Rests until then, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quarantine {
    pub(super) until_ms: Millis,
    pub(super) message: String,
}

impl Breaker {
    /// Whether a call may go in. After the rest exactly one may: the rest begins anew until that one ends well.
    pub(super) fn admit(&self, now: Millis) -> Result<(), Quarantine> {
        let until = self.until_ms.load(Ordering::Acquire);
        if until == 0 {
            return Ok(());
        }
        let again = now.saturating_add(rest());
        let is_probe = now >= until
            && self
                .until_ms
                .compare_exchange(until, again, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if is_probe {
            Ok(())
        } else {
            Err(self.quarantine(until))
        }
    }

    /// A call ended and the adapter kept its side.
    pub(super) fn kept(&self) {
        // Read first: the common case writes nothing that other threads share.
        if self.crashes.load(Ordering::Relaxed) != 0 {
            self.crashes.store(0, Ordering::Relaxed);
            self.until_ms.store(0, Ordering::Release);
        }
    }

    /// A call crashed. Says so when that begins a rest.
    pub(super) fn crashed(&self, now: Millis, message: &str) -> Option<Quarantine> {
        let crashes = self
            .crashes
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        message.clone_into(&mut self.last.lock());
        if crashes < limits::CRASHES_IN_A_ROW {
            return None;
        }
        let until = now.saturating_add(rest());
        let before = self.until_ms.swap(until, Ordering::AcqRel);
        (before == 0).then(|| self.quarantine(until))
    }

    /// Whether it rests now.
    pub(super) fn state(&self, now: Millis) -> Option<Quarantine> {
        let until = self.until_ms.load(Ordering::Acquire);
        (until > now).then(|| self.quarantine(until))
    }

    fn quarantine(&self, until_ms: Millis) -> Quarantine {
        Quarantine {
            until_ms,
            message: self.last.lock().clone(),
        }
    }
}

fn rest() -> Millis {
    u64::try_from(limits::QUARANTINE.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn crash(breaker: &Breaker, times: u32, now: Millis) {
        for _ in 0..times {
            breaker.admit(now).unwrap();
            breaker.crashed(now, "panicked");
        }
    }

    #[test]
    fn crashes_in_a_row_open_it_and_others_do_not() {
        let breaker = Breaker::default();
        crash(&breaker, limits::CRASHES_IN_A_ROW - 1, 1_000);
        breaker.kept();
        crash(&breaker, limits::CRASHES_IN_A_ROW - 1, 1_000);
        assert!(breaker.admit(1_000).is_ok());
        let quarantine = breaker.crashed(1_000, "ran over").unwrap();
        assert_eq!(
            quarantine,
            Quarantine {
                until_ms: 1_000 + rest(),
                message: "ran over".into()
            }
        );
        assert!(breaker.admit(1_001).is_err());
    }

    #[test]
    fn after_the_rest_one_call_probes_it() {
        let breaker = Breaker::default();
        crash(&breaker, limits::CRASHES_IN_A_ROW, 0);
        let later = rest();
        assert!(breaker.admit(later).is_ok(), "the probe");
        assert!(breaker.admit(later).is_err(), "a second one beside it");
        breaker.crashed(later, "again");
        assert!(breaker.admit(later + 1).is_err());
        assert!(breaker.admit(later + rest()).is_ok());
        breaker.kept();
        assert!(breaker.admit(later + rest()).is_ok());
        assert_eq!(breaker.state(later + rest()), None);
    }
}
