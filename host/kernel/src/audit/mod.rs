//! Who reached what, when, by whose leave: the record of every call that left or was denied, and of every decision.
//! Where it is kept, and in which chain, is the store's affair.
//!
//! A call's record is made where the call is, by the sandbox. Whoever decides something makes a record with
//! [`AuditRecord::new`] and hands it to the [`AuditSink`]:
//!
//! ```
//! # use tombolo_kernel::audit::{AuditRecord, Kind};
//! AuditRecord::new(Kind::Answer, 1_763_778_600_000)
//!     .by("ann")
//!     .about("task 01k")
//!     .because("the part is needed")
//!     .caused_by("1042.spare-part/approval");
//! ```

mod json;
mod kind;
mod record;
#[cfg(test)]
mod tests;

pub use kind::{Kind, Outcome};
pub use record::{AuditRecord, Bearer, run_of};

use std::sync::Arc;

/// Takes records. Must not block: it is called between two host calls of a guest.
pub trait AuditSink: Send + Sync {
    /// Keeps one record.
    fn record(&self, record: Arc<AuditRecord>);
}

/// A shared sink.
pub type SharedAudit = Arc<dyn AuditSink>;

/// A sink that forgets, for tools that run no site.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _record: Arc<AuditRecord>) {}
}
