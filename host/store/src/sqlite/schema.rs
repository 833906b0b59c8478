//! The file's format: tables, version, and how connections are set up.
//!
//! Texts that repeat (sources, types, flows, digests) are numbered in `name`, so that rows and indexes stay small;
//! the views `events`, `runs` and `audits` show them in full to people with their own tools. A file of another
//! program or of a newer format is refused before anything in it changes; an older one is upgraded by [`migrations`].

use super::error::unavailable;
use super::lock::FolderLock;
use super::migrations::{self, FIRST, FORMAT};
use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{DirBuilder, File};
use std::path::Path;
use std::time::Duration;
use tombolo_kernel::clock::new_id;

/// `TOMB`: says whose file it is.
const APPLICATION_ID: i32 = 0x544f_4d42;
/// Bytes. Larger ones make a commit of one event dearer: each page it touches goes to the log whole.
const PAGE_BYTES: u32 = 4096;
/// The writer's page cache, KiB: the identities of a million events, and the ends of the other tables. A larger one makes
/// each commit dearer: splitting a page in the middle of a tree makes SQLite look through its whole cache at COMMIT
/// (`pcache1TruncateUnsafe`), 80 us with 64 MiB; what is not here is in the machine's own cache.
const WRITER_CACHE_KIB: u32 = 16 << 10;
/// A reader's page cache, KiB.
const READER_CACHE_KIB: u32 = 4 << 10;
/// How long a connection waits for a lock that only recovery and checkpoints take.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// Distinct statements that stay prepared: every chunk size of five of them, and the single ones.
const STATEMENTS: usize = 96;

