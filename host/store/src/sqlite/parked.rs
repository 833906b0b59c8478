//! Runs that wait for a system: counted and found by an index of their own, however many there are.

use super::names::look_up;
use super::runs;
use rusqlite::Connection;

pub(super) const PARKED: &str =
    "SELECT seq, (SELECT text FROM name WHERE number = flow), replay FROM run
     WHERE needs = ?1 AND (seq, flow, replay) > (?2, ?3, ?4) ORDER BY seq, flow, replay LIMIT ?5";
pub(super) const COUNTS: &str = "SELECT needs, count(*) AS runs FROM run INDEXED BY run_needs
     WHERE needs IS NOT NULL GROUP BY needs";

/// Oldest first, after one of them.
pub(crate) fn ids(
    connection: &Connection,
    system: &str,
    after: Option<&str>,
    limit: u32,
) -> rusqlite::Result<Vec<String>> {
    let Some(needs) = look_up(connection, system)? else {
        return Ok(Vec::new());
    };
    let (seq, flow, replay) = match after.and_then(runs::parse_id) {
        Some((seq, flow, replay)) => (seq, look_up(connection, flow)?.unwrap_or(0), replay),
        None => (0, 0, 0),
    };
    let mut statement = connection.prepare_cached(PARKED)?;
    statement
        .query_map((needs, seq, flow, replay, limit), |row| {
            let flow: String = row.get(1)?;
            Ok(runs::id(row.get(0)?, &flow, row.get(2)?))
        })?
        .collect()
}

/// Systems that runs wait for, and how many do.
pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let text = format!("SELECT (SELECT text FROM name WHERE number = needs), runs FROM ({COUNTS})");
    let mut statement = connection.prepare(&text)?;
    statement
        .query_map([], |row| {
            Ok((row.get(0)?, super::error::unsigned(row.get(1)?)))
        })?
        .collect()
}
