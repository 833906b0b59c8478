//! What became of a system, on record: it was held back, began to run, was swapped, is gone. What reviewers decided is
//! put on record where their files are read.

use super::prepared::Prepared;
use super::slot::{Identity, Running, Slot};
use super::{Candidate, ConnectError};
use crate::audit::{AuditRecord, Kind, Outcome};

impl Candidate {
    /// A person said that it is switched to: on record with that.
    #[must_use]
    pub fn asked_for_by(mut self, who: &str) -> Self {
        who.clone_into(&mut self.who);
        self
    }
}

/// A version takes calls from now on, `was` does not any more.
pub(super) fn began(now: &Prepared, was: Option<&Running>) -> AuditRecord {
    match was.map(|was| &was.prepared.adapter) {
        None => now.record(Kind::Load, now.adapter.clone()),
        Some(was) => now.record(Kind::Swap, format!("{} for {was}", now.adapter)),
    }
}

/// A system that ran is gone.
pub(super) fn ended(slot: &Slot) -> Option<AuditRecord> {
    let was = slot.running.load_full()?;
    let what = was.prepared.adapter.clone();
    Some(was.prepared.record(Kind::Removal, what))
}

/// A version does not run, and why; what ran before keeps running.
pub(super) fn held_back(
    system: &str,
    identity: &Identity,
    error: &ConnectError,
    now_ms: u64,
) -> AuditRecord {
    let outcome = match error {
        ConnectError::HeldBack(_) => Outcome::Denied,
        _ => Outcome::Failed,
    };
    AuditRecord::new(Kind::HoldBack, now_ms)
        .of(system, &identity.digest, "")
        .about(format!("{} {}", identity.adapter, identity.version))
        .ended(outcome, error.to_string())
}
