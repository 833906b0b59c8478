//! Forgetting what is old enough: events with their finished runs and tasks, their identities with them; audit and changes
//! of links by their own age; answered tasks that belong to no run. A little per transaction, so that nobody waits long for the writer. Never the newest event, which says where
//! the log goes on, and nothing whose run is unfinished or a dead letter.

use super::apply::Known;
use super::audit::write;
use super::error::{integer, unsigned};
use crate::{Sweep, Swept};
use rusqlite::Connection;

/// Rows looked at per transaction: some milliseconds.
const ROWS: u32 = 256;

struct Old {
    seq: i64,
    stored_ms: u64,
    hash: i64,
}

/// One step, in the running transaction.
pub(crate) fn step(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    sweep: &Sweep,
) -> rusqlite::Result<Swept> {
    let mut swept = Swept::default();
    let is_over = sweep.most_bytes > 0 && used_bytes(connection)? > sweep.most_bytes;
    let events = oldest(connection, known, sweep.after)?;
    swept.next = (events.len() == ROWS as usize).then(|| events.last().map_or(0, |old| old.seq));
    for old in events {
        if !is_over && old.stored_ms >= sweep.events_before_ms {
            swept.next = None;
            break;
        }
        if let Some(runs) = forget(connection, &old)? {
            swept.events += 1;
            swept.runs += runs;
        }
    }
    let most = u64::from(ROWS);
    let (names, chain) = (&mut known.names, &mut known.chain);
    let audits = write::forget(connection, names, chain, sweep, now_ms)?;
    let changes = changes(connection, sweep.audits_before_ms)?;
    let alone = tasks(connection, sweep.events_before_ms)?;
    swept.audits = audits + changes;
    swept.more = swept.next.is_some() || [audits, changes, alone].contains(&most);
    Ok(swept)
}

fn oldest(connection: &Connection, known: &Known, after: i64) -> rusqlite::Result<Vec<Old>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, stored_ms, (SELECT text FROM name WHERE number = source), id FROM event
         WHERE seq > ?1 AND seq < (SELECT max(seq) FROM event)
           AND seq <= (SELECT value FROM site WHERE key = 'checkpoint') ORDER BY seq LIMIT ?2",
    )?;
    statement
        .query_map((after, ROWS), |row| {
            let (source, id) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
            Ok(Old {
                seq: row.get(0)?,
                stored_ms: unsigned(row.get(1)?),
                hash: known.identities.hash(source, id),
            })
        })?
        .collect()
}

/// Forgets an event with its runs; how many there were, or nothing if one is still needed.
fn forget(connection: &Connection, old: &Old) -> rusqlite::Result<Option<u64>> {
    let is_needed = connection
        .prepare_cached("SELECT 1 FROM run WHERE seq = ?1 AND status NOT IN (3, 5)")?
        .exists([old.seq])?;
    if is_needed {
        return Ok(None);
    }
    connection
        .prepare_cached(
            "DELETE FROM task WHERE run IN (SELECT seq || '.' || (SELECT text FROM name WHERE number = flow) ||
             CASE replay WHEN 0 THEN '' ELSE '.replay-' || replay END FROM run WHERE seq = ?1)",
        )?
        .execute([old.seq])?;
    let runs = connection
        .prepare_cached("DELETE FROM run WHERE seq = ?1")?
        .execute([old.seq])?;
    connection
        .prepare_cached("DELETE FROM identity WHERE hash = ?1 AND seq = ?2")?
        .execute((old.hash, old.seq))?;
    connection
        .prepare_cached("DELETE FROM event WHERE seq = ?1")?
        .execute([old.seq])?;
    Ok(Some(runs as u64))
}

/// Changes of links are in the order of their time, about.
fn changes(connection: &Connection, before_ms: u64) -> rusqlite::Result<u64> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM cross_reference_change
             WHERE number IN (SELECT number FROM cross_reference_change ORDER BY number LIMIT ?2) AND at_ms < ?1",
        )?
        .execute((integer(before_ms), ROWS))?;
    Ok(gone as u64)
}

/// Answered tasks that belong to no run; those of runs go with their runs.
fn tasks(connection: &Connection, before_ms: u64) -> rusqlite::Result<u64> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE run = '' AND asked_ms < ?1
               AND closed_ms IS NOT NULL AND closed_ms < ?1 LIMIT ?2)",
        )?
        .execute((integer(before_ms), ROWS))?;
    Ok(gone as u64)
}

/// Bytes of the file that hold something. What was forgotten is used again; the file itself does not shrink.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(unsigned(pages.saturating_mul(pragma("page_size")?)))
}

/// Kept texts of flows that no run needs any more.
pub(crate) fn unneeded_flows(
    connection: &Connection,
    kept_under: &str,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM pair WHERE system = (SELECT number FROM name WHERE text = ?1) AND NOT EXISTS (
           SELECT 1 FROM run WHERE status <> 3 AND status <> 5 AND version = (SELECT number FROM name WHERE text = key))",
    )?;
    statement
        .query_map([kept_under], |row| row.get(0))?
        .collect()
}
