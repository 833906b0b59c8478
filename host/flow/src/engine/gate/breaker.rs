//! When a system is taken for down. Pure but for its counters: time comes in.
//!
//! Closed, every call goes. After [`limits::BREAKER_FAILURES`] unavailable answers in a row it opens: nothing goes but, after
//! a rest that doubles, one call that probes. Any answer of the system closes it. A system that says that it gets too
//! many calls, and when it takes the next, rests until then, and only the call that probes closes it again: those that
//! were under way when it said so say nothing of afterwards.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tombolo_kernel::limits;

/// One system's.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    is_open: AtomicBool,
    outage: Mutex<Option<Outage>>,
}

/// A system that is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// Since when, milliseconds since the epoch.
    pub since_ms: u64,
    /// When a call probes it, or the next does, milliseconds since the epoch.
    pub probe_ms: u64,
    /// Whether one is on its way.
    pub probing: bool,
    /// Probes that failed.
    pub failed_probes: u32,
    /// The last failure.
    pub why: String,
    /// It answers, and said when it takes the next call.
    pub limited: bool,
}

/// Whether a call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It may.
    Go,
    /// It alone may, to see whether the system is back.
    Probe,
    /// The system rests.
    Rest,
}

impl Breaker {
    /// Asks for a call that would be made now.
    pub(crate) fn ask(&self, now: u64) -> Leave {
        if !self.is_open.load(Ordering::Acquire) {
            return Leave::Go;
        }
        match &mut *self.outage_at(now) {
            None => Leave::Go,
            Some(outage) if now < outage.probe_ms => Leave::Rest,
            Some(outage) => {
                // Begun anew: a probe that never ends is followed by another.
                outage.probe_ms = now.saturating_add(rest(outage.failed_probes));
                outage.probing = true;
                Leave::Probe
            }
        }
    }

    /// Milliseconds until a call may probe; none while it is closed.
    pub(crate) fn rests_for(&self, now: u64) -> Option<u64> {
        let is_open = self.is_open.load(Ordering::Acquire);
        let outage = is_open.then(|| self.outage_at(now));
        outage?
            .as_ref()
            .map(|outage| outage.probe_ms.saturating_sub(now))
    }

    /// The outage, if there is one. Where the clock was set back, it rests no longer than it may from now.
    fn outage_at(&self, now: u64) -> MutexGuard<'_, Option<Outage>> {
        let mut outage = self.outage.lock();
        if let Some(outage) = &mut *outage {
            outage.probe_ms = outage.probe_ms.min(now.saturating_add(most()));
        }
        outage
    }

    /// The system was unavailable to a call. True: it is taken for down.
    pub(crate) fn failed(&self, now: u64, why: &str, was_probe: bool) -> bool {
        let failures = self
            .failures
            .fetch_add(1, Ordering::AcqRel)
            .saturating_add(1);
        let mut outage = self.outage.lock();
        match &mut *outage {
            Some(outage) => {
                if was_probe {
                    outage.failed_probes = outage.failed_probes.saturating_add(1);
                    outage.probe_ms = now.saturating_add(rest(outage.failed_probes));
                    outage.probing = false;
                }
                why.clone_into(&mut outage.why);
                true
            }
            None if failures < limits::BREAKER_FAILURES => false,
            None => {
                *outage = Some(Outage {
                    since_ms: now,
                    probe_ms: now.saturating_add(rest(0)),
                    probing: false,
                    failed_probes: 0,
                    why: why.to_owned(),
                    limited: false,
                });
                self.is_open.store(true, Ordering::Release);
                true
            }
        }
    }

    /// The system answered that it takes the next call after so many milliseconds. What ended, if that ended an outage.
    pub(crate) fn limited(&self, now: u64, told_ms: u64, why: &str) -> Option<Outage> {
        let probe_ms = now.saturating_add(told_ms.clamp(1, most()));
        let mut outage = self.outage.lock();
        let before = outage.take();
        let still = before.as_ref().filter(|outage| outage.limited);
        *outage = Some(Outage {
            since_ms: still.map_or(now, |outage| outage.since_ms),
            probe_ms,
            probing: false,
            failed_probes: 0,
            why: why.to_owned(),
            limited: true,
        });
        self.failures.store(1, Ordering::Release);
        self.is_open.store(true, Ordering::Release);
        before.filter(|outage| !outage.limited)
    }

    /// The system answered a call, well or not. What ended, if that ended an outage.
    pub(crate) fn answered(&self, was_probe: bool) -> Option<Outage> {
        // Read first: the common case writes nothing that other threads share.
        if self.failures.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut outage = self.outage.lock();
        if outage.as_ref().is_some_and(|outage| outage.limited) && !was_probe {
            return None;
        }
        let ended = outage.take();
        self.failures.store(0, Ordering::Release);
        self.is_open.store(false, Ordering::Release);
        ended
    }

    /// Something about the system changed: the next call may probe at once.
    pub(crate) fn probe_now(&self) {
        if let Some(outage) = &mut *self.outage.lock() {
            outage.probe_ms = 0;
            outage.failed_probes = 0;
        }
    }

    /// Whether it is down, and since when.
    pub(crate) fn outage(&self) -> Option<Outage> {
        self.outage.lock().clone()
    }
}

