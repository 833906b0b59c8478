//! Tables `listen` and `heard`: which runs wait for which events, and which events they were told and have not looked
//! at. Told in one transaction with the run being made due: a crash forgets neither.

use super::error::integer;
use super::events;
use super::names::{Names, look_up};
use super::runs::parse_id;
use crate::{Hearing, RunRow, RunStatus, StoredEvent};
use rusqlite::Connection;

use super::command::Heard;

/// Says for what a run waits from now on. Events that came while it was carried out make it due at once.
pub(crate) fn replace(
    connection: &Connection,
    names: &mut Names,
    run: &RunRow,
    hearing: &Hearing,
) -> rusqlite::Result<()> {
    let flow = names.number(connection, &run.flow)?;
    let replay = parse_id(&run.id).map_or(0, |(_, _, replay)| replay);
    let of = (run.seq, flow, replay);
    connection
        .prepare_cached("DELETE FROM listen WHERE seq = ?1 AND flow = ?2 AND replay = ?3")?
        .execute(of)?;
    if hearing.listens.is_empty() || run.status.is_final() {
        connection
            .prepare_cached("DELETE FROM heard WHERE seq = ?1 AND flow = ?2 AND replay = ?3")?
            .execute(of)?;
        return Ok(());
    }
    for listen in &hearing.listens {
        let kind = names.number(connection, &listen.kind)?;
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO listen (kind, key, seq, flow, replay, path) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((kind, &listen.key, run.seq, flow, replay, &listen.path))?;
    }
    for event in &hearing.judged {
        connection
            .prepare_cached(
                "DELETE FROM heard WHERE seq = ?1 AND flow = ?2 AND replay = ?3 AND event = ?4",
            )?
            .execute((run.seq, flow, replay, event))?;
    }
    if run.status == RunStatus::Waiting {
        connection
            .prepare_cached(
                "UPDATE run SET wake_ms = ?4 WHERE seq = ?1 AND flow = ?2 AND replay = ?3
                 AND EXISTS (SELECT 1 FROM heard WHERE heard.seq = ?1 AND heard.flow = ?2 AND heard.replay = ?3)",
            )?
            .execute((run.seq, flow, replay, integer(run.updated_ms)))?;
    }
    Ok(())
}

/// Tells an event to those that wait for it.
pub(crate) fn tell(
    connection: &Connection,
    names: &mut Names,
    (kind, keys, event, now_ms): &Heard,
) -> rusqlite::Result<usize> {
    let kind = names.number(connection, kind)?;
    let mut told = 0;
    for key in keys {
        told += connection
            .prepare_cached(
                "INSERT OR IGNORE INTO heard (seq, flow, replay, event)
                 SELECT seq, flow, replay, ?3 FROM listen WHERE kind = ?1 AND key = ?2",
            )?
            .execute((kind, key, event))?;
        connection
            .prepare_cached(
                "UPDATE run SET wake_ms = ?3 WHERE status = 2
                 AND (seq, flow, replay) IN (SELECT seq, flow, replay FROM listen WHERE kind = ?1 AND key = ?2)",
            )?
            .execute((kind, key, integer(*now_ms)))?;
    }
    Ok(told)
}

/// Events that a run was told.
pub(crate) fn heard(
    connection: &Connection,
    run: &str,
    bytes: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let Some((seq, flow, replay)) = parse_id(run) else {
        return Ok(Vec::new());
    };
    let Some(flow) = look_up(connection, flow)? else {
        return Ok(Vec::new());
    };
    events::heard_by(connection, (seq, flow, replay), bytes)
}

/// Types and fields that runs wait for.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection
        .prepare("SELECT DISTINCT (SELECT text FROM name WHERE number = kind), path FROM listen")?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
