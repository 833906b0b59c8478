//! A new version beside the old one, for a share of the lanes. Which lanes is a matter of their hash alone: a lane is
//! never split, and one that the canary has stays with it while the share grows. Whether it does clearly worse than the
//! old version is a pure function of what both counted since it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::slot::{Running, Slot};
use super::{Candidate, Outcome, Systems, decisions};
use crate::audit;
use crate::limits;

/// Ten thousandths of the lanes: all of them.
pub const WHOLE: u32 = 10_000;

/// Steps of the scale of times: a quarter of a doubling each, from a microsecond up to over an hour.
const STEPS: usize = 128;

/// A version on trial.
pub(super) struct Canary {
    pub(super) running: Arc<Running>,
    share: AtomicU32,
    /// Of its digest: another version tries other lanes.
    salt: u64,
    old: Tally,
    new: Tally,
}

/// What one version's calls came to.
struct Tally {
    calls: AtomicU64,
    failed: AtomicU64,
    times: [AtomicU32; STEPS],
}

/// How a canary does, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CanaryStatus {
    /// `acme/shop 0.3.0`.
    pub adapter: String,
    /// `sha256:...`.
    pub digest: String,
    /// Ten thousandths of the lanes.
    pub share: u32,
    /// Calls since it began.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
}

/// The hash of a lane, the same in every version and after every restart (FNV-1a, 64 bits).
#[must_use]
pub fn lane(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Canary {
    fn new(running: Arc<Running>, share: u32) -> Self {
        Self {
            salt: lane(&running.identity.digest),
            running,
            share: share.min(WHOLE).into(),
            old: Tally::default(),
            new: Tally::default(),
        }
    }

    /// Whether a lane is the canary's.
    fn has(&self, lane: u64) -> bool {
        position(lane, self.salt) < self.share.load(Ordering::Relaxed)
    }

    fn note(&self, is_new: bool, failed: bool, took: Duration) {
        let tally = if is_new { &self.new } else { &self.old };
        tally.note(failed, took);
    }

    fn status(&self) -> CanaryStatus {
        CanaryStatus {
            adapter: self.running.prepared.adapter.clone(),
            digest: self.running.identity.digest.clone(),
            share: self.share.load(Ordering::Relaxed),
            calls: self.new.calls.load(Ordering::Relaxed),
            failed: self.new.failed.load(Ordering::Relaxed),
        }
    }
}

/// Where a lane stands among all, from 0 to [`WHOLE`]: mixed, so that names that differ by a digit are far apart
/// (the finalizer of splitmix64).
fn position(lane: u64, salt: u64) -> u32 {
    let mut mixed = lane ^ salt;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    u32::try_from(mixed % u64::from(WHOLE)).unwrap_or(0)
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            times: [const { AtomicU32::new(0) }; STEPS],
        }
    }
}

impl Tally {
    fn note(&self, failed: bool, took: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.failed.fetch_add(1, Ordering::Relaxed);
        } else if let Some(step) = self.times.get(step_of(took)) {
            step.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted(&self) -> Counted {
        let times = self
            .times
            .each_ref()
            .map(|step| step.load(Ordering::Relaxed));
        let timed: u64 = times.iter().map(|count| u64::from(*count)).sum();
        let mut left = timed - timed / 10;
        let p90 = times.iter().position(|count| {
            left = left.saturating_sub(u64::from(*count));
            left == 0
        });
        Counted {
            calls: self.calls.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            timed,
            p90_micros: p90.map_or(0, time_of),
        }
    }
}

fn step_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let doublings = micros.ilog2() as usize;
    let quarter = match doublings {
        0 | 1 => 0,
        _ => (micros >> (doublings - 2)) as usize & 3,
    };
    (4 * doublings + quarter).min(STEPS - 1)
}

/// The beginning of a step, microseconds.
fn time_of(step: usize) -> u64 {
    let (doublings, quarter) = (step / 4, step as u64 % 4);
    (1 << doublings) + (quarter << doublings) / 4
}

/// What one version counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    calls: u64,
    failed: u64,
    /// Those that went well and so have a time.
    timed: u64,
    p90_micros: u64,
}

