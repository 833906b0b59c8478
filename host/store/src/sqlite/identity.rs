//! Which events are in the log already, without an index that every event must update.
//!
//! Senders choose ids, mostly at random, and a unique index over random keys writes a page of its own for every
//! event: eight times what the event itself takes. So the identities of the newest events are only in memory (the
//! log has them; a start reads them back), and move into table `identity` sorted, some with each commit, so that
//! one page takes many. An identity is 64 bits of SHA-256 over the store's id, source and id; a match is compared
//! with the event's row before it counts.

use super::rows::{Binder, Insert};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use tombolo_kernel::event::Event;

/// Identities in memory at which they begin to move: 2 MiB, read back within a quarter of a second. In tests few,
/// so that every test moves some.
const RECENT: usize = if cfg!(test) { 16 } else { 65_536 };
/// Least that moves with a commit; twice what the commit adds, if that is more.
const MOVED: usize = if cfg!(test) { 3 } else { 256 };

const INSERT: Insert = Insert {
    head: "INSERT OR IGNORE INTO identity (hash, seq)",
    columns: 2,
    tail: "",
};

/// Hash and place.
type Entry = (i64, i64);

/// The writer's memory of the newest identities.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    store: String,
    recent: BTreeSet<Entry>,
    /// On their way into the table, all of them still known here.
    moving: BTreeSet<Entry>,
    /// The last of `moving` that is in the table, and the one after the running transaction commits.
    moved: Option<Entry>,
    staged: Option<Entry>,
    /// The newest place in `moving`.
    until: i64,
    /// Added by the running transaction, in order of place.
    added: Vec<Entry>,
}

impl Identities {
    /// Reads back what is in the log and not in the table.
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let site = |key: &str| format!("SELECT value FROM site WHERE key = '{key}'");
        let store: String = connection.query_row(&site("id"), [], |row| row.get(0))?;
        let identified: i64 = connection.query_row(&site("identified"), [], |row| row.get(0))?;
        let mut identities = Self {
            store,
            ..Self::default()
        };
        let mut statement = connection
            .prepare("SELECT seq, (SELECT text FROM name WHERE number = source), id FROM event WHERE seq > ?1")?;
        let mut rows = statement.query([identified])?;
        while let Some(row) = rows.next()? {
            let (source, id) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
            let hash = identities.hash(source, id);
            identities.recent.insert((hash, row.get(0)?));
        }
        Ok(identities)
    }

    /// What the table calls an event.
    pub(crate) fn hash(&self, source: &str, id: &str) -> i64 {
        let mut digest = Sha256::new();
        for part in [self.store.as_str(), source, id] {
            // Lengths first, so that parts cannot run into each other.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest
            .finalize()
            .iter()
            .take(8)
            .fold(0, |hash, byte| (hash << 8) | i64::from(*byte))
    }

    /// The hashes of some events, and the places where they may be according to the table.
    pub(crate) fn look_up(
        &self,
        connection: &Connection,
        events: &[&Event],
    ) -> rusqlite::Result<(Vec<i64>, Vec<Entry>)> {
        let hashes: Vec<i64> = events
            .iter()
            .map(|event| self.hash(&event.source, &event.id))
            .collect();
        let marks = vec!["?"; hashes.len()].join(",");
        let mut statement = connection.prepare_cached(&format!(
            "SELECT hash, seq FROM identity WHERE hash IN ({marks})"
        ))?;
        let rows = statement.query_map(rusqlite::params_from_iter(&hashes), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let stored = rows.collect::<rusqlite::Result<_>>()?;
        Ok((hashes, stored))
    }

    /// The places of the newest events with this hash: none or, in all likelihood, one.
    pub(crate) fn recent(&self, hash: i64) -> impl Iterator<Item = i64> {
        let all = (hash, i64::MIN)..=(hash, i64::MAX);
        self.recent
            .range(all.clone())
            .chain(self.moving.range(all))
            .map(|(_, seq)| *seq)
    }

    /// A fresh event.
    pub(crate) fn add(&mut self, hash: i64, seq: i64) {
        self.recent.insert((hash, seq));
        self.added.push((hash, seq));
    }

    /// Moves some into the table, in the running transaction.
    pub(crate) fn step(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        use std::ops::Bound::{Excluded, Unbounded};
        if self.moving.is_empty() {
            return Ok(());
        }
        let from = self.moved.map_or(Unbounded, Excluded);
        let most = MOVED.max(2 * self.added.len());
        let entries: Vec<Entry> = self
            .moving
            .range((from, Unbounded))
            .take(most)
            .copied()
            .collect();
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
            rest = after;
            let mut statement = INSERT.prepare(connection, chunk.len())?;
            let mut binder = Binder::new(&mut statement);
            for (hash, seq) in chunk {
                binder.bind(hash)?;
                binder.bind(seq)?;
            }
            statement.raw_execute()?;
        }
        self.staged = entries.last().copied().or(self.moved);
        if self.staged == self.moving.last().copied() {
            connection
                .prepare_cached("UPDATE site SET value = ?1 WHERE key = 'identified'")?
                .execute([self.until])?;
        }
        Ok(())
    }

    /// Forgets what the running transaction added after this place.
    pub(crate) fn roll_back(&mut self, last_seq: i64) {
        self.staged = None;
        while let Some(entry) = self.added.pop_if(|(_, seq)| *seq > last_seq) {
            self.recent.remove(&entry);
        }
    }

    /// The transaction is on disk.
    pub(crate) fn commit(&mut self, last_seq: i64) {
        self.added.clear();
        if let Some(staged) = self.staged.take() {
            self.moved = Some(staged);
            if self.moving.last() == Some(&staged) {
                self.moving.clear();
                self.moved = None;
            }
        }
        if self.moving.is_empty() && self.recent.len() >= RECENT {
            self.moving = std::mem::take(&mut self.recent);
            self.until = last_seq;
        }
    }
}

/// Whether the event at a place is this one.
pub(crate) fn is_at(
    connection: &Connection,
    seq: i64,
    source: i64,
    event: &Event,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM event WHERE seq = ?1 AND source = ?2 AND id = ?3")?
        .exists((seq, source, &event.id))
}