/// Status numbers: 0 queued, 1 active, 2 waiting, 3 done, 4 dead, 5 discarded. Replay 0 is the run an event causes when
/// it comes; `needs` is the system a run waits for. Done runs are in no partial index, so that a
/// run that succeeds at once is one row in one tree. Never changed any more: what came since is in [`migrations`].
const TABLES: &str = "
CREATE TABLE site (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE name (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, stored_ms INTEGER NOT NULL, source INTEGER NOT NULL, id TEXT NOT NULL,
  kind INTEGER NOT NULL, subject TEXT, time TEXT NOT NULL, data TEXT NOT NULL, hops INTEGER NOT NULL, cause TEXT
) STRICT;
CREATE INDEX event_kind ON event (kind, seq);
CREATE TABLE listen (
  kind INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL,
  path TEXT NOT NULL, PRIMARY KEY (kind, key, seq, flow, replay)
) STRICT, WITHOUT ROWID;
CREATE INDEX listen_run ON listen (seq, flow, replay);
CREATE TABLE heard (
  seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL, event INTEGER NOT NULL,
  PRIMARY KEY (seq, flow, replay, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE identity (hash INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (hash, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE run (
  seq INTEGER NOT NULL, flow INTEGER NOT NULL, replay INTEGER NOT NULL, version INTEGER NOT NULL, lane TEXT NOT NULL,
  needs INTEGER, status INTEGER NOT NULL, wake_ms INTEGER, started_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, state TEXT NOT NULL, trace TEXT NOT NULL,
  PRIMARY KEY (seq, flow, replay)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_lane ON run (flow, lane, seq, replay, status) WHERE status < 3;
CREATE INDEX run_wake ON run (wake_ms) WHERE wake_ms IS NOT NULL;
CREATE INDEX run_needs ON run (needs, seq, flow, replay) WHERE needs IS NOT NULL;
CREATE INDEX run_replay ON run (replay) WHERE replay > 0;
CREATE INDEX run_status ON run (status, seq) WHERE status <> 3;
CREATE TABLE task (
  id TEXT PRIMARY KEY, run TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, question TEXT NOT NULL,
  options TEXT NOT NULL, asked_ms INTEGER NOT NULL, until_ms INTEGER,
  answer TEXT, answered_by TEXT, comment TEXT, closed_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX task_run ON task (run);
CREATE INDEX task_asked ON task (asked_ms);
CREATE INDEX task_open ON task (asked_ms) WHERE closed_ms IS NULL;
CREATE TABLE pair (
  system INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (system, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE pair_usage (system INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
CREATE TABLE cursor (
  owner INTEGER NOT NULL, name TEXT NOT NULL, cursor TEXT, read_ms INTEGER NOT NULL, events INTEGER NOT NULL,
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, system INTEGER NOT NULL, digest INTEGER NOT NULL,
  permit INTEGER NOT NULL, capability INTEGER NOT NULL, target INTEGER NOT NULL, what TEXT NOT NULL,
  outcome TEXT NOT NULL, denied INTEGER NOT NULL, micros INTEGER NOT NULL, sent INTEGER NOT NULL,
  received INTEGER NOT NULL, cause TEXT NOT NULL
) STRICT;
CREATE INDEX audit_denied ON audit (number) WHERE denied = 1;
CREATE VIEW events AS SELECT seq, datetime(stored_ms / 1000, 'unixepoch') AS stored,
  (SELECT text FROM name WHERE number = source) AS source, id,
  (SELECT text FROM name WHERE number = kind) AS type, subject, time, data, hops, cause FROM event;
CREATE VIEW runs AS SELECT seq || '.' || (SELECT text FROM name WHERE number = flow) ||
  CASE replay WHEN 0 THEN '' ELSE '.replay-' || replay END AS id, lane,
  CASE status WHEN 0 THEN 'queued' WHEN 1 THEN 'active' WHEN 2 THEN 'waiting' WHEN 3 THEN 'done' WHEN 4 THEN 'dead'
  ELSE 'discarded' END AS status, (SELECT text FROM name WHERE number = needs) AS needs,
  datetime(wake_ms / 1000, 'unixepoch') AS wake, datetime(started_ms / 1000, 'unixepoch') AS started,
  datetime(updated_ms / 1000, 'unixepoch') AS updated, (SELECT text FROM name WHERE number = version) AS flow_version,
  state, trace FROM run;
CREATE VIEW cursors AS SELECT (SELECT text FROM name WHERE number = owner) AS owner, name, cursor,
  datetime(read_ms / 1000, 'unixepoch') AS read, events FROM cursor;
CREATE VIEW audits AS SELECT datetime(at_ms / 1000, 'unixepoch') AS at,
  (SELECT text FROM name WHERE name.number = system) AS system, (SELECT text FROM name WHERE name.number = digest) AS digest,
  (SELECT text FROM name WHERE name.number = permit) AS approved_by_grant,
  (SELECT text FROM name WHERE name.number = capability) AS capability, (SELECT text FROM name WHERE name.number = target) AS target,
  what, outcome, denied, micros, sent, received, cause FROM audit;
";

/// Locks the folder, and makes the file or checks it. Answers the writer's connection and the store's id.
pub(crate) fn open(
    path: &Path,
    now_ms: u64,
) -> Result<(FolderLock, Connection, String), StoreError> {
    make_folder(path)?;
    let lock = FolderLock::take(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| at(path, &error))?;
    let kind = identify(&connection, path)?;
    set_up_writer(&connection).map_err(|error| at(path, &error))?;
    let format = match kind {
        Found::Ours(format) => format,
        Found::Nothing => {
            create(&mut connection, now_ms).map_err(|error| at(path, &error))?;
            FIRST
        }
    };
    migrations::migrate(&mut connection, format).map_err(|error| at(path, &error))?;
    if kind != Found::Nothing && format != FORMAT {
        tracing::info!(store = %path.display(), from = format, to = FORMAT, "the store was upgraded");
    }
    let id = connection
        .query_row("SELECT value FROM site WHERE key = 'id'", [], |row| {
            row.get(0)
        })
        .map_err(|error| at(path, &error))?;
    Ok((lock, connection, id))
}

/// Opens the file again after a failure. Never makes one: an absent file is a failure, not an empty store.
pub(crate) fn reopen(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    set_up_writer(&connection)?;
    Ok(connection)
}

/// Opens the file for reading only.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(&format!(
        "PRAGMA query_only = ON; PRAGMA cache_size = -{READER_CACHE_KIB};"
    ))?;
    Ok(connection)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// A store of this format: this host's or an older one.
    Ours(i32),
}

impl Found {
    /// Its format; refuses a file that holds nothing yet.
    pub(crate) fn must_be_ours(self, path: &Path) -> Result<i32, StoreError> {
        match self {
            Self::Ours(format) => Ok(format),
            Self::Nothing => Err(StoreError::Format(format!(
                "{}: found an empty file, expected a store",
                path.display()
            ))),
        }
    }
}

/// Whose file it is.
pub(crate) fn identify(connection: &Connection, path: &Path) -> Result<Found, StoreError> {
    let refuse = |problem: String| {
        // A foreign file stays byte for byte as it was, its write-ahead log included.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        Err(StoreError::Format(format!("{}: {problem}", path.display())))
    };
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application = match pragma("application_id") {
        Ok(application) => application,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return refuse("this is not a SQLite file; expected Tombolo's store or nothing: point `data` elsewhere".into());
        }
        Err(error) => return Err(at(path, &error)),
    };
    let format = pragma("user_version").map_err(|error| at(path, &error))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| at(path, &error))?;
    match (application, format, tables) {
        (APPLICATION_ID, format @ FIRST..=FORMAT, _) => Ok(Found::Ours(format)),
        (APPLICATION_ID, newer, _) => refuse(format!(
            "its format is {newer}, this host knows {FIRST} to {FORMAT}: start the newer host that wrote it, or restore a copy of before"
        )),
        (0, 0, 0) => Ok(Found::Nothing),
        _ => refuse(format!(
            "this SQLite file belongs to another program (application id {application:#010x}, {tables} tables or \
             indexes); expected Tombolo's store or nothing: point `data` elsewhere"
        )),
    }
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The page size takes effect only in an empty file. Checkpoints are the checkpointer's.
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA cache_size = -{WRITER_CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;"
    ))
}

/// One transaction: a crash in the middle leaves an empty file, which the next start takes as new.
fn create(connection: &mut Connection, now_ms: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO site (key, value) VALUES ('id', ?1), ('checkpoint', 0), ('identified', 0)",
        [new_id(now_ms)],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FIRST)?;
    transaction.commit()
}

/// The folder, readable by the host's user alone if it is new, and synced into its parent.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    else {
        return Ok(());
    };
    let cannot = |error: std::io::Error| {
        StoreError::Unavailable(format!(
            "{}: {error}: the data folder cannot be made",
            folder.display()
        ))
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(cannot)?;
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(cannot)
}

pub(crate) fn at(path: &Path, error: &rusqlite::Error) -> StoreError {
    match unavailable(error) {
        StoreError::Unavailable(text) => {
            StoreError::Unavailable(format!("{}: {text}", path.display()))
        }
        other => other,
    }
}
