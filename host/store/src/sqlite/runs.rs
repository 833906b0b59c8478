//! Table `run`: one row per event and flow. Finished runs are in no other index; waiting ones are found by lane
//! and by time without touching their state.

use super::error::{integer, unsigned};
use super::names::{Names, look_up};
use super::rows::{Binder, Insert};
use crate::{RunFilter, RunRow, RunStatus, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

const UPSERT: Insert = Insert {
    head: "INSERT INTO run (seq, flow, replay, version, lane, needs, status, wake_ms, started_ms, updated_ms, state, trace)",
    columns: 12,
    tail: " ON CONFLICT (seq, flow, replay) DO UPDATE SET version = excluded.version, lane = excluded.lane, \
           needs = excluded.needs, status = excluded.status, wake_ms = excluded.wake_ms, started_ms = excluded.started_ms, \
           updated_ms = excluded.updated_ms, state = excluded.state, trace = excluded.trace",
};

const SELECT: &str = "SELECT seq, (SELECT text FROM name WHERE number = flow), \
     (SELECT text FROM name WHERE number = version), lane, status, wake_ms, started_ms, updated_ms, state, trace, \
     replay, (SELECT text FROM name WHERE number = needs) FROM run";

// What the engine asks: each of these must come from an index, however many runs wait.
/// One run of a lane has begun at most, its head; queued ones have the lowest number.
pub(super) const LANES: &str = "SELECT flow, lane, max(status) AS status FROM run INDEXED BY run_lane \
    WHERE status < 3 AND lane <> '' GROUP BY flow, lane";
pub(super) const LANE: &str =
    "WHERE flow = ?1 AND lane = ?2 AND status < 3 ORDER BY seq, replay LIMIT ?3";
pub(super) const DUE: &str =
    "WHERE wake_ms IS NOT NULL AND wake_ms <= ?1 ORDER BY wake_ms, seq LIMIT ?2";
pub(super) const NEXT_WAKE: &str =
    "SELECT wake_ms FROM run WHERE wake_ms IS NOT NULL ORDER BY wake_ms LIMIT 1";

/// Inserts or replaces, in order: of two rows of one run the later stays.
pub(crate) fn upsert(
    connection: &Connection,
    names: &mut Names,
    runs: &[&RunRow],
) -> rusqlite::Result<()> {
    let mut rest = runs;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(Insert::chunk(rest.len()));
        rest = after;
        let mut statement = UPSERT.prepare(connection, chunk.len())?;
        let mut binder = Binder::new(&mut statement);
        for run in chunk {
            // A finished run waits for nothing, whatever it says.
            let wake_ms = run.wake_ms.filter(|_| !run.status.is_final());
            let needs = match run.needs.as_ref().filter(|_| !run.status.is_final()) {
                Some(system) => Some(names.number(connection, system)?),
                None => None,
            };
            binder.bind(run.seq)?;
            binder.bind(names.number(connection, &run.flow)?)?;
            binder.bind(parse_id(&run.id).map_or(0, |(_, _, replay)| replay))?;
            binder.bind(names.number(connection, &run.flow_version)?)?;
            binder.bind(run.lane.as_str())?;
            binder.bind(needs)?;
            binder.bind(number(run.status))?;
            binder.bind(wake_ms.map(integer))?;
            binder.bind(integer(run.started_ms))?;
            binder.bind(integer(run.updated_ms))?;
            binder.bind(run.state.as_str())?;
            binder.bind(run.trace.as_str())?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// `1042.spare-part` or `1042.spare-part.replay-3` into its parts; the first has the replay 0.
pub(crate) fn parse_id(text: &str) -> Option<(i64, &str, i64)> {
    let (seq, rest) = text.split_once('.')?;
    let (flow, replay) = match rest.split_once(".replay-") {
        Some((flow, replay)) => (flow, plain(replay).filter(|replay| *replay != 0)?),
        None => (rest, 0),
    };
    Some((plain(seq)?, flow, replay))
}

/// A number as [`id`] writes it: of two ids one run never has both.
fn plain(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.starts_with(|first: char| ('1'..='9').contains(&first)) || text == "0";
    text.parse().ok().filter(|_| is_plain)
}

/// The parts as an id.
pub(crate) fn id(seq: i64, flow: &str, replay: i64) -> String {
    match replay {
        0 => format!("{seq}.{flow}"),
        _ => format!("{seq}.{flow}.replay-{replay}"),
    }
}

/// Refuses a row whose id and parts disagree: it could never be found again.
pub(crate) fn check(run: &RunRow) -> Result<(), StoreError> {
    if parse_id(&run.id).is_some_and(|(seq, flow, _)| (seq, flow) == (run.seq, &run.flow)) {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "the run's id is `{}`; expected `{}.{}`, made of its event's number and its flow",
        run.id, run.seq, run.flow
    )))
}

/// One run.
pub(crate) fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<RunRow>> {
    let Some((seq, flow, replay)) = parse_id(id) else {
        return Ok(None);
    };
    let Some(flow) = look_up(connection, flow)? else {
        return Ok(None);
    };
    connection
        .prepare_cached(&format!(
            "{SELECT} WHERE seq = ?1 AND flow = ?2 AND replay = ?3"
        ))?
        .query_row((seq, flow, replay), read)
        .optional()
}

/// `(seq, flow)` of all runs of the events from `from` to `to`, both included; replays are runs of their own.
pub(crate) fn known(
    connection: &Connection,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, (SELECT text FROM name WHERE number = flow) FROM run WHERE seq BETWEEN ?1 AND ?2
         AND replay = 0 ORDER BY seq",
    )?;
    statement
        .query_map((from, to), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Lanes that have a key and an unfinished run, with the status of their oldest.
pub(crate) fn lanes(connection: &Connection) -> rusqlite::Result<Vec<(String, String, RunStatus)>> {
    let mut statement = connection.prepare(&format!(
        "SELECT (SELECT text FROM name WHERE number = flow), lane, status FROM ({LANES})"
    ))?;
    statement
        .query_map([], |row| {
            let status = row.get(2)?;
            let status =
                from_number(status).ok_or(rusqlite::Error::IntegralValueOutOfRange(2, status))?;
            Ok((row.get(0)?, row.get(1)?, status))
        })?
        .collect()
}

/// Unfinished runs of one lane, oldest first.
pub(crate) fn lane(
    connection: &Connection,
    flow: &str,
    lane: &str,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<RunRow>> {
    let Some(flow) = look_up(connection, flow)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(&format!("{SELECT} {LANE}"))?;
    collect(statement.query((flow, lane, limit))?, bytes)
}

/// Runs to look at again by `now_ms`, the longest overdue first.
pub(crate) fn due(
    connection: &Connection,
    now_ms: u64,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<RunRow>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {DUE}"))?;
    collect(statement.query((integer(now_ms), limit))?, bytes)
}

/// An answer came: whoever looks for runs that are due finds this one, also after a restart.
pub(crate) fn wake(connection: &Connection, id: &str, now_ms: u64) -> rusqlite::Result<()> {
    let Some((seq, flow, replay)) = parse_id(id) else {
        return Ok(());
    };
    if let Some(flow) = look_up(connection, flow)? {
        connection
            .prepare_cached(
                "UPDATE run SET wake_ms = ?4 WHERE seq = ?1 AND flow = ?2 AND replay = ?3 AND status = 2",
            )?
            .execute((seq, flow, replay, integer(now_ms)))?;
    }
    Ok(())
}

/// One more than the highest number of a replay.
pub(crate) fn next_replay(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row(
        "SELECT coalesce(max(replay), 0) + 1 FROM run WHERE replay > 0",
        [],
        |row| row.get(0),
    )
}

/// The earliest time any run waits for.
pub(crate) fn next_wake(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let wake: Option<i64> = connection
        .prepare_cached(NEXT_WAKE)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(wake.map(unsigned))
}

/// Newest first, filtered.
pub(crate) fn filtered(
    connection: &Connection,
    filter: &RunFilter,
    limit: u32,
    bytes: usize,
) -> rusqlite::Result<Vec<RunRow>> {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if let Some(seq) = filter.seq {
        conditions.push("seq = ?");
        values.push(Box::new(seq));
    }
    if let Some(flow) = &filter.flow {
        let Some(flow) = look_up(connection, flow)? else {
            return Ok(Vec::new());
        };
        conditions.push("flow = ?");
        values.push(Box::new(flow));
    }
    if let Some((seq, flow, replay)) = filter.after.as_deref().and_then(parse_id) {
        conditions.push("(seq < ? OR (seq = ? AND (flow, replay) > (?, ?)))");
        values.push(Box::new(seq));
        values.push(Box::new(seq));
        values.push(Box::new(look_up(connection, flow)?));
        values.push(Box::new(replay));
    }
    if let Some(status) = filter.status {
        // Said twice, so that the few that are not done are found by their own index.
        conditions.push(if status == RunStatus::Done {
            "status = ?"
        } else {
            "status <> 3 AND status = ?"
        });
        values.push(Box::new(number(status)));
    }
    let mut text = SELECT.to_owned();
    if !conditions.is_empty() {
        text.push_str(" WHERE ");
        text.push_str(&conditions.join(" AND "));
    }
    text.push_str(" ORDER BY seq DESC, flow, replay LIMIT ?");
    values.push(Box::new(limit));
    let mut statement = connection.prepare_cached(&text)?;
    collect(statement.query(rusqlite::params_from_iter(values))?, bytes)
}

fn collect(mut rows: rusqlite::Rows<'_>, bytes: usize) -> rusqlite::Result<Vec<RunRow>> {
    let mut runs = Vec::new();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        let run = read(row)?;
        size += run.state.len() + run.trace.len();
        runs.push(run);
        if size >= bytes {
            break;
        }
    }
    Ok(runs)
}

fn read(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let (seq, flow): (i64, String) = (row.get(0)?, row.get(1)?);
    let status = row.get(4)?;
    Ok(RunRow {
        id: id(seq, &flow, row.get(10)?),
        seq,
        flow,
        flow_version: row.get(2)?,
        lane: row.get(3)?,
        status: from_number(status).ok_or(rusqlite::Error::IntegralValueOutOfRange(4, status))?,
        wake_ms: row.get::<_, Option<i64>>(5)?.map(unsigned),
        started_ms: unsigned(row.get(6)?),
        updated_ms: unsigned(row.get(7)?),
        state: row.get(8)?,
        trace: row.get(9)?,
        needs: row.get(11)?,
    })
}

/// The order matters to the partial indexes: unfinished ones are below 3.
fn number(status: RunStatus) -> i64 {
    match status {
        RunStatus::Queued => 0,
        RunStatus::Active => 1,
        RunStatus::Waiting => 2,
        RunStatus::Done => 3,
        RunStatus::Dead => 4,
        RunStatus::Discarded => 5,
    }
}

fn from_number(number: i64) -> Option<RunStatus> {
    [
        RunStatus::Queued,
        RunStatus::Active,
        RunStatus::Waiting,
        RunStatus::Done,
        RunStatus::Dead,
        RunStatus::Discarded,
    ]
    .get(usize::try_from(number).ok()?)
    .copied()
}
