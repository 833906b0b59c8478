//! Table `audit`: the records, each with its place in the chain. The format is written down in `host/store/README.md`.
//!
//! `record` holds the bytes that count, as JSON; the columns beside it are only for finding records, and
//! [`check`] compares them with it. Where the chain begins and ends is in table `site`.

mod blocks;
pub(crate) mod chain;
pub(crate) mod check;
pub(crate) mod export;
pub(crate) mod find;
mod offline;
mod trail;
pub(crate) mod upgrade;
pub(crate) mod write;

pub use offline::AuditFile;

/// The first format of the file that has the chain.
pub(crate) const CHAINED: i32 = 3;
