//! What an adapter can reach: one file per WIT import, same name.
//!
//! Each has the same moments: `prepare` a system's bindings once, check the grant on every call, carry it out,
//! and hand back a [`Record`] of it. A capability never sees a guest's memory; the sandbox converts.

pub mod actions;
pub mod broker;
pub mod clock;
pub mod http;
pub mod keys;
pub mod log;
pub mod settings;
pub mod sql;
pub mod store;
#[cfg(test)]
mod tests;

/// Why an answer did not come where a system is only tried: every capability that leads outside says so.
pub const NOT_REACHED: &str = "it is only tried: nothing outside is reached";

/// What one use of a capability did, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Connection, key or system name.
    pub target: String,
    /// `GET /orders/7`, a statement's name, a key's use. Never a query, header, body or secret.
    pub what: String,
    /// `200`, `ok`, `denied: ...`, `timeout`.
    pub outcome: String,
    /// Refused; nothing left.
    pub denied: bool,
    /// Duration in microseconds.
    pub micros: u64,
    /// Bytes out.
    pub sent: u64,
    /// Bytes in.
    pub received: u64,
}

/// Why a system's bindings cannot be used. Says which, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);
