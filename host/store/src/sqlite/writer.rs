//! The one thread that writes. It takes what waits, writes it in one transaction, and tells those who asked only
//! after COMMIT came back, which is after the write-ahead log was synced.
//!
//! Any failure of the disk fails every command of that commit. The connection is thrown away and made again for
//! the next command, so that the store goes on by itself once space or the disk is back.

use super::apply::{self, Known};
use super::audit::chain::Chain;
use super::checkpointer::Checkpointer;
use super::error::{is_the_rows_fault, unavailable};
use super::identity::Identities;
use super::lock::FolderLock;
use super::names::Names;
use super::queue::{Group, Queue};
use super::{events, schema};
use crate::StoreError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_kernel::clock::{SharedClock, thread_time};
use tombolo_kernel::limits;

/// All the thread owns.
pub(crate) struct Writer {
    path: PathBuf,
    queue: Arc<Queue>,
    clock: SharedClock,
    /// None after a failure, until the next command.
    connection: Option<Connection>,
    known: Known,
    /// Since when nothing could be written, and how many commands met it.
    down: Option<(Instant, u64)>,
    checkpointer: Checkpointer,
    /// Most pages the file may have; 0 is no bound. Tests fill the disk with it.
    most_pages: Arc<AtomicU32>,
    _lock: FolderLock,
}

impl Writer {
    /// Takes over a connection that [`schema::open`] made.
    pub(crate) fn new(
        path: PathBuf,
        queue: Arc<Queue>,
        clock: SharedClock,
        connection: Connection,
        lock: FolderLock,
        most_pages: Arc<AtomicU32>,
    ) -> Result<Self, StoreError> {
        let checkpointer = Checkpointer::start(path.clone());
        let mut writer = Self {
            path,
            queue,
            clock,
            connection: None,
            known: Known::default(),
            down: None,
            checkpointer,
            most_pages,
            _lock: lock,
        };
        writer.adopt(connection)?;
        Ok(writer)
    }

    /// Until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let _guard = AbandonOnExit(Arc::clone(&self.queue));
        let (mut gather, mut cost) = (None, Duration::ZERO);
        while let Some(group) = self.queue.take(gather) {
            gather = gathered(group.commands.len(), cost).map(|time| Instant::now() + time);
            let before = thread_time();
            self.write(group);
            // Of the last few: one that meets a checkpoint, or another program's load, says little.
            cost = (cost * 7 + thread_time().saturating_sub(before)) / 8;
            if let Some(connection) = &self.connection {
                self.checkpointer.after_commit(connection);
            }
        }
        self.finish();
    }

    fn write(&mut self, mut group: Group) {
        match self.commit(&mut group) {
            Ok(()) => self.is_up(&group),
            Err(error) => {
                self.is_down(&error, group.commands.len());
                for command in &mut group.commands {
                    command.fail(error.clone());
                }
                self.queue.put_back(std::mem::take(&mut group.records));
            }
        }
        for command in group.commands {
            command.reply();
        }
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let before = self.known.ends();
        if self.connection.is_none() {
            let connection = schema::reopen(&self.path).map_err(|error| unavailable(&error))?;
            self.adopt(connection)?;
        }
        let Some(connection) = &self.connection else {
            return Err(StoreError::Unavailable(
                "the store's file is not open".into(),
            ));
        };
        let result = transact(connection, &mut self.known, now_ms, group);
        if let Err(error) = &result {
            // It may be rolled back already; what matters is that nothing of it is taken as stored.
            let _ = connection.execute_batch("ROLLBACK");
            self.known.roll_back(before);
            self.connection = None;
            return Err(unavailable(error));
        }
        Ok(())
    }

    fn adopt(&mut self, connection: Connection) -> Result<(), StoreError> {
        let (chain, trouble) = Chain::load(&connection)?;
        self.learn(connection)
            .map_err(|error| unavailable(&error))?;
        self.known.chain = chain;
        if let Some(trouble) = trouble {
            tracing::error!(store = %self.path.display(), trouble, "somebody changed the audit; `tombolo audit verify` tells more");
            let record = AuditRecord::new(Kind::Altered, self.clock.now_ms())
                .about(trouble)
                .ended(Outcome::Failed, "found when the store was opened");
            self.queue
                .record(|records| records.audits.push_back(Arc::new(record)));
        }
        Ok(())
    }

    fn learn(&mut self, mut connection: Connection) -> rusqlite::Result<()> {
        // Closing must not start the long copy of the log; `finish` does it when it is wanted.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let most_pages = self.most_pages.load(Ordering::Relaxed);
        if most_pages > 0 {
            connection.execute_batch(&format!("PRAGMA max_page_count = {most_pages}"))?;
        }
        self.checkpointer.watch(&mut connection)?;
        self.known.names.forget();
        let last_seq = events::last_seq(&connection)?;
        // After a failure the memory is mostly right, and a full disk is tried again often.
        if !self.known.is_loaded || last_seq != self.known.last_seq {
            let identities = Identities::load(&connection)?;
            self.known = Known {
                names: Names::default(),
                identities,
                chain: Chain::default(),
                last_seq,
                is_loaded: true,
            };
        }
        self.connection = Some(connection);
        Ok(())
    }

    fn is_up(&mut self, group: &Group) {
        if let Some((since, failed)) = self.down.take() {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(store = %self.path.display(), seconds, failed, "the store writes again");
        }
        if group.records.lost > 0 {
            tracing::warn!(store = %self.path.display(), lost = group.records.lost, "audit records were lost: too many waited for the disk");
        }
    }

    fn is_down(&mut self, error: &StoreError, commands: usize) {
        let (_, failed) = self.down.get_or_insert_with(|| {
            tracing::error!(
                store = %self.path.display(), %error,
                "the store cannot write: nothing is acknowledged until it can; it is tried again with every write"
            );
            (Instant::now(), 0)
        });
        *failed += commands as u64;
    }

    /// Moves the log into the file, so that what is left is one file. A failure loses nothing: the log stays.
    fn finish(mut self) {
        self.checkpointer.stop();
        let Some(connection) = self.connection.take() else {
            return;
        };
        let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, i64>(0)
        });
        if !matches!(moved, Ok(0)) {
            tracing::info!(store = %self.path.display(), "the write-ahead log stays beside the store until the next start");
        }
    }
}

