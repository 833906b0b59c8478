//! `/api/runs`: what flows did, step by step. A run's inner state is not shown.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tombolo_store::{RunFilter, RunRow, RunStatus, StoredEvent};

use super::errors::Refusal;
use super::{Json, Query, limit};
use crate::core::Core;

/// Which runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsQuery {
    flow: Option<String>,
    status: Option<RunStatus>,
    limit: Option<u32>,
}

/// A run without its state.
#[derive(Debug, Serialize)]
pub(crate) struct RunView {
    id: String,
    seq: i64,
    flow: String,
    flow_version: String,
    lane: String,
    status: RunStatus,
    wake_ms: Option<u64>,
    needs: Option<String>,
    started_ms: u64,
    updated_ms: u64,
}

/// A run, its event and what it did.
#[derive(Debug, Serialize)]
pub(crate) struct RunDetail {
    run: RunView,
    event: Option<StoredEvent>,
    trace: Option<Box<RawValue>>,
}

impl From<RunRow> for RunView {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id,
            seq: row.seq,
            flow: row.flow,
            flow_version: row.flow_version,
            lane: row.lane,
            status: row.status,
            wake_ms: row.wake_ms,
            needs: row.needs,
            started_ms: row.started_ms,
            updated_ms: row.updated_ms,
        }
    }
}

/// The newest first.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<RunsQuery>,
) -> Result<Json<Vec<RunView>>, Refusal> {
    let filter = RunFilter {
        flow: query.flow,
        status: query.status,
        seq: None,
        after: None,
        limit: limit(query.limit)?,
    };
    Ok(Json(
        core.store
            .runs(filter)
            .await?
            .into_iter()
            .map(RunView::from)
            .collect(),
    ))
}

/// One run.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<RunDetail>, Refusal> {
    let Some(mut run) = core.store.run(&id).await? else {
        return Err(Refusal::Unknown(
            "there is no such run; `tombolo run list` shows those there are".into(),
        ));
    };
    let event = core.store.event(run.seq).await?;
    let trace = RawValue::from_string(std::mem::take(&mut run.trace)).ok();
    Ok(Json(RunDetail {
        run: run.into(),
        event,
        trace,
    }))
}
