//! Whether the chain is as the host wrote it, a page at a time. The first record that is not is named.

use rusqlite::{Connection, Row};
use serde::Deserialize;
use std::borrow::Cow;
use tombolo_kernel::audit::{Kind, Outcome, run_of};

use super::chain::{self, Place};
use crate::sqlite::error::unsigned;
use crate::{Anchor, AuditCheck, AuditProblem};

/// What the columns beside a record must agree with.
#[derive(Deserialize)]
struct Fields<'r> {
    at_ms: u64,
    #[serde(borrow)]
    kind: Cow<'r, str>,
    #[serde(borrow)]
    outcome: Cow<'r, str>,
    #[serde(borrow, default)]
    system: Cow<'r, str>,
    #[serde(borrow, default)]
    run: Cow<'r, str>,
}

/// Looks at up to `limit` records after `from`, or from the beginning.
pub(crate) fn check(
    connection: &Connection,
    from: Option<Anchor>,
    limit: u32,
) -> rusqlite::Result<AuditCheck> {
    // One snapshot for all of it: the host may be writing.
    let snapshot = connection.unchecked_transaction()?;
    let from = match from {
        Some(from) => from,
        None => match beginning(&snapshot)? {
            Ok(base) => base,
            Err(what) => {
                let nowhere = chain::first(&snapshot)?;
                return Ok(found(nowhere, nowhere, 0, Some((1, what))));
            }
        },
    };
    let mut statement = snapshot.prepare_cached(
        "SELECT number, hash, record, at_ms, kind, outcome, (SELECT text FROM name WHERE name.number = system), event,
           system IS NULL OR EXISTS (SELECT 1 FROM audit_block WHERE audit_block.system = audit.system AND block = number >> 10)
         FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query((from.number, limit))?;
    let (mut to, mut records) = (from, 0);
    while let Some(row) = rows.next()? {
        match follows(&to, row)? {
            Ok(next) => to = next,
            Err(problem) => return Ok(found(from, to, records, Some(problem))),
        }
        records += 1;
    }
    drop(rows);
    drop(statement);
    if records == u64::from(limit) {
        return Ok(AuditCheck {
            more: true,
            ..found(from, to, records, None)
        });
    }
    let problem = ending(&snapshot, &to)?;
    Ok(found(from, to, records, problem))
}

fn found(from: Anchor, to: Anchor, records: u64, problem: Option<(i64, String)>) -> AuditCheck {
    AuditCheck {
        records,
        from,
        to,
        problem: problem.map(|(number, what)| AuditProblem { number, what }),
        more: false,
    }
}

/// Where what is kept begins, or what is wrong with that.
fn beginning(connection: &Connection) -> rusqlite::Result<Result<Anchor, String>> {
    let Some(base) = chain::base(connection)? else {
        return Ok(Err(
            "the place where the chain begins (`audit_base` in table `site`) is missing or is none"
                .into(),
        ));
    };
    if base.number == 0 {
        let expected = chain::first(connection)?;
        return Ok(if base == expected {
            Ok(base)
        } else {
            Err("the chain begins with the hash of another store".into())
        });
    }
    let said: Option<String> = newest(connection, Kind::Forgotten)?
        .and_then(|(_, record)| serde_json::from_str::<serde_json::Value>(&record).ok())
        .and_then(|record| Some(record["what"].as_str()?.to_owned()));
    let last = said.as_deref().and_then(|said| said.rsplit_once(" to "));
    if last.is_none_or(|(_, last)| last != base.number.to_string()) {
        return Ok(Err(format!(
            "records up to {} are gone, and no record says that the host forgot them",
            base.number
        )));
    }
    Ok(Ok(base))
}

/// The place of the next row if it follows from `to`, or which record is wrong and how.
fn follows(to: &Anchor, row: &Row<'_>) -> rusqlite::Result<Result<Anchor, (i64, String)>> {
    let number: i64 = row.get(0)?;
    let record = row.get_ref(2)?.as_bytes()?;
    let place = Place::of(number, row.get_ref(1)?.as_bytes()?);
    let Some(expected) = to.next(record) else {
        let what = format!("record {number} has a number that no chain of this host comes to");
        return Ok(Err((number, what)));
    };
    if number != expected.number {
        let missing = expected.number;
        let what = match number - 1 {
            last if last == missing => format!("record {missing} is missing"),
            last => format!("records {missing} to {last} are missing"),
        };
        return Ok(Err((missing, what)));
    }
    match place {
        Place::Whole(place) if place == expected => {}
        _ => {
            let what = format!(
                "record {number} was altered, or the hash of it or of the one before: it does not follow from {to}"
            );
            return Ok(Err((number, what)));
        }
    }
    Ok(match disagreement(record, row)? {
        None => Ok(expected),
        Some(column) => Err((
            number,
            format!(
                "column `{column}` of record {number} was altered: it is not what the record says"
            ),
        )),
    })
}

/// The first column that is not what the record says.
fn disagreement(record: &[u8], row: &Row<'_>) -> rusqlite::Result<Option<&'static str>> {
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(record) else {
        return Ok(Some("record"));
    };
    let kind = Kind::named(&fields.kind).map(Kind::number);
    let outcome = Outcome::named(&fields.outcome).map(Outcome::number);
    let system = row.get_ref(6)?.as_str_or_null().unwrap_or_default();
    let event = run_of(&fields.run).map(|(event, ..)| event);
    let compared = [
        (unsigned(row.get(3)?) == fields.at_ms, "at_ms"),
        (kind.map(i64::from) == Some(row.get(4)?), "kind"),
        (outcome.map(i64::from) == Some(row.get(5)?), "outcome"),
        (system.unwrap_or_default() == fields.system, "system"),
        (event == row.get(7)?, "event"),
        (row.get(8)?, "audit_block"),
    ];
    Ok(compared
        .into_iter()
        .find(|(same, _)| !same)
        .map(|(_, column)| column))
}

/// What is wrong with the end of the chain, whose last record is at `to`.
fn ending(connection: &Connection, to: &Anchor) -> rusqlite::Result<Option<(i64, String)>> {
    let next = to.number.saturating_add(1);
    match chain::tip(connection)? {
        None => {
            let what = "the place where the chain ends (`audit_tip` in table `site`) is missing or is none";
            return Ok(Some((next, what.into())));
        }
        Some(tip) if tip.number > to.number => {
            let what = format!(
                "records {next} to {} are missing: the end was cut off",
                tip.number
            );
            return Ok(Some((next, what)));
        }
        Some(tip) if tip != *to => {
            let first = tip.number.saturating_add(1).min(to.number);
            let what = format!(
                "record {first} and what follows were not written by the host: its last was {tip}"
            );
            return Ok(Some((first, what)));
        }
        Some(_) => {}
    }
    Ok(newest(connection, Kind::Altered)?.map(|(number, record)| {
        let said = serde_json::from_str::<serde_json::Value>(&record).unwrap_or_default();
        let what = said["what"].as_str().unwrap_or_default();
        (
            number,
            format!(
                "the host found the chain altered when it started, as record {number} says: {what}"
            ),
        )
    }))
}

/// The newest record of a kind of decision.
fn newest(connection: &Connection, kind: Kind) -> rusqlite::Result<Option<(i64, String)>> {
    use rusqlite::OptionalExtension as _;
    connection
        .prepare_cached(
            "SELECT number, CAST(record AS TEXT) FROM audit WHERE kind >= 32 AND kind = ?1
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([kind.number()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}