/// Why the new version is clearly worse, if it is. Errors: as many more that chance would hardly make them (a test of two
/// shares, one-sided). Times: nine of ten calls take more than twice as long, and noticeably so.
#[expect(clippy::cast_precision_loss, reason = "counts of calls")]
fn worse(old: Counted, new: Counted) -> Option<String> {
    if new.calls >= limits::CANARY_CALLS && new.failed >= limits::CANARY_FAILURES {
        // A version that had no calls is taken to have had a few that went well.
        let old_calls = old.calls.max(limits::CANARY_CALLS);
        let (few, many) = (new.calls as f64, old_calls as f64);
        let (share, usual) = (new.failed as f64 / few, old.failed as f64 / many);
        let both = (new.failed + old.failed) as f64 / (few + many);
        let spread = (both * (1.0 - both) * (1.0 / few + 1.0 / many)).sqrt();
        // Without spread all calls of both failed: neither is worse.
        if spread > 0.0 && (share - usual) / spread >= limits::CANARY_SIGMA {
            return Some(format!(
                "{} of its {} calls failed, of the old version's {} of {}",
                new.failed, new.calls, old.failed, old.calls
            ));
        }
    }
    let noticeable = u64::try_from(limits::CANARY_SLOWER.as_micros()).unwrap_or(u64::MAX);
    let slower = new.p90_micros > 2 * old.p90_micros
        && new.p90_micros > old.p90_micros.saturating_add(noticeable);
    let enough = new.timed.min(old.timed) >= limits::CANARY_TIMED;
    (enough && slower).then(|| {
        format!(
            "nine of ten of its calls take up to {} ms, of the old version's {} ms",
            new.p90_micros / 1_000,
            old.p90_micros / 1_000
        )
    })
}

/// A call of a system on trial: whose turn it is, and since when.
pub(super) struct Trial {
    slot: Arc<Slot>,
    canary: Arc<Canary>,
    is_new: bool,
    began: std::time::Instant,
}

impl Trial {
    /// Counts what came of it. A canary that does clearly worse falls back at once.
    pub(super) fn ended(self, outcome: &Outcome<String>) {
        let Self {
            slot,
            canary,
            is_new,
            began,
        } = self;
        canary.note(is_new, outcome.result.is_err(), began.elapsed());
        if !is_new {
            return;
        }
        let Some(why) = worse(canary.old.counted(), canary.new.counted()) else {
            return;
        };
        // Of the calls that find this only one takes it away.
        let was = slot.canary.compare_and_swap(&canary, None);
        if !was.as_ref().is_some_and(|was| Arc::ptr_eq(was, &canary)) {
            return;
        }
        drop(was);
        slot.leaves(&canary.running);
        let prepared = &canary.running.prepared;
        tracing::error!(system = %prepared.name, canary = %prepared.adapter, %why, "the canary does clearly worse than the version before, which has all lanes again");
        let record = prepared
            .record(
                audit::Kind::Canary,
                format!("{} falls back", prepared.adapter),
            )
            .ended(audit::Outcome::Failed, why.clone());
        prepared.audit.record(Arc::new(record));
        if let Some(tell) = canary.running.news.get() {
            let digest = canary.running.identity.digest.clone();
            tell(&prepared.name, super::LifeNews::FellBack { digest, why });
        }
    }
}

impl Slot {
    /// Who takes a call: the canary has its lanes, and what only it offers; what only the old version offers is not its.
    pub(super) fn turn(
        self: &Arc<Self>,
        old: Arc<Running>,
        action: &str,
        lane: Option<u64>,
    ) -> (Arc<Running>, Option<Trial>) {
        let Some(canary) = self.canary.load_full() else {
            return (old, None);
        };
        let offers = |running: &Running| running.prepared.actions.contains_key(action);
        let is_new =
            offers(&canary.running) && (!offers(&old) || lane.is_some_and(|lane| canary.has(lane)));
        let running = match is_new {
            true => Arc::clone(&canary.running),
            false => old,
        };
        let trial = Trial {
            slot: Arc::clone(self),
            canary,
            is_new,
            began: std::time::Instant::now(),
        };
        (running, Some(trial))
    }

    /// A version takes no more calls; those under way end.
    fn leaves(&self, running: &Arc<Running>) {
        running.drain();
        let mut ending = self.ending.lock();
        ending.retain(|version| version.strong_count() > 0);
        ending.push(Arc::downgrade(running));
    }
}

impl Systems {
    /// Has a candidate take this share of the lanes, in ten thousandths; what runs has the others, hooks and feeds.
    pub fn begin_canary(&self, candidate: Candidate, share: u32) {
        let Candidate { slot, running, .. } = candidate;
        let prepared = &running.prepared;
        let what = format!(
            "{} takes {} of 10000 lanes",
            prepared.adapter,
            share.min(WHOLE)
        );
        let record = prepared.record(audit::Kind::Canary, what);
        self.surroundings.audit.record(Arc::new(record));
        let was = slot
            .canary
            .swap(Some(Arc::new(Canary::new(running, share))));
        if let Some(was) = was {
            slot.leaves(&was.running);
        }
        *slot.trouble.lock() = None;
    }

