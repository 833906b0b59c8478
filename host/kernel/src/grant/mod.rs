//! What a system asks for, what a reviewer granted, and whether a call is inside it. Pure: values to values.
//!
//! A grant binds one adapter digest and a list of exact [`Item`]s with the real places they are bound to. A wish
//! that the grant neither gives nor refuses by name holds the system back.
//!
//! - [`wishes`]: what a system asks for, from its spec
//! - [`choose`]: what a reviewer gives of it, and what not
//! - [`decide`]: may it start; [`diff`]: what a reviewer must look at
//! - [`ActiveGrant`]: the check on every call
//! - [`goes_back`]: whether an approval would take an older version
//! - [`sentence`]: an item in plain words

mod active;
mod choose;
mod decide;
mod diff;
mod file;
mod item;
mod rollback;
mod sentence;
mod wishes;

pub use active::{ActiveGrant, Denied};
pub use choose::{Choice, ChoiceProblem, Chosen, choose};
pub use decide::{HeldBack, decide};
pub use diff::{GrantDiff, diff};
pub use file::{Approval, FORMAT, Grant, GrantedAdapter};
pub use item::Item;
pub use rollback::goes_back;
pub use sentence::{printable, sentence};
pub use tombolo_manifest::pattern::{HttpPattern, PathProblem, check_path};
pub use wishes::wishes;

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything one system asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wishes {
    /// The system.
    pub system: String,
    /// The adapter.
    pub adapter: GrantedAdapter,
    /// Sorted, without repeats.
    pub items: Vec<Item>,
    /// Why, by connection, key or other name, in the vendor's words.
    pub reasons: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
