//! What a system asks for, what a reviewer granted, and whether a call is inside it. Pure: values to values.
//!
//! A grant binds one adapter digest and a list of exact [`Item`]s with the real places they are bound to. A wish
//! that the grant neither gives nor refuses by name holds the system back.
//!
//! - [`wishes`]: what a system asks for, from its spec
//! - [`choose`]: what a reviewer gives of it, and what not
//! - [`decide`]: may it start; [`ReviewRules`]: what the site asks of approvals; [`diff`]: what a reviewer must look at
//! - [`ActiveGrant`]: the check on every call; [`Uses`]: what it allowed how often
//! - [`goes_back`]: whether an approval would take an older version
//! - [`sentence`]: an item in plain words; [`worst`]: the worst that could come of it; [`risks`]: of them together

mod active;
mod choose;
mod decide;
mod diff;
mod file;
mod item;
mod place;
mod risk;
mod rollback;
mod rules;
mod sentence;
mod uses;
mod wishes;
mod worst;

pub use active::{ActiveGrant, Denied};
pub use choose::{Choice, ChoiceProblem, Chosen, choose};
pub use decide::{HeldBack, decide};
pub use diff::{GrantDiff, Standing, diff, standings};
pub use file::{Approval, FORMAT, Grant, GrantedAdapter};
pub use item::Item;
pub use risk::{Risk, RiskKind, risks};
pub use rollback::goes_back;
pub use rules::{ReviewRules, comment, person, statement};
pub use sentence::{printable, sentence};
pub use tombolo_manifest::pattern::{HttpPattern, PathProblem, check_path};
pub use uses::Uses;
pub use wishes::wishes;
pub use worst::worst;

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
