//! What a system asks for, what a reviewer granted, and whether a call is inside it. Pure: values to values.
//!
//! A grant binds one adapter digest and a list of exact [`Item`]s with the real places they are bound to. A wish
//! that is not in the grant holds the system back.
//!
//! - [`wishes`]: what a system asks for, from its spec
//! - [`decide`]: may it start; [`diff`]: what a reviewer must look at
//! - [`ActiveGrant`]: the check on every call
//! - [`goes_back`]: whether an approval would take an older version
//! - [`sentence`]: an item in plain words

mod active;
mod decide;
mod diff;
mod rollback;
mod sentence;
mod wishes;

pub use active::{ActiveGrant, Denied};
pub use decide::{HeldBack, decide};
pub use diff::{GrantDiff, diff};
pub use rollback::goes_back;
pub use sentence::{printable, sentence};
pub use tombolo_manifest::pattern::{HttpPattern, PathProblem, check_path};
pub use wishes::wishes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tombolo_manifest::Effect;

use crate::fields::Mask;

/// One exact capability, both asked for and granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "capability", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Item {
    /// Requests with this method below this path pattern of one server.
    Http {
        /// The connection's name.
        connection: String,
        /// `https://erp.example:8443/base`, no credential.
        place: String,
        /// `METHOD /path/{variable}/*`.
        allow: String,
        /// `none`, `basic as USER`, `bearer`, `header X-Key`, `query key`, `oauth2 https://... as CLIENT, scope a b`.
        credential: String,
        /// May resolve to private and loopback addresses.
        private_network: bool,
    },
    /// One statement on one database.
    Sql {
        /// The connection's name.
        connection: String,
        /// `postgres://host:5432/db as user`, no password.
        place: String,
        /// The statement's name.
        statement: String,
        /// What it does.
        effect: Effect,
        /// Its text, whole.
        text: String,
    },
    /// Messages to the topics of this pattern on one broker.
    Publish {
        /// The connection's name.
        connection: String,
        /// `mqtts://broker.example:8883 as plant`, no password.
        place: String,
        /// `plant/*/command`.
        topic: String,
    },
    /// Messages from one broker, which are taken from it.
    Subscribe {
        /// The connection's name.
        connection: String,
        /// `amqps://broker.example/shop as tombolo`, no password.
        place: String,
        /// `topic plant/+/alarm`, `queue orders`, `stream ORDERS, topic orders.>`.
        from: String,
        /// The hook that gets them.
        hook: String,
    },
    /// One use of one key.
    Key {
        /// The key's name.
        key: String,
        /// One of the manifest's uses.
        r#use: String,
        /// Derivation steps.
        derive: Vec<String>,
    },
    /// One type of event it may make.
    Emit {
        /// The type.
        event: String,
    },
    /// Durable keys and values up to this many bytes.
    Store {
        /// Bytes.
        quota: u64,
    },
    /// One action of another system.
    Action {
        /// The system.
        system: String,
        /// The action.
        action: String,
    },
    /// What the sandbox gives one call.
    Limits {
        /// Bytes of memory.
        memory: u64,
        /// Milliseconds in the guest.
        cpu_ms: u64,
        /// Milliseconds in all.
        deadline_ms: u64,
    },
    /// A field that does not reach it. Takes away, so it needs no approval to come, but one to go.
    Hide {
        /// The path.
        field: String,
    },
    /// A field that reaches it masked. As above.
    Mask {
        /// The path.
        field: String,
        /// How.
        r#as: Mask,
    },
    /// What this regular expression matches reaches it masked. As above.
    MaskMatching {
        /// The expression.
        pattern: String,
    },
}

/// A reviewer's approval: the file `grants/SYSTEM.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The system.
    pub system: String,
    /// The adapter it binds.
    pub adapter: GrantedAdapter,
    /// Who said yes.
    pub approved: Approval,
    /// To exactly what.
    pub items: Vec<Item>,
}

/// The adapter a grant binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedAdapter {
    /// `vendor/name`.
    pub name: String,
    /// Version, for people.
    pub version: String,
    /// `sha256:...`, which is what counts.
    pub digest: String,
}

/// Who approved, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The reviewer.
    pub by: String,
    /// RFC 3339.
    pub at: String,
    /// Why.
    pub reason: String,
}

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

impl Item {
    /// Whether it takes something away instead of allowing it.
    #[must_use]
    pub fn is_restriction(&self) -> bool {
        matches!(
            self,
            Self::Hide { .. } | Self::Mask { .. } | Self::MaskMatching { .. }
        )
    }

    /// Whether a reviewer who said yes to this item said yes to `wish`: the same item, or a smaller number of the
    /// same kind.
    #[must_use]
    pub fn covers(&self, wish: &Self) -> bool {
        match (self, wish) {
            (Self::Store { quota: most }, Self::Store { quota }) => quota <= most,
            (
                Self::Limits {
                    memory: most_memory,
                    cpu_ms: most_cpu,
                    deadline_ms: most_deadline,
                },
                Self::Limits {
                    memory,
                    cpu_ms,
                    deadline_ms,
                },
            ) => memory <= most_memory && cpu_ms <= most_cpu && deadline_ms <= most_deadline,
            _ => self == wish,
        }
    }
}

#[cfg(test)]
mod tests;
