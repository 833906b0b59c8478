//! Taking away a system's leave to run while it runs: its grant was revoked, removed, narrowed or expired. In calls under
//! way too, of the version that runs and of those before it whose last calls have not ended.

use std::sync::{Arc, Weak};

use super::Systems;
use super::leave::Ending;
use super::slot::{Running, Slot, Trouble};
use crate::audit::Kind;
use crate::grant::{Grant, Uses};

/// Why a system is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it is on record as.
    pub kind: Kind,
    /// Who decided it; empty where nobody is known.
    pub who: String,
    /// In words.
    pub why: String,
}

/// A system that was stopped.
#[derive(Debug)]
pub struct Withdrawn {
    /// Which.
    pub system: String,
    /// Why.
    pub why: String,
    endings: Vec<Ending>,
}

impl Withdrawn {
    /// Waits until the last of its calls has ended. Nothing leaves on its behalf after that.
    pub async fn ended(self) {
        for ending in self.endings {
            ending.ended().await;
        }
    }
}

impl Systems {
    /// The grant that each running system runs by.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        let slots = self.slots.read();
        let running = slots.values().filter_map(|slot| slot.running.load_full());
        running
            .map(|running| running.prepared.grant.grant.clone())
            .collect()
    }

    /// What the grants of running systems are used for, by system; of those on trial, too.
    pub fn all_uses(&self) -> Vec<(String, Arc<Uses>)> {
        let slots = self.slots.read();
        let versions = |(name, slot): (&String, &Arc<Slot>)| {
            let canary = slot.canary.load_full();
            let canary = canary.map(|canary| Arc::clone(&canary.running));
            let versions = slot.running.load_full().into_iter().chain(canary);
            let uses = |running: Arc<Running>| Arc::clone(&running.prepared.grant.uses);
            let all = versions.map(|running| (name.clone(), uses(running)));
            all.collect::<Vec<_>>()
        };
        slots.iter().flat_map(versions).collect()
    }

    /// The grant that a running system runs by, and what it is used for.
    pub fn uses(&self, system: &str) -> Option<(Grant, Arc<Uses>)> {
        let running = self.slots.read().get(system)?.running.load_full()?;
        let grant = &running.prepared.grant;
        Some((grant.grant.clone(), Arc::clone(&grant.uses)))
    }

    /// Stops each system for which `why` has a reason, given the grant it runs by: no call begins, those under way are
    /// cut. It shows as held back, with the reason, until it is connected again.
    pub fn withdraw(&self, why: impl Fn(&Grant) -> Option<Reason>) -> Vec<Withdrawn> {
        let (mut stopped, mut old) = (Vec::new(), Vec::new());
        for (name, slot) in &*self.slots.read() {
            let Some(running) = slot.running.load_full() else {
                continue;
            };
            let Some(Reason { kind, who, why }) = why(&running.prepared.grant.grant) else {
                continue;
            };
            if let Some(canary) = slot.canary.swap(None) {
                slot.ending.lock().push(Arc::downgrade(&canary.running));
            }
            // First of all: whoever sees it stopped may rely on it.
            let endings = slot.end(&running, &why);
            tracing::warn!(system = %name, %why, "system stopped");
            let prepared = &running.prepared;
            let record = prepared.record(kind, prepared.adapter.clone());
            let record = record.by(who).because(&why);
            self.surroundings.audit.record(Arc::new(record));
            *slot.trouble.lock() = Some(Trouble {
                identity: running.identity.clone(),
                held_back: true,
                message: format!("system {name} is stopped: {why}"),
            });
            // After its reason: a system that stands nowhere would not show at all.
            slot.running.store(None);
            stopped.push(Withdrawn {
                system: name.clone(),
                endings,
                why,
            });
            // Its instances are dropped where nobody waits for the lock.
            old.push(running);
        }
        drop(old);
        stopped
    }
}

impl Slot {
    /// `was` takes no more calls. Where the same code is granted less from now on, calls under way are cut too.
    pub(super) fn replaced(&self, was: &Arc<Running>, now: &Running) {
        let (before, after) = (&was.prepared.grant.grant, &now.prepared.grant.grant);
        if before.adapter.digest == after.adapter.digest && after.gives_less_than(before) {
            was.leave.take(&"its grant gives less now".into());
        }
        let mut ending = self.ending.lock();
        ending.retain(|version| version.strong_count() > 0);
        ending.push(Arc::downgrade(was));
    }

    /// Takes every version's leave away.
    fn end(&self, running: &Arc<Running>, why: &str) -> Vec<Ending> {
        let why: Arc<str> = why.into();
        let before: Vec<Weak<Running>> = std::mem::take(&mut *self.ending.lock());
        let before = before.iter().filter_map(Weak::upgrade);
        let all = before.chain([Arc::clone(running)]);
        all.map(|version| {
            version.leave.take(&why);
            version.leave.ending()
        })
        .collect()
    }
}
