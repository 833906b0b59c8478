//! Who reached what, when, by whose leave: the record. Where it is kept is the store's affair.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that left the host, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outward {
    /// When it began, milliseconds since the epoch.
    pub at_ms: u64,
    /// The system.
    pub system: String,
    /// The adapter's digest, `sha256:...`.
    pub digest: String,
    /// The grant's digest: who approved it is in there.
    pub grant: String,
    /// `http`, `sql`, `keys`, `store`, `actions`, `emit`.
    pub capability: String,
    /// Connection, key or system name.
    pub target: String,
    /// `GET /orders/7`, a statement's name, a key's use. Never a query, header, body or secret.
    pub what: String,
    /// `200`, `ok`, `denied: ...`, `timeout`.
    pub outcome: String,
    /// It was refused and nothing left.
    pub denied: bool,
    /// Duration in microseconds.
    pub micros: u64,
    /// Bytes out.
    pub sent: u64,
    /// Bytes in.
    pub received: u64,
    /// Run and step, or hook, that caused it.
    pub cause: String,
}

/// Takes records. Must not block: it is called between two host calls of a guest.
pub trait AuditSink: Send + Sync {
    /// Keeps one record.
    fn record(&self, outward: Outward);
}

/// A shared sink.
pub type SharedAudit = Arc<dyn AuditSink>;

/// A sink that forgets, for tools that run no site.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _outward: Outward) {}
}
