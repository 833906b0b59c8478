//! Who may use the API: roles, what narrows a token, tokens made by command. Knows nothing of HTTP.
//!
//! Which role may use which route is said once, in `api/routes.rs`.

mod kept;
mod revoked;
mod secret;
#[cfg(test)]
mod tests;
mod usage;
mod used;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tombolo_flow::delivery::Rate;
use tombolo_kernel::clock::Millis;

pub use kept::{KEPT_FILE, KeptError, KeptToken, KeptTokens, change, listed, revoke};
pub(crate) use kept::{Usable, private_folder};
pub use secret::{digest, hexadecimal, is_made_here, new_token};
pub(crate) use usage::{Bucket, Pace, TokenUse};
pub(crate) use used::run;
pub use used::{USED_FILE, Used, used};

/// What somebody is to the host. A reviewer decides what systems may reach, an operator runs them: no token is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything, repairs and replays runs, reads feeds, reloads.
    Operator,
    /// Looks at everything; approves what systems may reach, and operates nothing.
    Reviewer,
    /// Looks at everything and changes nothing.
    Auditor,
    /// Publishes events, and sees nothing.
    Publisher,
    /// Answers tasks.
    Person,
    /// An AI assistant: sees which systems there are.
    Assistant,
}

impl Role {
    /// All of them, with the word that a token's `may` has for each.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Operator, "operator", "operate"),
        (Self::Reviewer, "reviewer", "review"),
        (Self::Auditor, "auditor", "audit"),
        (Self::Publisher, "publisher", "publish"),
        (Self::Person, "person", "answer"),
        (Self::Assistant, "assistant", "assist"),
    ];

    /// As `role:` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(role, ..)| *role == self)
            .map_or("", |(_, name, _)| name)
    }

    /// The role that `role:` spells so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == name);
        found.map(|(role, ..)| *role)
    }

    /// The role that `may:` spells so.
    #[must_use]
    pub fn that_may(verb: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(.., known)| *known == verb);
        found.map(|(role, ..)| *role)
    }
}

/// What a token is narrowed to; `None`: everything of that kind. A token that is narrowed in anything may use only
/// what can be narrowed so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Systems it may look at and whose feeds it may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systems: Option<BTreeSet<String>>,
    /// Flows whose runs it may look at, repair and replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flows: Option<BTreeSet<String>>,
    /// Types of event it may publish and look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<BTreeSet<String>>,
    /// Roles whose tasks it may see and answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<BTreeSet<String>>,
}

/// One way to narrow a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// By system.
    Systems,
    /// By flow.
    Flows,
    /// By type of event.
    Types,
    /// By the role that a task asks.
    Tasks,
}

impl Dimension {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Systems, Self::Flows, Self::Types, Self::Tasks];

    /// As a token's key spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Systems => "systems",
            Self::Flows => "flows",
            Self::Types => "types",
            Self::Tasks => "tasks",
        }
    }
}

/// What a token may see of one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within<'s> {
    /// Everything.
    All,
    /// These names only.
    Only(&'s BTreeSet<String>),
    /// Nothing: the token is narrowed in something else.
    Nothing,
}

impl Within<'_> {
    /// Whether it may see this one.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
            Self::Nothing => false,
        }
    }
}

impl Scopes {
    /// Whether nothing is narrowed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// What may be seen of one kind of thing.
    #[must_use]
    pub fn within(&self, dimension: Dimension) -> Within<'_> {
        match self.of(dimension) {
            Some(names) => Within::Only(names),
            None if self.is_whole() => Within::All,
            None => Within::Nothing,
        }
    }

    /// The names of one kind.
    #[must_use]
    pub fn of(&self, dimension: Dimension) -> Option<&BTreeSet<String>> {
        match dimension {
            Dimension::Systems => self.systems.as_ref(),
            Dimension::Flows => self.flows.as_ref(),
            Dimension::Types => self.types.as_ref(),
            Dimension::Tasks => self.tasks.as_ref(),
        }
    }
}

/// What a token allows, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// What its bearer is.
    pub roles: BTreeSet<Role>,
    /// What narrows it.
    pub scopes: Scopes,
    /// From then on it is none.
    pub expires_ms: Option<Millis>,
    /// Its requests in a time, those that publish too; none: as the site says, and publishing is free.
    pub rate: Option<Rate>,
}

impl Access {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now_ms: Millis) -> bool {
        self.expires_ms.is_some_and(|end| end <= now_ms)
    }
}

/// `2027-01-31` (its first moment in UTC) or `2027-01-31T08:00:00Z`, as milliseconds.
#[must_use]
pub fn moment(text: &str) -> Option<Millis> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let day: jiff::civil::Date = text.parse().ok()?;
            day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    u64::try_from(at.as_millisecond()).ok()
}
