//! Copies of a store: taken beside a running host, checked, and put back.
//!
//! A copy is one consistent moment: everything acknowledged before it began is in it, and the file stands alone, without
//! a write-ahead log. The host needs not know of it: SQLite lets another process read while the host writes. A copy
//! carries the store's id, so runs that go on from it repeat their calls under the same idempotency keys.

use super::audit::{CHAINED, check};
use super::lock::FolderLock;
use super::schema;
use crate::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Records of the audit that are looked at together.
const LOOK: u32 = 50_000;

/// What a checked copy holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Contents {
    /// The store's id.
    pub id: String,
    /// Its format.
    pub format: i32,
    /// Bytes of the file.
    pub bytes: u64,
    /// Events in the log.
    pub events: i64,
    /// Runs, finished or not.
    pub runs: i64,
    /// Runs that are not finished and go on when it is served.
    pub unfinished: i64,
    /// Audit records, whose chain was checked.
    pub audits: u64,
    /// When the newest event was stored, milliseconds since the epoch.
    pub newest_ms: Option<u64>,
}

/// Copies the store at `store` into the new file `to`, readable by its owner alone, synced.
///
/// # Errors
/// [`StoreError::Conflict`] when `to` exists, [`StoreError::Format`] when `store` is none,
/// [`StoreError::Unavailable`] when it cannot be read or the copy not written; then nothing is left behind.
pub fn backup(store: &Path, to: &Path) -> Result<Contents, StoreError> {
    refuse_existing(to, "name a file that is not there yet")?;
    let (connection, _) = read(store)?;
    write_whole(to, |partial| {
        let text = partial.to_str().ok_or_else(|| {
            StoreError::Conflict(format!("{}: expected a name in UTF-8", to.display()))
        })?;
        connection
            .execute("VACUUM INTO ?1", [text])
            .map_err(|error| schema::at(store, &error))
            .map(drop)
    })?;
    verify(to)
}

/// Reads every page of a copy, and checks its structure and the chain of its audit. One of an older format is good: it is upgraded when it is served.
///
/// # Errors
/// [`StoreError::Format`] when it is no store, one of a newer format, or damaged.
pub fn verify(copy: &Path) -> Result<Contents, StoreError> {
    let (connection, format) = read(copy)?;
    let failed = |error: rusqlite::Error| schema::at(copy, &error);
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Format(format!(
            "{}: the file is damaged ({found}); use another copy",
            copy.display()
        )));
    }
    let audits = audits(&connection, copy, format)?;
    let query = "SELECT (SELECT value FROM site WHERE key = 'id'), (SELECT count(*) FROM event), (SELECT count(*) FROM run), \
                 (SELECT count(*) FROM run WHERE status < 3), (SELECT stored_ms FROM event ORDER BY seq DESC LIMIT 1)";
    connection
        .query_row(query, [], |row| {
            Ok(Contents {
                id: row.get(0)?,
                format,
                bytes: fs::metadata(copy).map_or(0, |data| data.len()),
                events: row.get(1)?,
                runs: row.get(2)?,
                unfinished: row.get(3)?,
                audits,
                newest_ms: row.get::<_, Option<i64>>(4)?.map(super::error::unsigned),
            })
        })
        .map_err(failed)
}

/// How many chained records the audit has.
fn audits(connection: &Connection, copy: &Path, format: i32) -> Result<u64, StoreError> {
    let (mut from, mut records) = (None, 0);
    if format < CHAINED {
        return Ok(0);
    }
    loop {
        let check =
            check::check(connection, from, LOOK).map_err(|error| schema::at(copy, &error))?;
        records += check.records;
        if let Some(problem) = check.problem {
            return Err(StoreError::Format(format!(
                "{}: somebody changed the audit at record {}: {}; use another copy, and keep this one as evidence",
                copy.display(),
                problem.number,
                problem.what
            )));
        }
        if !check.more {
            return Ok(records);
        }
        from = Some(check.to);
    }
}

/// Puts a checked copy in the place of a store that is not there.
///
/// # Errors
/// Those of [`verify`]; [`StoreError::Conflict`] when a host has that store open, or one is there already.
pub fn restore(copy: &Path, store: &Path) -> Result<Contents, StoreError> {
    let contents = verify(copy)?;
    schema::make_folder(store)?;
    let _lock = FolderLock::take(store)?;
    for ending in ["db", "db-wal", "db-shm"] {
        refuse_existing(
            &store.with_extension(ending),
            "move it away first; nothing was changed",
        )?;
    }
    write_whole(store, |partial| {
        fs::copy(copy, partial)
            .map_err(|error| unavailable(partial, &error))
            .map(drop)
    })?;
    Ok(contents)
}

/// Opens a store of this or an older format for reading, and says of which. A file of something else is left as it is.
pub(super) fn read(store: &Path) -> Result<(Connection, i32), StoreError> {
    if !store.is_file() {
        return Err(StoreError::NotFound(format!(
            "{}: found no file; expected a store or a copy of one",
            store.display()
        )));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(store, flags)
        .and_then(|connection| {
            connection.busy_timeout(schema::BUSY)?;
            Ok(connection)
        })
        .map_err(|error| schema::at(store, &error))?;
    let format = schema::identify(&connection, store)?.must_be_ours(store)?;
    Ok((connection, format))
}

fn refuse_existing(file: &Path, advice: &str) -> Result<(), StoreError> {
    match file.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(StoreError::Conflict(format!(
            "{}: there is a file already; {advice}",
            file.display()
        ))),
    }
}

/// Writes a file under another name, syncs it, and gives it its own: a copy is whole or not there.
fn write_whole(
    to: &Path,
    write: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let finish = || -> std::io::Result<()> {
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, to)?;
        let folder = to
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .map_err(|error| unavailable(&partial, &error))
        .and_then(|_| write(&partial))
        .and_then(|()| finish().map_err(|error| unavailable(to, &error)));
    if written.is_err() {
        // What is left of it is worth nothing; that it cannot be removed either changes nothing.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn unavailable(file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!(
        "{}: {error}: the copy cannot be written",
        file.display()
    ))
}
