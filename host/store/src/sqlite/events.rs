//! Table `event`: the log. The writer chooses places, and knows from [`identity`] which events are there already.

use super::apply::Known;
use super::error::{integer, unsigned};
use super::identity;
use super::names::{Names, look_up};
use super::rows::{Binder, Insert};
use crate::{Appended, EventFilter, StoredEvent};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use serde_json::value::RawValue;
use tombolo_kernel::event::Event;

const INSERT: Insert = Insert {
    head: "INSERT INTO event (seq, stored_ms, source, id, kind, subject, time, data, hops, cause, root)",
    columns: 11,
    tail: "",
};

const SELECT: &str = "SELECT seq, stored_ms, (SELECT text FROM name WHERE number = source), id, \
     (SELECT text FROM name WHERE number = kind), subject, time, data, hops, cause, root FROM event";

/// From the index alone, and no further than it matters.
pub(super) const DESCENDANTS: &str =
    "SELECT count(*) FROM (SELECT 1 FROM event WHERE root = ?1 LIMIT ?2)";

/// Appends in order after the newest. Known events keep their place, and leave no gap.
pub(crate) fn append(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    events: &[&Event],
) -> rusqlite::Result<Vec<Appended>> {
    let mut appended = Vec::with_capacity(events.len());
    let mut rest = events;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
        rest = after;
        append_chunk(connection, known, now_ms, chunk, &mut appended)?;
    }
    Ok(appended)
}

fn append_chunk(
    connection: &Connection,
    known: &mut Known,
    now_ms: u64,
    events: &[&Event],
    appended: &mut Vec<Appended>,
) -> rusqlite::Result<()> {
    let first = known.last_seq + 1;
    let (hashes, stored) = known.identities.look_up(connection, events)?;
    let mut fresh: Vec<&Event> = Vec::with_capacity(events.len());
    for (event, hash) in events.iter().zip(hashes) {
        let in_table = stored
            .iter()
            .filter(|(other, _)| *other == hash)
            .map(|(_, seq)| *seq);
        let candidates: Vec<i64> = known.identities.recent(hash).chain(in_table).collect();
        let mut place = None;
        for seq in candidates {
            // One of this very chunk has no row yet.
            let same = match usize::try_from(seq - first)
                .ok()
                .and_then(|index| fresh.get(index))
            {
                Some(earlier) => earlier.id == event.id && earlier.source == event.source,
                None => {
                    let source = known.names.number(connection, &event.source)?;
                    identity::is_at(connection, seq, source, event)?
                }
            };
            if same {
                place = Some(seq);
                break;
            }
        }
        appended.push(match place {
            Some(seq) => Appended { seq, fresh: false },
            None => {
                known.last_seq += 1;
                known.identities.add(hash, known.last_seq);
                fresh.push(event);
                Appended {
                    seq: known.last_seq,
                    fresh: true,
                }
            }
        });
    }
    let mut seq = first;
    let mut rest = fresh.as_slice();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
        insert(connection, &mut known.names, seq, now_ms, chunk)?;
        seq += integer(chunk.len() as u64);
        rest = after;
    }
    Ok(())
}

fn insert(
    connection: &Connection,
    names: &mut Names,
    first: i64,
    now_ms: u64,
    events: &[&Event],
) -> rusqlite::Result<usize> {
    let mut statement = INSERT.prepare(connection, events.len())?;
    let mut binder = Binder::new(&mut statement);
    for (seq, event) in (first..).zip(events) {
        binder.bind(seq)?;
        binder.bind(integer(now_ms))?;
        binder.bind(names.number(connection, &event.source)?)?;
        binder.bind(event.id.as_str())?;
        binder.bind(names.number(connection, &event.kind)?)?;
        binder.bind(event.subject.as_deref())?;
        binder.bind(event.time.as_str())?;
        binder.bind(event.data.get())?;
        binder.bind(event.hops)?;
        binder.bind(event.cause.as_deref())?;
        binder.bind(event.root)?;
    }
    statement.raw_execute()
}

/// The newest place in the log; 0 when it is empty.
pub(crate) fn last_seq(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(seq), 0) FROM event", [], |row| {
        row.get(0)
    })
}

