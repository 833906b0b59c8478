//! Records into rows, in the running transaction: the group commit that they go along with.

use std::sync::Arc;

use rusqlite::Connection;
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};

use super::blocks;
use super::chain::{self, Chain};
use crate::Sweep;
use crate::sqlite::error::{integer, unsigned};
use crate::sqlite::names::Names;
use crate::sqlite::rows::{Binder, Insert};

const INSERT: Insert = Insert {
    head: "INSERT INTO audit (number, at_ms, kind, outcome, system, event, record, hash)",
    columns: 8,
    tail: "",
};
/// Rows looked at per transaction when old ones are forgotten: some milliseconds.
const ROWS: u32 = 256;

/// Keeps records in the order they came, each chained to the one before.
pub(crate) fn insert(
    connection: &Connection,
    names: &mut Names,
    chain: &mut Chain,
    records: &[Arc<AuditRecord>],
) -> rusqlite::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(1 << 10);
    let mut rest = records;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
        rest = after;
        let mut statement = INSERT.prepare(connection, chunk.len())?;
        let mut binder = Binder::new(&mut statement);
        for record in chunk {
            bytes.clear();
            record.write_json(&mut bytes);
            // Opening refuses a chain that comes near the last number.
            chain.tip = chain
                .tip
                .next(&bytes)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX))?;
            binder.bind(chain.tip.number)?;
            binder.bind(integer(record.at_ms))?;
            binder.bind(record.kind.number())?;
            binder.bind(record.outcome.number())?;
            let system = match &*record.bearer.system {
                "" => None,
                system => Some(names.number(connection, system)?),
            };
            if let Some(system) = system {
                chain.seen.note(connection, chain.tip.number, system)?;
            }
            binder.bind(system)?;
            binder.bind(record.event())?;
            binder.bind(Text(&bytes))?;
            binder.bind(chain.tip.hash)?;
        }
        statement.raw_execute()?;
    }
    chain::set_tip(connection, &chain.tip)
}

/// Bytes that are UTF-8, as a text.
struct Text<'b>(&'b [u8]);

impl rusqlite::ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// Forgets the oldest records of before a time, and keeps a record of that; how many. The chain then begins later:
/// never with a hole, and never without its newest record.
pub(crate) fn forget(
    connection: &Connection,
    names: &mut Names,
    chain: &mut Chain,
    sweep: &Sweep,
    now_ms: u64,
) -> rusqlite::Result<u64> {
    let Some((first, last)) = old(connection, chain.tip.number, sweep)? else {
        return Ok(0);
    };
    let gone = connection
        .prepare_cached("DELETE FROM audit WHERE number <= ?1")?
        .execute([last.number])?;
    blocks::forget(connection, last.number)?;
    chain::set_base(connection, &last)?;
    let record = AuditRecord::new(Kind::Forgotten, now_ms)
        .about(format!("{first} to {}", last.number))
        .ended(Outcome::Allowed, "older than the site keeps them");
    insert(connection, names, chain, &[Arc::new(record)])?;
    Ok(gone as u64)
}

/// The first of the records that are old enough, and the last one's place.
fn old(
    connection: &Connection,
    newest: i64,
    sweep: &Sweep,
) -> rusqlite::Result<Option<(i64, crate::Anchor)>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at_ms, hash FROM audit WHERE number < ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query((newest, ROWS))?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let before_ms = match sweep.audits_kept {
            Some((exported, before_ms)) if number > exported => before_ms,
            _ => sweep.audits_before_ms,
        };
        if unsigned(row.get(1)?) >= before_ms {
            break;
        }
        // A hash that is none was made by somebody else: what is left is evidence.
        let chain::Place::Whole(place) = chain::Place::of(number, row.get_ref(2)?.as_blob()?)
        else {
            break;
        };
        found = Some((found.map_or(number, |(first, _)| first), place));
    }
    Ok(found)
}