/// Milliseconds of the longest rest.
fn most() -> u64 {
    u64::try_from(limits::BREAKER_REST_MOST.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds to rest after so many probes failed.
fn rest(failed_probes: u32) -> u64 {
    let doubled = limits::BREAKER_REST.saturating_mul(1 << failed_probes.min(16));
    let rest: Duration = doubled.min(limits::BREAKER_REST_MOST);
    u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn open(now: u64) -> Breaker {
        let breaker = Breaker::default();
        for _ in 1..limits::BREAKER_FAILURES {
            assert!(!breaker.failed(now, "refused", false));
        }
        assert!(breaker.failed(now, "refused", false));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_an_answer_between_starts_the_count_again() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..limits::BREAKER_FAILURES {
                assert!(!breaker.failed(0, "refused", false));
            }
            assert_eq!(breaker.answered(false), None);
        }
        assert_eq!(breaker.ask(0), Leave::Go);
        let breaker = open(1_000);
        assert_eq!(breaker.ask(1_999), Leave::Rest);
        assert_eq!(breaker.outage().unwrap().since_ms, 1_000);
    }

    #[test]
    fn one_call_probes_and_each_that_fails_doubles_the_rest_up_to_the_most() {
        let breaker = open(0);
        let mut now = 0;
        let mut rests = Vec::new();
        for _ in 0..9 {
            let rest = breaker.rests_for(now).unwrap();
            rests.push(rest);
            now += rest;
            assert_eq!(breaker.ask(now), Leave::Probe);
            assert_eq!(breaker.ask(now), Leave::Rest, "a second beside it");
            assert!(breaker.failed(now, "refused", true));
        }
        assert_eq!(
            rests,
            [
                1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000
            ]
        );
    }

    #[test]
    fn an_answer_closes_it() {
        let breaker = open(0);
        assert_eq!(breaker.ask(5_000), Leave::Probe);
        let ended = breaker.answered(true).unwrap();
        assert_eq!((ended.since_ms, ended.why.as_str()), (0, "refused"));
        assert_eq!(breaker.ask(5_000), Leave::Go);
        assert_eq!((breaker.outage(), breaker.rests_for(5_000)), (None, None));
    }

    #[test]
    fn a_system_that_says_when_rests_until_then_whatever_calls_under_way_say() {
        let breaker = Breaker::default();
        breaker.limited(1_000, 5_000, "too many");
        assert_eq!(breaker.answered(false), None);
        assert_eq!(breaker.ask(5_999), Leave::Rest);
        assert_eq!(breaker.ask(6_000), Leave::Probe);
        breaker.limited(6_000, 86_400_000, "too many");
        assert_eq!(breaker.rests_for(6_000), Some(60_000));
        assert_eq!(breaker.ask(66_000), Leave::Probe);
        assert_eq!(breaker.answered(true).unwrap().since_ms, 1_000);
        assert_eq!(breaker.ask(66_000), Leave::Go);
    }

    #[test]
    fn calls_that_were_under_way_when_it_opened_do_not_lengthen_the_rest() {
        let breaker = open(0);
        assert!(breaker.failed(500, "refused", false));
        assert_eq!(breaker.rests_for(500), Some(500));
    }

    #[test]
    fn a_clock_that_is_set_lengthens_no_rest_beyond_the_longest() {
        const HOUR: u64 = 3_600_000;
        let breaker = open(2 * HOUR);
        // Back by an hour.
        assert_eq!(breaker.rests_for(HOUR), Some(60_000));
        assert_eq!(breaker.ask(HOUR + 59_999), Leave::Rest);
        assert_eq!(breaker.ask(HOUR + 60_000), Leave::Probe);
        assert!(breaker.failed(HOUR + 60_000, "refused", true));
        // Forth: it is probed once and rests as long as ever.
        assert_eq!(breaker.ask(9 * HOUR), Leave::Probe);
        assert!(breaker.failed(9 * HOUR, "refused", true));
        assert_eq!(breaker.rests_for(9 * HOUR), Some(4_000));
        breaker.limited(9 * HOUR, 50_000, "too many");
        assert_eq!(breaker.rests_for(HOUR), Some(60_000));
    }

    #[test]
    fn a_changed_system_is_probed_at_once() {
        let breaker = open(100);
        breaker.probe_now();
        assert_eq!(breaker.ask(101), Leave::Probe);
    }
}