/// Whoever waits for a writer that panicked is told so, and does not wait for ever.
struct AbandonOnExit(Arc<Queue>);

impl Drop for AbandonOnExit {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// How long the commit after one of so many writes gathers, when one costs so much processor time. A machine on which they
/// are dear commits less often: its processors have the more to do meanwhile.
fn gathered(writes: usize, cost: Duration) -> Option<Duration> {
    let writes = u32::try_from(writes).ok().filter(|writes| *writes > 1)?;
    let most = (cost * limits::GATHER_PER_COST).clamp(limits::GATHER, limits::GATHER_MOST);
    let time = limits::GATHER_PER_WRITE.saturating_mul(writes);
    Some(time.clamp(limits::GATHER, most))
}

fn transact(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    group: &mut Group,
) -> rusqlite::Result<()> {
    let before = known.ends();
    let begin = || connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]);
    begin()?;
    match apply::all(connection, known, now_ms, &mut group.commands) {
        Ok(()) => {}
        Err(error) if is_the_rows_fault(&error) => {
            // Rare: one of them breaks a rule of the tables. Again, each apart.
            connection.prepare_cached("ROLLBACK")?.execute([])?;
            known.roll_back(before);
            begin()?;
            apply::each(connection, known, now_ms, &mut group.commands)?;
        }
        Err(error) => return Err(error),
    }
    apply::records(connection, known, now_ms, &mut group.records)?;
    known.identities.step(connection)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    known.identities.commit(known.last_seq);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_gathers_by_what_comes_and_by_what_commits_cost() {
        let (us, ms) = (Duration::from_micros, Duration::from_millis);
        let table = [
            // A lone write never makes the next one wait.
            (0, ms(1), None),
            (1, ms(1), None),
            (2, us(500), Some(ms(1))),
            (16, us(500), Some(ms(2))),
            (64, us(500), Some(us(2_500))),
            (64, us(800), Some(ms(4))),
            (1_024, ms(9), Some(ms(5))),
            // Nothing is known of what it costs.
            (64, ms(0), Some(ms(1))),
        ];
        for (writes, cost, expected) in table {
            assert_eq!(
                gathered(writes, cost),
                expected,
                "{writes} writes, {cost:?}"
            );
        }
    }
}
