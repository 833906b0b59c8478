//! Records for people: filtered, the newest first. Every filter that can be narrow has an index of its own.

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde_json::value::{RawValue, to_raw_value};
use tombolo_kernel::audit::{Kind, Outcome, run_of};

use crate::sqlite::error::integer;
use crate::sqlite::names::look_up;
use crate::{AuditFilter, AuditPage, StoredAudit};

/// Bytes of one answer.
const ANSWER: usize = 8 << 20;

/// A query and what is bound to it.
struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.extend(values);
    }
}

/// Records that match. `Ok(None)`: `after` is not what a page before said.
pub(crate) fn find(
    connection: &Connection,
    filter: &AuditFilter,
    limit: u32,
) -> rusqlite::Result<Option<AuditPage>> {
    let Some(mut query) = query(connection, filter)? else {
        return Ok(None);
    };
    // One more than wanted says whether there is a next page.
    let _ = write!(query.text, " LIMIT {}", limit.saturating_add(1));
    let mut statement = connection.prepare(&query.text)?;
    let mut rows = statement.query(params_from_iter(query.values))?;
    let (mut page, mut last, mut bytes) = (AuditPage::default(), None, 0);
    while let Some(row) = rows.next()? {
        if page.records.len() >= limit as usize || bytes > ANSWER {
            page.next = last;
            break;
        }
        let record = stored(row)?;
        bytes += record.record.get().len();
        last = Some(format!("{}.{}", row.get::<_, i64>(3)?, record.number));
        page.records.push(record);
    }
    Ok(Some(page))
}

/// Records after a number, in their order.
pub(crate) fn after(
    connection: &Connection,
    number: i64,
    limit: u32,
) -> rusqlite::Result<Vec<StoredAudit>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, hash, record FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query((number, limit))?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let record = stored(row)?;
        bytes += record.record.get().len();
        found.push(record);
        if bytes > ANSWER {
            break;
        }
    }
    Ok(found)
}

fn query(connection: &Connection, filter: &AuditFilter) -> rusqlite::Result<Option<Query>> {
    let by_block = is_by_block(filter);
    let mut query = Query {
        text: if by_block { BY_BLOCK } else { BY_TIME }.to_owned(),
        values: Vec::new(),
    };
    if let Some(system) = &filter.system {
        // A system that is not numbered has no record: no row has number -1.
        let number = look_up(connection, system)?.unwrap_or(-1);
        if by_block {
            query.and("audit_block.system = ?", [number.into()]);
        }
        query.and("audit.system = ?", [number.into()]);
    }
    let event = match &filter.run {
        Some(run) => Some(run_of(run).map_or(-1, |(event, ..)| event)),
        None => filter.event,
    };
    if let Some(event) = event {
        query.and("event = ?", [event.into()]);
    }
    if let Some(run) = &filter.run {
        query.and(&field("run"), [run.clone().into()]);
    }
    if let Some(who) = &filter.who {
        let either = format!("({} OR {})", field("who"), field("token"));
        query.and(DECISION, []);
        query.and(&either, [who.clone().into(), who.clone().into()]);
    }
    if !filter.kinds.is_empty() {
        if filter.kinds.iter().all(|kind| kind.is_decision()) {
            query.and(DECISION, []);
        }
        let numbers: Vec<String> = filter
            .kinds
            .iter()
            .map(|kind| kind.number().to_string())
            .collect();
        query.and(&format!("kind IN ({})", numbers.join(",")), []);
    }
    if let Some(outcome) = filter.outcome {
        if outcome != Outcome::Allowed {
            query.and("outcome > 0", []);
        }
        query.and(&format!("outcome = {}", outcome.number()), []);
    }
    if let Some(since) = filter.since_ms {
        query.and("at_ms >= ?", [integer(since).into()]);
    }
    if let Some(until) = filter.until_ms {
        query.and("at_ms <= ?", [integer(until).into()]);
    }
    if let Some(after) = &filter.after {
        let place = after
            .split_once('.')
            .and_then(|(at, number)| Some((at.parse::<i64>().ok()?, number.parse::<i64>().ok()?)));
        let Some((at, number)) = place else {
            return Ok(None);
        };
        if by_block {
            query.and("number < ?", [number.into()]);
        } else {
            query.and("(at_ms, number) < (?, ?)", [at.into(), number.into()]);
        }
    }
    query.text.push_str(if by_block {
        " ORDER BY block DESC, number DESC"
    } else {
        " ORDER BY at_ms DESC, number DESC"
    });
    Ok(Some(query))
}

/// Whether nothing but the system narrows the search.
fn is_by_block(filter: &AuditFilter) -> bool {
    let others = [filter.since_ms, filter.until_ms];
    filter.system.is_some()
        && filter.event.is_none()
        && filter.run.is_none()
        && others.iter().all(Option::is_none)
}

const BY_TIME: &str = "SELECT number, hash, record, at_ms FROM audit WHERE true";
/// The blocks of one system, the newest first, and in each its records.
const BY_BLOCK: &str = "SELECT number, hash, record, at_ms FROM audit_block CROSS JOIN audit
  ON number BETWEEN block * 1024 AND block * 1024 + 1023 WHERE true";

/// As the partial index of decisions has it.
const DECISION: &str = "kind >= 32";
const _: () = assert!(Kind::Emit.number() < 32 && Kind::Approval.number() == 32);

/// A field of the record; one that somebody made unreadable has none.
fn field(name: &str) -> String {
    format!("CASE WHEN json_valid(record) THEN json_extract(record, '$.{name}') END = ?")
}

/// A row's number, hash and record, in this order.
fn stored(row: &Row<'_>) -> rusqlite::Result<StoredAudit> {
    let text = String::from_utf8_lossy(row.get_ref(2)?.as_bytes()?).into_owned();
    Ok(StoredAudit {
        number: row.get(0)?,
        hash: hex::encode(row.get_ref(1)?.as_bytes()?),
        record: raw(text),
    })
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text.clone())
        .or_else(|_| to_raw_value(&text))
        .unwrap_or_default()
}

/// How SQLite would search.
#[cfg(test)]
pub(crate) fn plan(connection: &Connection, filter: &AuditFilter) -> rusqlite::Result<String> {
    let Some(query) = query(connection, filter)? else {
        return Ok(String::new());
    };
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {} LIMIT 51", query.text))?;
    let lines = statement.query_map(params_from_iter(query.values), |row| {
        row.get::<_, String>(3)
    })?;
    Ok(lines.collect::<rusqlite::Result<Vec<_>>>()?.join(", "))
}
