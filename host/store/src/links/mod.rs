//! Cross-references: one person or item (an *entity* of a kind such as `customer`) under many ids, at most one per system.
//!
//! A link says that ids are of one entity. Linking again changes nothing; entities that do not contradict each other
//! become one; what contradicts is a [`Conflict`], never a guess: a person says what is right.

mod memory;
mod plan;
mod task;
mod words;

pub use memory::LinkTable;
pub(crate) use plan::{Changes, Plan, plan};
pub use task::{KEEP, REPLACE, TaskLink};
pub use words::{contradiction, displaced, question};

use crate::StoreError;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt;
use tombolo_kernel::limits;

/// Where the ids of entities are kept.
pub trait CrossReferences: Send + Sync {
    /// Makes links one after another, all in one transaction. Synced; again is no change.
    fn link(&self, orders: Vec<LinkOrder>) -> BoxFuture<'_, Result<Vec<LinkOutcome>, StoreError>>;

    /// Takes an id out of its entity, and the last id left with it; returns the entity as it was. Synced.
    fn unlink(&self, unlink: Unlink) -> BoxFuture<'_, Result<Entity, StoreError>>;

    /// Entities by number, ascending, filtered, for people.
    fn entities(&self, filter: EntityFilter) -> BoxFuture<'_, Result<Vec<Entity>, StoreError>>;

    /// What was linked and unlinked, the newest first, for people.
    fn link_changes(
        &self,
        filter: ChangeFilter,
    ) -> BoxFuture<'_, Result<Vec<LinkChange>, StoreError>>;

    /// The id in `other` of the entity that has `id` in `system`. Asks the disk on the caller's thread, by an index: some
    /// microseconds. Sees every link that was acknowledged before.
    ///
    /// # Errors
    /// The store cannot be read.
    fn counterpart(
        &self,
        kind: &str,
        system: &str,
        id: &str,
        other: &str,
    ) -> Result<Option<String>, StoreError>;
}

/// An entity's id in one system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SystemId {
    /// The system.
    pub system: String,
    /// The id there.
    pub id: String,
}

/// Who or what made a link, or took it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// The person; empty: no person did.
    #[serde(default)]
    pub by: String,
    /// `12.sync/known`, the run and its step; `import customers.csv`; empty: a person by hand.
    #[serde(default)]
    pub cause: String,
    /// Why, if a person said.
    #[serde(default)]
    pub reason: String,
}

/// Ids that are of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// `customer`.
    pub kind: String,
    /// At least two, each of another system. Where a person says `replace`, the entity of the first keeps its other ids.
    pub ids: Vec<SystemId>,
    /// Who says so.
    pub maker: Maker,
}

/// A link to make, and what to do where it contradicts others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOrder {
    /// The link.
    pub link: Link,
    /// If it contradicts others.
    pub on_conflict: OnConflict,
}

/// What to do with a link that contradicts others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnConflict {
    /// Only say so.
    Tell,
    /// Take away what contradicts it: a person decided so.
    Replace,
    /// Open a task that belongs to no run; its answer makes the link or not. One that is open already asks for both.
    Ask {
        /// The task's id, if one is opened.
        task: String,
        /// Who may answer.
        role: String,
    },
}

/// What came of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkOutcome {
    /// It is new.
    Linked,
    /// All of it was there.
    Known,
    /// It contradicts others and was not made.
    Conflict(Conflict),
    /// It cannot be made: why.
    Refused(String),
}

/// What contradicts a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The entities that its ids are of now.
    pub stands: Vec<Entity>,
    /// Ids that would be of no entity any more if it replaced what contradicts it.
    pub displaced: Vec<SystemId>,
    /// The task that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// An id with who linked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedId {
    /// The system and the id.
    #[serde(flatten)]
    pub id: SystemId,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who or what.
    #[serde(flatten)]
    pub maker: Maker,
}

/// One person or item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Tells it from others; for paging. Not kept for ever: a number may come again when its entity is gone.
    pub number: i64,
    /// `customer`.
    pub kind: String,
    /// By system.
    pub ids: Vec<LinkedId>,
}

/// An id to take out of its entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlink {
    /// `customer`.
    pub kind: String,
    /// The id.
    pub id: SystemId,
    /// Who says so, and why.
    pub maker: Maker,
}

/// Which entities.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EntityFilter {
    /// Exact.
    pub kind: Option<String>,
    /// With an id in this system.
    pub system: Option<String>,
    /// With this id, in that system if one is named.
    pub id: Option<String>,
    /// After this number: the last of the page before.
    #[serde(default)]
    pub after: i64,
    /// At most so many; 0 means 50.
    #[serde(default)]
    pub limit: u32,
}

/// Which changes.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ChangeFilter {
    /// Exact.
    pub kind: Option<String>,
    /// Exact.
    pub system: Option<String>,
    /// Exact.
    pub id: Option<String>,
    /// Older than this number: the last of the page before.
    pub before: Option<i64>,
    /// At most so many; 0 means 50.
    #[serde(default)]
    pub limit: u32,
}

/// An id was linked or unlinked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChange {
    /// Its place among the changes.
    pub number: i64,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// `customer`.
    pub kind: String,
    /// The id.
    #[serde(flatten)]
    pub id: SystemId,
    /// False: it was taken out.
    pub linked: bool,
    /// With which others: `crm C-7, shop 12`.
    pub with: String,
    /// Who or what.
    #[serde(flatten)]
    pub maker: Maker,
}

impl Link {
    /// Whether it can be kept at all.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let most = limits::LINK_SYSTEMS;
        if !(2..=most).contains(&self.ids.len()) {
            let found = self.ids.len();
            return Err(format!(
                "found {found} ids, expected 2 to {most}: a link says that ids of different systems are of one {}",
                self.kind
            ));
        }
        for (at, id) in self.ids.iter().enumerate() {
            id.check()?;
            if self.ids[..at].iter().any(|other| other.system == id.system) {
                return Err(format!(
                    "found two ids of the system \"{}\", expected at most one of each",
                    id.system
                ));
            }
        }
        Ok(())
    }

    /// The task's part of a question about it.
    #[must_use]
    pub fn to_ask(&self, conflict: &Conflict) -> TaskLink {
        TaskLink {
            link: self.clone(),
            displaced: conflict.displaced.clone(),
        }
    }
}

impl SystemId {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let most = limits::LINK_ID;
        match self.id.len() {
            0 => Err(format!(
                "found an empty id for the system \"{}\", expected its id there",
                self.system
            )),
            found if found > most => Err(format!(
                "found an id of {found} bytes for the system \"{}\", expected at most {most}",
                self.system
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.system, self.id)
    }
}

impl Entity {
    /// Its id in a system.
    #[must_use]
    pub fn id_in(&self, system: &str) -> Option<&str> {
        let mut ids = self.ids.iter().map(|linked| &linked.id);
        ids.find(|id| id.system == system).map(|id| id.id.as_str())
    }

    pub(crate) fn has(&self, id: &SystemId) -> bool {
        self.id_in(&id.system) == Some(id.id.as_str())
    }
}
