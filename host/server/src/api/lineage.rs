//! `/api/runs/{id}/lineage`: where every field that a run sent came from.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use tombolo_flow::lineage;
use tombolo_flow::trace::RunTrace;

use super::Json;
use super::errors::Refusal;
use crate::core::Core;

/// Where a run's values came from.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    run: String,
    /// The event's place in the log.
    event: i64,
    flow_version: String,
    #[serde(flatten)]
    lineage: lineage::Lineage,
}

/// Of one run.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Refusal> {
    let Some(run) = core.store.run(&id).await? else {
        return Err(Refusal::Unknown(
            "there is no such run; `tombolo run list` shows those there are".into(),
        ));
    };
    let flow = core
        .engine
        .definition(&run)
        .await
        .map_err(Refusal::Unknown)?;
    let trace: RunTrace = serde_json::from_str(&run.trace).unwrap_or_default();
    Ok(Json(Shown {
        run: run.id,
        event: run.seq,
        flow_version: run.flow_version,
        lineage: lineage::of_run(&flow, &trace),
    }))
}