    /// Gives a canary more lanes. False: there is none, or it has as many already.
    pub fn grow_canary(&self, system: &str, share: u32) -> bool {
        let slots = self.slots.read();
        let canary = slots.get(system).and_then(|slot| slot.canary.load_full());
        canary.is_some_and(|canary| {
            canary.share.fetch_max(share.min(WHOLE), Ordering::Relaxed) < share
        })
    }

    /// Ends a canary: what ran beside it has all lanes again. False: there was none.
    pub fn end_canary(&self, system: &str) -> bool {
        let slots = self.slots.read();
        let Some(slot) = slots.get(system) else {
            return false;
        };
        let was = slot.canary.swap(None);
        if let Some(was) = &was {
            slot.leaves(&was.running);
        }
        was.is_some()
    }

    /// Has a canary take all calls in the place of what ran beside it; `who` said so, unless its time did. False: there is
    /// none.
    pub fn promote_canary(&self, system: &str, who: &str) -> bool {
        let slots = self.slots.read();
        let Some(slot) = slots.get(system) else {
            return false;
        };
        let Some(canary) = slot.canary.swap(None) else {
            return false;
        };
        let was = slot.running.swap(Some(Arc::clone(&canary.running)));
        let record = decisions::began(&canary.running.prepared, was.as_deref());
        if let Some(was) = &was {
            slot.replaced(was, &canary.running);
            was.drain();
        }
        self.surroundings.audit.record(Arc::new(record.by(who)));
        true
    }

    /// How the canary of a system does, if it has one.
    #[must_use]
    pub fn canary(&self, system: &str) -> Option<CanaryStatus> {
        let canary = self.slots.read().get(system)?.canary.load_full()?;
        Some(canary.status())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn counted(calls: u64, failed: u64, p90_ms: u64) -> Counted {
        Counted {
            calls,
            failed,
            timed: calls - failed,
            p90_micros: p90_ms * 1_000,
        }
    }

    #[test]
    fn clearly_worse_is_worse_and_chance_is_not() {
        let table = [
            ("all fail", counted(500, 0, 5), counted(10, 10, 0), true),
            ("half fail", counted(500, 5, 5), counted(20, 10, 5), true),
            (
                "as many fail",
                counted(500, 250, 5),
                counted(40, 20, 5),
                false,
            ),
            (
                "both fail wholly",
                counted(90, 90, 0),
                counted(40, 40, 0),
                false,
            ),
            ("too few calls", counted(500, 0, 5), counted(9, 9, 0), false),
            ("a few fail", counted(500, 0, 5), counted(900, 4, 5), false),
            (
                "a little more fail",
                counted(500, 50, 5),
                counted(100, 16, 5),
                false,
            ),
            ("no old calls", counted(0, 0, 0), counted(40, 30, 5), true),
            ("slower", counted(500, 0, 20), counted(60, 0, 90), true),
            (
                "slower, not noticeably",
                counted(500, 0, 1),
                counted(60, 0, 15),
                false,
            ),
            (
                "slower, less than twice",
                counted(500, 0, 80),
                counted(60, 0, 150),
                false,
            ),
            (
                "slower, too few",
                counted(500, 0, 20),
                counted(49, 0, 90),
                false,
            ),
        ];
        for (what, old, new, is_worse) in table {
            assert_eq!(worse(old, new).is_some(), is_worse, "{what}");
        }
    }

    #[test]
    fn lanes_that_have_the_canary_keep_it_while_it_grows_and_the_share_is_kept() {
        let lanes: Vec<u32> = (0..10_000)
            .map(|n| position(lane(&format!("order\ncustomer-{n}")), 7))
            .collect();
        for share in [100, 1_000, 5_000] {
            let has = lanes.iter().filter(|position| **position < share).count();
            let expected = share as usize;
            assert!(
                has.abs_diff(expected) < expected / 5 + 30,
                "{has} of 10,000 lanes at {share}"
            );
        }
        let other = position(lane("order\ncustomer-1"), 8);
        assert_ne!(lanes[1], other, "another version tries other lanes");
    }

    #[test]
    fn the_scale_of_times_is_within_a_quarter() {
        for micros in [1, 3, 7, 100, 999, 20_000, 1_500_000] {
            let begin = time_of(step_of(Duration::from_micros(micros)));
            assert!(
                begin <= micros && micros < begin * 3 / 2 + 1,
                "{micros}: {begin}"
            );
        }
        let tally = Tally::default();
        for n in 1..=100 {
            tally.note(n > 95, Duration::from_millis(n));
        }
        let counted = tally.counted();
        assert_eq!((counted.calls, counted.failed, counted.timed), (100, 5, 95));
        assert!(
            (60_000..=90_000).contains(&counted.p90_micros),
            "{counted:?}"
        );
    }
}
