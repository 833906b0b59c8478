//! Table `cursor`: how far feeds and schedules have been read. Written in the transaction of the events they brought.

use super::names::{Names, look_up};
use crate::CursorRow;
use rusqlite::{Connection, OptionalExtension};

/// Moves a cursor; `fresh` new events came with it.
pub(crate) fn set(
    connection: &Connection,
    names: &mut Names,
    row: &CursorRow,
    fresh: usize,
) -> rusqlite::Result<()> {
    let owner = names.number(connection, &row.owner)?;
    connection
        .prepare_cached(
            "INSERT INTO cursor (owner, name, cursor, read_ms, events) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (owner, name) DO UPDATE SET cursor = excluded.cursor, read_ms = excluded.read_ms,
               events = cursor.events + excluded.events",
        )?
        .execute((
            owner,
            &row.name,
            &row.cursor,
            row.read_ms.cast_signed(),
            i64::try_from(fresh).unwrap_or(i64::MAX),
        ))?;
    Ok(())
}

/// One cursor.
pub(crate) fn get(
    connection: &Connection,
    owner: &str,
    name: &str,
) -> rusqlite::Result<Option<CursorRow>> {
    let Some(number) = look_up(connection, owner)? else {
        return Ok(None);
    };
    connection
        .prepare_cached(
            "SELECT cursor, read_ms, events FROM cursor WHERE owner = ?1 AND name = ?2",
        )?
        .query_row((number, name), |row| {
            Ok(CursorRow {
                owner: owner.to_owned(),
                name: name.to_owned(),
                cursor: row.get(0)?,
                read_ms: row.get::<_, i64>(1)?.cast_unsigned(),
                events: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })
        .optional()
}
