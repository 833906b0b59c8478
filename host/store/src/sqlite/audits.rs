//! Table `audit`: who reached what. Names and digests are numbered; a record is about a hundred bytes.

use super::error::{integer, unsigned};
use super::names::Names;
use super::rows::{Binder, Insert};
use rusqlite::{Connection, Row};
use tombolo_kernel::audit::Outward;

const INSERT: Insert = Insert {
    head: "INSERT INTO audit (at_ms, system, digest, permit, capability, target, what, outcome, denied, micros, sent, \
           received, cause)",
    columns: 13,
    tail: "",
};

/// Keeps records in the order they came.
pub(crate) fn insert(
    connection: &Connection,
    names: &mut Names,
    records: &[Outward],
) -> rusqlite::Result<()> {
    let mut rest = records;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
        rest = after;
        let mut statement = INSERT.prepare(connection, chunk.len())?;
        let mut binder = Binder::new(&mut statement);
        for record in chunk {
            binder.bind(integer(record.at_ms))?;
            binder.bind(names.number(connection, &record.system)?)?;
            binder.bind(names.number(connection, &record.digest)?)?;
            binder.bind(names.number(connection, &record.grant)?)?;
            binder.bind(names.number(connection, &record.capability)?)?;
            binder.bind(names.number(connection, &record.target)?)?;
            binder.bind(record.what.as_str())?;
            binder.bind(record.outcome.as_str())?;
            binder.bind(record.denied)?;
            binder.bind(integer(record.micros))?;
            binder.bind(integer(record.sent))?;
            binder.bind(integer(record.received))?;
            binder.bind(record.cause.as_str())?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// Newest first.
pub(crate) fn list(
    connection: &Connection,
    limit: u32,
    denied_only: bool,
) -> rusqlite::Result<Vec<Outward>> {
    let condition = if denied_only { "WHERE denied = 1" } else { "" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT at_ms, (SELECT text FROM name WHERE name.number = system), (SELECT text FROM name WHERE name.number = digest),
           (SELECT text FROM name WHERE name.number = permit), (SELECT text FROM name WHERE name.number = capability),
           (SELECT text FROM name WHERE name.number = target), what, outcome, denied, micros, sent, received, cause
         FROM audit {condition} ORDER BY number DESC LIMIT ?1"
    ))?;
    statement.query_map([limit], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Outward> {
    Ok(Outward {
        at_ms: unsigned(row.get(0)?),
        system: row.get(1)?,
        digest: row.get(2)?,
        grant: row.get(3)?,
        capability: row.get(4)?,
        target: row.get(5)?,
        what: row.get(6)?,
        outcome: row.get(7)?,
        denied: row.get(8)?,
        micros: unsigned(row.get(9)?),
        sent: unsigned(row.get(10)?),
        received: unsigned(row.get(11)?),
        cause: row.get(12)?,
    })
}
