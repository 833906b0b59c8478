//! What became of a system, on record: it was held back, began to run, was swapped, is gone; and who approved it.

use super::ConnectError;
use super::prepared::Prepared;
use super::slot::{Identity, Running, Slot};
use crate::audit::{AuditRecord, Kind, Outcome};

/// A version takes calls from now on, `was` does not any more. A grant that was not in force before is a decision of
/// its own, by whom it names.
pub(super) fn began(now: &Prepared, was: Option<&Running>) -> Vec<AuditRecord> {
    let was = was.map(|was| &*was.prepared);
    let begin = match was {
        None => now.record(Kind::Load, now.adapter.clone()),
        Some(was) => now.record(Kind::Swap, format!("{} for {}", now.adapter, was.adapter)),
    };
    let is_known = was.is_some_and(|was| was.grant.digest == now.grant.digest);
    let approved = now.grant.grant.approved.iter().filter(|_| !is_known);
    let approvals = approved.map(|approved| {
        now.record(
            Kind::Approval,
            format!("{} as of {}", now.adapter, approved.at),
        )
        .by(&approved.by)
        .because(&approved.reason)
    });
    approvals.chain([begin]).collect()
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
