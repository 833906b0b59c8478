//! The audit as it is kept: records in one chain. Each record's hash covers its bytes, its number and the hash before
//! it, so that whoever knows one hash, an [`Anchor`], can tell whether anything up to there was changed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};

use crate::StoreError;

/// A place in the chain: a record's number and its hash. Written `1042:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// From 1; 0 is before the first.
    pub number: i64,
    /// SHA-256.
    pub hash: [u8; 32],
}

/// A record as it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct StoredAudit {
    /// Its place in the chain.
    pub number: i64,
    /// Its hash, hexadecimal.
    pub hash: String,
    /// The bytes that were hashed. Where they are no JSON, a text of them: somebody altered the file.
    pub record: Box<RawValue>,
}

/// A page of records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AuditPage {
    /// As asked for.
    pub records: Vec<StoredAudit>,
    /// Where to go on; absent: these were all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this system.
    pub system: Option<String>,
    /// That began then or later, milliseconds since the epoch.
    pub since_ms: Option<u64>,
    /// That began then or earlier, milliseconds since the epoch.
    pub until_ms: Option<u64>,
    /// Decided by this person, or with the token of this name.
    pub who: Option<String>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// Caused by this event.
    pub event: Option<i64>,
    /// Caused by this run.
    pub run: Option<String>,
    /// Of one of these kinds; none: of any.
    pub kinds: Vec<Kind>,
    /// [`AuditPage::next`] of the page before.
    pub after: Option<String>,
    /// At most so many; 0 means 50.
    pub limit: u32,
}

/// What a look at a part of the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    /// Records that follow from each other.
    pub records: u64,
    /// Where the look began.
    #[serde(serialize_with = "shown")]
    pub from: Anchor,
    /// The last good place: the next page goes on from here.
    #[serde(serialize_with = "shown")]
    pub to: Anchor,
    /// The first record that is not as it was written, and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<AuditProblem>,
    /// More records follow.
    pub more: bool,
}

/// Something that this host did not write so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditProblem {
    /// The first record concerned.
    pub number: i64,
    /// What was found, and what was expected.
    pub what: String,
}

/// The audit of a site, kept beside its log.
pub trait AuditTrail: Send + Sync {
    /// Keeps a record; written with the next commit, bounded, never blocks.
    fn keep(&self, record: Arc<AuditRecord>);

    /// Waits until everything kept before is on disk, synced.
    fn kept(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Records that match, the newest first.
    fn find(&self, filter: AuditFilter) -> BoxFuture<'_, Result<AuditPage, StoreError>>;

    /// All records after a number, in their order.
    fn after(&self, number: i64, limit: u32)
    -> BoxFuture<'_, Result<Vec<StoredAudit>, StoreError>>;

    /// The last record that a collector of this name took; 0: none yet.
    fn position(&self, collector: &str) -> BoxFuture<'_, Result<i64, StoreError>>;

    /// Says that a collector took everything up to a record; written with the next commit.
    fn exported(&self, collector: &str, number: i64);

    /// The newest place in the chain.
    fn anchor(&self) -> BoxFuture<'_, Result<Anchor, StoreError>>;

    /// Looks at records after a place that is known to be good, or from the beginning of what is kept.
    fn check(
        &self,
        from: Option<Anchor>,
        limit: u32,
    ) -> BoxFuture<'_, Result<AuditCheck, StoreError>>;
}

impl Anchor {
    /// Before the first record of the store with this id: chains of two stores never fit each other.
    #[must_use]
    pub fn first(store: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"tombolo audit chain\n")
            .chain_update(store.as_bytes());
        Self {
            number: 0,
            hash: hash.finalize().into(),
        }
    }

    /// The place after this one, of a record with these bytes; `None` after the last number there is.
    #[must_use]
    pub fn next(&self, record: &[u8]) -> Option<Self> {
        let number = self.number.checked_add(1)?;
        let hash = Sha256::new()
            .chain_update(self.hash)
            .chain_update(number.to_be_bytes())
            .chain_update(record);
        Some(Self {
            number,
            hash: hash.finalize().into(),
        })
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.number, hex::encode(self.hash))
    }
}

/// What is no anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {0:?}, expected an anchor such as `tombolo audit anchor` prints: a number, a colon, 64 hexadecimal digits"
)]
pub struct NotAnAnchor(pub String);

impl FromStr for Anchor {
    type Err = NotAnAnchor;

    fn from_str(text: &str) -> Result<Self, NotAnAnchor> {
        let parsed = text.trim().split_once(':').and_then(|(number, hash)| {
            Some(Self {
                number: number.parse().ok().filter(|number| *number >= 0)?,
                hash: hex::decode(hash).ok()?.try_into().ok()?,
            })
        });
        parsed.ok_or_else(|| NotAnAnchor(text.chars().take(100).collect()))
    }
}

fn shown<S: serde::Serializer>(anchor: &Anchor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(anchor)
}
