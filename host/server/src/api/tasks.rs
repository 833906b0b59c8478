//! `/api/tasks`: questions to people, and their answers.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::HeaderMap;
use serde::Deserialize;
use tombolo_kernel::audit::Kind;
use tombolo_kernel::limits;
use tombolo_store::{TaskAnswer, TaskRow};

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, Query, limit, object, person};
use crate::access::Dimension;
use crate::core::Core;

/// Largest answer, bytes: a comment of four-byte characters, escaped.
const ANSWER_BODY: usize = 64 << 10;

/// Which tasks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksQuery {
    #[serde(default)]
    open: bool,
    limit: Option<u32>,
}

/// What a person says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    answer: String,
    by: String,
    #[serde(default)]
    comment: String,
}

/// The newest first.
pub(crate) async fn list(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Query(query): Query<TasksQuery>,
) -> Result<Json<Vec<TaskRow>>, Refusal> {
    let most = query
        .limit
        .map_or(Ok(limits::LISTING), |asked| limit(Some(asked)))?;
    let within = caller.scopes.within(Dimension::Tasks);
    let mut tasks = core.store.tasks(query.open, most).await?;
    tasks.retain(|task| within.has(&task.role));
    Ok(Json(tasks))
}

/// Answers an open task, once; its run goes on.
pub(crate) async fn answer(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request_body: axum::body::Body,
) -> Result<Json<TaskRow>, Refusal> {
    let expected = "{\"answer\", \"by\", \"comment\"}";
    let answer: Answer = object(&headers, request_body, ANSWER_BODY, expected).await?;
    person::check(&answer.by, "comment", &answer.comment)?;
    // A task of somebody else's role is no task of theirs.
    let task = core.store.task(&id).await?;
    let task = task.filter(|task| caller.scopes.within(Dimension::Tasks).has(&task.role));
    let Some(task) = task else {
        return Err(Refusal::Unknown(
            "there is no such task; `tombolo task list` shows those there are".into(),
        ));
    };
    if task.closed.is_none() && !task.options.contains(&answer.answer) {
        let expected = task.options.join(", ");
        return Err(Refusal::Invalid(format!(
            "answer: found {:?}, expected one of {expected}",
            answer.answer
        )));
    }
    let said = TaskAnswer {
        answer: answer.answer,
        by: answer.by,
        comment: answer.comment,
        at_ms: core.clock.now_ms(),
    };
    let record = decision(&core, Kind::Answer, &caller.name)
        .by(&said.by)
        .about(format!("task {id}: {}", said.answer))
        .because(&said.comment)
        .caused_by(match task.run.as_str() {
            "" => String::new(),
            run => format!("{run}/{}", task.step),
        });
    let engine = Arc::clone(&core.engine);
    let work = async move { engine.answer(&id, said).await };
    let row = decided(&core, record, work).await?;
    tracing::info!(task = %row.id, run = %row.run, "task answered");
    Ok(Json(row))
}
