//! Tables `cross_reference` and `cross_reference_change`: entities, one row per id, and what was linked and unlinked. What
//! to change is [`crate::links`]' to decide; here it is read and written.

use super::error::{integer, unsigned};
use super::names::{Names, look_up};
use super::tasks;
use crate::links::{Changes, Plan, plan, question};
use crate::{
    Entity, Link, LinkOrder, LinkOutcome, LinkedId, Maker, OnConflict, StoreError, SystemId,
    TaskAnswer, TaskLink, TaskRow, Unlink,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;
use tombolo_kernel::limits;

/// Two rows by two indexes: what an expression asks for.
pub(super) const COUNTERPART: &str = "SELECT other.id FROM cross_reference AS one
     JOIN cross_reference AS other ON other.entity = one.entity
       AND other.system = (SELECT number FROM name WHERE text = ?4)
     WHERE one.kind = (SELECT number FROM name WHERE text = ?1)
       AND one.system = (SELECT number FROM name WHERE text = ?2) AND one.id = ?3";

/// The id in `other` of the entity with this one.
pub(crate) fn counterpart(
    connection: &Connection,
    (kind, system, id, other): (&str, &str, &str, &str),
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(COUNTERPART)?
        .query_row((kind, system, id, other), |row| row.get(0))
        .optional()
}

/// Makes a link, or does with it what the order says.
pub(crate) fn order(
    connection: &Connection,
    names: &mut Names,
    order: &LinkOrder,
    now_ms: u64,
) -> rusqlite::Result<LinkOutcome> {
    let link = &order.link;
    let replace = order.on_conflict == OnConflict::Replace;
    let mut outcome = make(connection, names, link, replace, now_ms)?;
    if let (LinkOutcome::Conflict(conflict), OnConflict::Ask { task, role }) =
        (&mut outcome, &order.on_conflict)
    {
        let asked = link.to_ask(conflict);
        if let Some(open) = tasks::open_for(connection, link)? {
            conflict.task = Some(open);
        } else if tasks::alone(connection)? >= limits::LINK_TASKS {
            let most = limits::LINK_TASKS;
            return Ok(LinkOutcome::Refused(format!(
                "it contradicts other links, and {most} such questions are open already, expected fewer: answer some, \
                 then import it again"
            )));
        } else {
            let asks = TaskRow {
                id: task.clone(),
                run: String::new(),
                step: String::new(),
                role: role.clone(),
                question: question(link, conflict),
                options: vec![crate::KEEP.to_owned(), crate::REPLACE.to_owned()],
                asked_ms: now_ms,
                until_ms: None,
                closed: None,
                link: Some(Box::new(asked)),
            };
            tasks::open(connection, &asks)?;
            conflict.task = Some(task.clone());
        }
    }
    Ok(outcome)
}

/// Makes a link unless it contradicts others.
pub(crate) fn make(
    connection: &Connection,
    names: &mut Names,
    link: &Link,
    replace: bool,
    now_ms: u64,
) -> rusqlite::Result<LinkOutcome> {
    if let Err(message) = link.check() {
        return Ok(LinkOutcome::Refused(message));
    }
    let touched = touched(connection, link)?;
    Ok(match plan(link, &touched, replace) {
        Plan::Known => LinkOutcome::Known,
        Plan::Conflict(conflict) => LinkOutcome::Conflict(conflict),
        Plan::Change(changes) => {
            apply(connection, names, link, &touched, &changes, now_ms)?;
            LinkOutcome::Linked
        }
    })
}

/// Does what an answer does to links. The inner error refuses the answer.
pub(crate) fn answered(
    connection: &Connection,
    names: &mut Names,
    task: &TaskLink,
    answer: &TaskAnswer,
) -> rusqlite::Result<Result<(), StoreError>> {
    let Some(link) = task.answered(&answer.answer, &answer.by, &answer.comment) else {
        return Ok(Ok(()));
    };
    let touched = touched(connection, &link)?;
    if let Plan::Change(changes) = plan(&link, &touched, true) {
        if let Err(message) = task.still_true(&changes) {
            return Ok(Err(StoreError::Conflict(message)));
        }
        apply(connection, names, &link, &touched, &changes, answer.at_ms)?;
    }
    Ok(Ok(()))
}

/// Takes an id out of its entity; one that is left alone goes with it.
pub(crate) fn unlink(
    connection: &Connection,
    names: &mut Names,
    unlink: &Unlink,
    now_ms: u64,
) -> rusqlite::Result<Result<Entity, StoreError>> {
    let Some(entity) = entity_of(connection, &unlink.kind, &unlink.id)? else {
        return Ok(Err(StoreError::NotFound(format!(
            "the {} {} is not linked; `tombolo xref list` shows what is",
            unlink.kind, unlink.id
        ))));
    };
    let rest: Vec<&SystemId> = entity.ids.iter().map(|linked| &linked.id).collect();
    let rest: Vec<&SystemId> = rest.into_iter().filter(|id| **id != unlink.id).collect();
    let mut writer = Writer {
        connection,
        kind: names.number(connection, &unlink.kind)?,
        names,
        maker: &unlink.maker,
        now_ms,
    };
    writer.remove(&unlink.id, &words(rest.iter().copied()))?;
    if let [last] = rest.as_slice() {
        writer.remove(last, &unlink.id.to_string())?;
    }
    Ok(Ok(entity))
}

/// Entities that a link's ids are of, by number.
fn touched(connection: &Connection, link: &Link) -> rusqlite::Result<Vec<Entity>> {
    let mut numbers = BTreeSet::new();
    for id in &link.ids {
        numbers.extend(number_of(connection, &link.kind, id)?);
    }
    numbers
        .into_iter()
        .map(|number| entity(connection, number))
        .collect()
}

fn apply(
    connection: &Connection,
    names: &mut Names,
    link: &Link,
    touched: &[Entity],
    changes: &Changes,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let mut writer = Writer {
        connection,
        kind: names.number(connection, &link.kind)?,
        names,
        maker: &link.maker,
        now_ms,
    };
    for id in &changes.removes {
        let home = touched.iter().find(|entity| entity.has(id));
        let others = home.iter().flat_map(|entity| &entity.ids);
        let others = others.map(|linked| &linked.id).filter(|other| *other != id);
        writer.remove(id, &words(others))?;
    }
    let base = match changes.base {
        Some(base) => base,
        None => connection
            .prepare_cached("SELECT coalesce(max(entity), 0) + 1 FROM cross_reference")?
            .query_row([], |row| row.get(0))?,
    };
    // All leave their entities before one comes: no entity ever has two ids in one system.
    for id in &changes.puts {
        writer.take(id)?;
    }
    for id in &changes.puts {
        writer.put(base, id)?;
    }
    let joined = entity(connection, base)?;
    for id in &changes.puts {
        let others = joined.ids.iter().map(|linked| &linked.id);
        writer.note(id, true, &words(others.filter(|other| *other != id)))?;
    }
    Ok(())
}

/// Writes rows of one kind in one name.
struct Writer<'w> {
    connection: &'w Connection,
    names: &'w mut Names,
    kind: i64,
    maker: &'w Maker,
    now_ms: u64,
}

