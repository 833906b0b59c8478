//! Table `task`: questions to people. A task is closed once, by an answer or by its run.

use super::error::{integer, unsigned};
use super::links;
use super::names::Names;
use crate::{Link, RunRow, StoreError, TaskAnswer, TaskRow};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

const SELECT: &str = "SELECT id, run, step, role, question, options, asked_ms, until_ms, answer, answered_by, comment, \
     closed_ms, link FROM task";

/// Opens a task. An id that is taken breaks the primary key.
pub(crate) fn open(connection: &Connection, task: &TaskRow) -> rusqlite::Result<()> {
    let options = json(&task.options)?;
    let link = task.link.as_deref().map(json).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO task (id, run, step, role, question, options, asked_ms, until_ms, link)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            &task.id,
            &task.run,
            &task.step,
            &task.role,
            &task.question,
            options,
            integer(task.asked_ms),
            task.until_ms.map(integer),
            link,
        ))?;
    Ok(())
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The open task of no run that asks for this link already.
pub(crate) fn open_for(connection: &Connection, link: &Link) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT id FROM task WHERE json_extract(link, '$.link.kind') = ?1 AND json_extract(link, '$.link.ids') = ?2
               AND run = '' AND closed_ms IS NULL LIMIT 1",
        )?
        .query_row((&link.kind, json(&link.ids)?), |row| row.get(0))
        .optional()
}

/// How many open tasks belong to no run.
pub(crate) fn alone(connection: &Connection) -> rusqlite::Result<u32> {
    connection
        .prepare_cached("SELECT count(*) FROM task WHERE run = '' AND closed_ms IS NULL")?
        .query_row([], |row| row.get(0))
}

/// Closes a task of this run without an answer. One that is closed already keeps what it has.
pub(crate) fn withdraw(connection: &Connection, run: &RunRow, id: &str) -> rusqlite::Result<()> {
    let closed = TaskAnswer {
        answer: String::new(),
        by: String::new(),
        comment: "no longer asked: its run went on without an answer".into(),
        at_ms: run.updated_ms,
    };
    close(connection, id, Some(&run.id), &closed)?;
    Ok(())
}

/// Answers an open task with one of its options, and does what that does to links. The outer error is the disk's, the
/// inner one the answer's.
pub(crate) fn answer(
    connection: &Connection,
    names: &mut Names,
    id: &str,
    answer: &TaskAnswer,
) -> rusqlite::Result<Result<TaskRow, StoreError>> {
    let Some(mut task) = one(connection, id)? else {
        return Ok(Err(StoreError::NotFound(format!(
            "there is no task `{id}`; `tombolo task list` shows the open ones"
        ))));
    };
    if let Some(closed) = &task.closed {
        let how = match closed.answer.as_str() {
            "" => closed.comment.clone(),
            given => format!("answered `{given}` by {}", closed.by),
        };
        return Ok(Err(StoreError::Conflict(format!(
            "task `{id}` is closed: {how}"
        ))));
    }
    if !task.options.is_empty() && !task.options.contains(&answer.answer) {
        return Ok(Err(StoreError::Conflict(format!(
            "`{}` is not an answer to task `{id}`; expected one of: {}",
            answer.answer,
            task.options.join(", ")
        ))));
    }
    if let Some(link) = &task.link
        && let Err(refused) = links::answered(connection, names, link, answer)?
    {
        return Ok(Err(refused));
    }
    close(connection, id, None, answer)?;
    super::runs::wake(connection, &task.run, answer.at_ms)?;
    task.closed = Some(answer.clone());
    Ok(Ok(task))
}

fn close(
    connection: &Connection,
    id: &str,
    run: Option<&str>,
    closed: &TaskAnswer,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE task SET answer = ?3, answered_by = ?4, comment = ?5, closed_ms = ?6
             WHERE id = ?1 AND run = coalesce(?2, run) AND closed_ms IS NULL",
        )?
        .execute((
            id,
            run,
            &closed.answer,
            &closed.by,
            &closed.comment,
            integer(closed.at_ms),
        ))
}

/// One task.
pub(crate) fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<TaskRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([id], read)
        .optional()
}

/// Newest first.
pub(crate) fn list(
    connection: &Connection,
    open_only: bool,
    limit: u32,
) -> rusqlite::Result<Vec<TaskRow>> {
    let condition = if open_only {
        "WHERE closed_ms IS NULL"
    } else {
        ""
    };
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} {condition} ORDER BY asked_ms DESC, id DESC LIMIT ?1"
    ))?;
    statement.query_map([limit], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let options: String = row.get(5)?;
    let options = from_json(5, &options)?;
    let link: Option<String> = row.get(12)?;
    let link = link.map(|link| from_json(12, &link)).transpose()?;
    let closed_ms: Option<i64> = row.get(11)?;
    let closed = match closed_ms {
        None => None,
        Some(at) => Some(TaskAnswer {
            answer: row.get(8)?,
            by: row.get(9)?,
            comment: row.get(10)?,
            at_ms: unsigned(at),
        }),
    };
    Ok(TaskRow {
        id: row.get(0)?,
        run: row.get(1)?,
        step: row.get(2)?,
        role: row.get(3)?,
        question: row.get(4)?,
        options,
        asked_ms: unsigned(row.get(6)?),
        until_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
        closed,
        link,
    })
}

fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