/// One event.
pub(crate) fn one(connection: &Connection, seq: i64) -> rusqlite::Result<Option<StoredEvent>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE seq = ?1"))?
        .query_row([seq], read)
        .optional()
}

/// How many came of this one, at most `most`.
pub(crate) fn descendants(connection: &Connection, root: i64, most: u32) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(DESCENDANTS)?
        .query_row((root, most), |row| row.get(0))
}

/// Ascending from `after`; stops early, but after one at the earliest, when `bytes` are read.
pub(crate) fn after(
    connection: &Connection,
    after: i64,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE seq > ?1 ORDER BY seq LIMIT ?2"))?;
    collect(statement.query((after, limit))?, bytes)
}

/// Of these types, ascending from `after`.
pub(crate) fn of_kinds(
    connection: &Connection,
    kinds: &[String],
    after: i64,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut numbers = Vec::new();
    for kind in kinds {
        numbers.extend(look_up(connection, kind)?.map(|number| number.to_string()));
    }
    // Numbers of our own making: nothing foreign gets into the text.
    let numbers = numbers.join(", ");
    let mut statement = connection.prepare(&format!(
        "{SELECT} INDEXED BY event_kind WHERE kind IN ({numbers}) AND seq > ?1 ORDER BY seq LIMIT ?2"
    ))?;
    collect(statement.query((after, limit))?, bytes)
}

/// Those that a run was told, ascending.
pub(crate) fn heard_by(
    connection: &Connection,
    of: (i64, i64, i64),
    bytes: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE seq IN (SELECT event FROM heard WHERE heard.seq = ?1 AND heard.flow = ?2 AND heard.replay = ?3)
         ORDER BY seq"
    ))?;
    collect(statement.query(of)?, bytes)
}

/// Newest first, filtered.
pub(crate) fn filtered(
    connection: &Connection,
    filter: &EventFilter,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut text = SELECT.to_owned();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut narrow = |condition: &str, value: Box<dyn ToSql>| {
        text.push_str(if values.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        text.push_str(condition);
        values.push(value);
    };
    if let Some(source) = &filter.source {
        let Some(number) = look_up(connection, source)? else {
            return Ok(Vec::new());
        };
        narrow("source = ?", Box::new(number));
    }
    match filter.kind.as_deref().map(|kind| {
        (
            kind,
            kind.strip_suffix('*')
                .filter(|prefix| prefix.ends_with('.')),
        )
    }) {
        Some((_, Some(prefix))) => {
            // `/` is the character after `.`: between `device.` and `device/` is all that begins with `device.`.
            let end = format!("{}/", prefix.strip_suffix('.').unwrap_or(prefix));
            narrow(
                "kind IN (SELECT number FROM name WHERE text >= ?",
                Box::new(prefix.to_owned()),
            );
            narrow("text < ?)", Box::new(end));
        }
        Some((kind, None)) => {
            let Some(number) = look_up(connection, kind)? else {
                return Ok(Vec::new());
            };
            narrow("kind = ?", Box::new(number));
        }
        None => {}
    }
    if let Some(subject) = &filter.subject {
        narrow("subject = ?", Box::new(subject.clone()));
    }
    if let Some(before) = filter.before {
        narrow("seq < ?", Box::new(before));
    }
    text.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(Box::new(limit));
    let mut statement = connection.prepare_cached(&text)?;
    collect(statement.query(rusqlite::params_from_iter(values))?, bytes)
}

fn collect(mut rows: rusqlite::Rows<'_>, bytes: usize) -> rusqlite::Result<Vec<StoredEvent>> {
    let mut events = Vec::new();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        let stored = read(row)?;
        size += stored.event.data.get().len();
        events.push(stored);
        if size >= bytes {
            break;
        }
    }
    Ok(events)
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let data = RawValue::from_string(row.get(7)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(7, Type::Text, Box::new(error))
    })?;
    Ok(StoredEvent {
        seq: row.get(0)?,
        stored_ms: unsigned(row.get(1)?),
        event: Event {
            source: row.get(2)?,
            id: row.get(3)?,
            kind: row.get(4)?,
            subject: row.get(5)?,
            time: row.get(6)?,
            data,
            hops: row.get(8)?,
            cause: row.get(9)?,
            root: row.get(10)?,
        },
    })
}
