//! What the host says became of the events: its store, read as any tool reads a SQLite file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};

use super::Verdict;
use crate::journal::Entry;

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// None that is final: still under way, or there is none.
    Moving,
    Waiting,
    Done,
    Dead,
}

/// The type of the events that tell of dead runs.
const DEAD_LETTER: &str = "tombolo.dead-letter";

/// Opens it for reading.
pub(crate) fn open(store: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Every event of a load with the status of its run. None is in the log twice: where it has an id, by that; a feed's by
/// its row.
pub(crate) fn runs(store: &Connection) -> anyhow::Result<HashMap<Entry, Vec<Status>>> {
    let mut statement = store.prepare(
        "SELECT substr(name.text, 6), event.subject, json_extract(event.data, '$.n'), run.status
         FROM event JOIN name ON name.number = event.kind LEFT JOIN run USING (seq)
         WHERE name.text LIKE 'load.%' AND name.text <> 'load.ended'",
    )?;
    let rows = statement.query_map([], |row| {
        let entry = Entry {
            flow: row.get(0)?,
            key: row.get(1)?,
            n: count(row, 2)?,
        };
        let status = match row.get(3)? {
            Some(2) => Status::Waiting,
            Some(3) => Status::Done,
            Some(4) => Status::Dead,
            _ => Status::Moving,
        };
        Ok((entry, status))
    })?;
    let mut runs: HashMap<Entry, Vec<Status>> = HashMap::new();
    for row in rows {
        let (entry, status) = row?;
        runs.entry(entry).or_default().push(status);
    }
    Ok(runs)
}

/// Runs that are dead, each with how many events tell of it and whether the runs those caused are done.
pub(crate) fn dead_letters(store: &Connection) -> anyhow::Result<Vec<(String, u64, bool)>> {
    let mut statement = store.prepare(
        "SELECT dead.id, count(letter.seq), coalesce(min(told.status = 3), 0)
         FROM runs AS dead
         LEFT JOIN event AS letter ON letter.subject = dead.id
           AND letter.kind = (SELECT number FROM name WHERE text = ?1)
         LEFT JOIN run AS told ON told.seq = letter.seq
         WHERE dead.status = 'dead' AND dead.id NOT LIKE '%.alert'
         GROUP BY dead.id",
    )?;
    let rows = statement.query_map([DEAD_LETTER], |row| {
        Ok((row.get(0)?, count(row, 1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many events have no run that is at its end.
pub(crate) fn open_ends(store: &Connection) -> anyhow::Result<u64> {
    let found = store.query_row(
        "SELECT count(*) FROM event JOIN name ON name.number = event.kind LEFT JOIN run USING (seq)
         WHERE (name.text LIKE 'load.%' AND name.text <> 'load.ended' OR name.text = ?1)
           AND coalesce(run.status, 0) NOT IN (3, 4)
           AND NOT (name.text = 'load.parked' AND coalesce(run.status, 0) = 2)",
        [DEAD_LETTER],
        |row| count(row, 0),
    )?;
    Ok(found)
}

/// How many events of each load there are.
pub(crate) fn counts(store: &Connection) -> anyhow::Result<HashMap<String, u64>> {
    let mut statement = store.prepare(
        "SELECT substr(name.text, 6), count(*) FROM event JOIN name ON name.number = event.kind
         WHERE name.text LIKE 'load.%' GROUP BY 1",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The file is whole, and no event is in it twice.
pub(super) fn is_sound(verdict: &mut Verdict, store: &Connection) -> anyhow::Result<()> {
    let found: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if found != "ok" {
        verdict.break_off(format!("the store's file is damaged: {found}"));
    }
    let twice: i64 = store.query_row(
        "SELECT count(*) FROM (SELECT 1 FROM event GROUP BY source, id HAVING count(*) > 1)",
        [],
        |row| row.get(0),
    )?;
    if twice > 0 {
        verdict.break_off(format!("{twice} events are in the log twice"));
    }
    Ok(())
}

/// A number that is never negative.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