impl Writer<'_> {
    fn remove(&mut self, id: &SystemId, others: &str) -> rusqlite::Result<()> {
        self.take(id)?;
        self.note(id, false, others)
    }

    fn take(&mut self, id: &SystemId) -> rusqlite::Result<()> {
        let system = self.names.number(self.connection, &id.system)?;
        self.connection
            .prepare_cached(
                "DELETE FROM cross_reference WHERE kind = ?1 AND system = ?2 AND id = ?3",
            )?
            .execute((self.kind, system, &id.id))?;
        Ok(())
    }

    fn put(&mut self, entity: i64, id: &SystemId) -> rusqlite::Result<()> {
        let system = self.names.number(self.connection, &id.system)?;
        let Maker { by, cause, reason } = self.maker;
        self.connection
            .prepare_cached(
                "INSERT INTO cross_reference (kind, system, id, entity, at_ms, made_by, cause, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.kind,
                system,
                id.id,
                entity,
                integer(self.now_ms),
                by,
                cause,
                reason
            ])?;
        Ok(())
    }

    fn note(&mut self, id: &SystemId, linked: bool, others: &str) -> rusqlite::Result<()> {
        let system = self.names.number(self.connection, &id.system)?;
        let Maker { by, cause, reason } = self.maker;
        self.connection
            .prepare_cached(
                "INSERT INTO cross_reference_change (at_ms, kind, system, id, linked, others, made_by, cause, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                integer(self.now_ms),
                self.kind,
                system,
                id.id,
                linked,
                others,
                by,
                cause,
                reason
            ])?;
        Ok(())
    }
}

fn words<'i>(ids: impl Iterator<Item = &'i SystemId>) -> String {
    let words: Vec<String> = ids.map(ToString::to_string).collect();
    words.join(", ")
}

fn number_of(connection: &Connection, kind: &str, id: &SystemId) -> rusqlite::Result<Option<i64>> {
    let (Some(kind), Some(system)) = (look_up(connection, kind)?, look_up(connection, &id.system)?)
    else {
        return Ok(None);
    };
    connection
        .prepare_cached(
            "SELECT entity FROM cross_reference WHERE kind = ?1 AND system = ?2 AND id = ?3",
        )?
        .query_row((kind, system, &id.id), |row| row.get(0))
        .optional()
}

fn entity_of(
    connection: &Connection,
    kind: &str,
    id: &SystemId,
) -> rusqlite::Result<Option<Entity>> {
    number_of(connection, kind, id)?
        .map(|number| entity(connection, number))
        .transpose()
}

/// One entity with all its ids.
pub(crate) fn entity(connection: &Connection, number: i64) -> rusqlite::Result<Entity> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT text FROM name WHERE number = kind), (SELECT text FROM name WHERE number = system) AS system_name,
           id, at_ms, made_by, cause, reason FROM cross_reference WHERE entity = ?1 ORDER BY system_name",
    )?;
    let mut entity = Entity {
        number,
        kind: String::new(),
        ids: Vec::new(),
    };
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        if entity.ids.is_empty() {
            entity.kind = row.get(0)?;
        }
        entity.ids.push(LinkedId {
            id: SystemId {
                system: row.get(1)?,
                id: row.get(2)?,
            },
            at_ms: unsigned(row.get(3)?),
            maker: maker(row, 4)?,
        });
    }
    Ok(entity)
}

/// Who did it, from three columns.
pub(crate) fn maker(row: &Row<'_>, from: usize) -> rusqlite::Result<Maker> {
    Ok(Maker {
        by: row.get(from)?,
        cause: row.get(from + 1)?,
        reason: row.get(from + 2)?,
    })
}
