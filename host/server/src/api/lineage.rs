//! `/api/runs/{id}/lineage`: where every field that a run sent came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use tombolo_flow::lineage::{self, Origin};
use tombolo_flow::trace::{RunTrace, StepTrace};

use super::Json;
use super::errors::Refusal;
use crate::core::Core;

/// Where a run's values came from.
#[derive(Debug, Serialize)]
pub(crate) struct Lineage {
    run: String,
    /// The event's place in the log.
    event: i64,
    flow_version: String,
    /// Digest of the adapter that carried a step out, by step.
    adapters: BTreeMap<String, String>,
    /// Only of steps that the run reached.
    origins: Vec<Origin>,
}

/// Of one run.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Lineage>, Refusal> {
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
    let mut reached = BTreeMap::new();
    steps(&trace.steps, &mut reached);
    let mut origins = lineage::of(&flow);
    origins.retain(|origin| reached.contains_key(&origin.step));
    reached.retain(|_, adapter| !adapter.is_empty());
    Ok(Json(Lineage {
        run: run.id,
        event: run.seq,
        flow_version: run.flow_version,
        adapters: reached,
        origins,
    }))
}

fn steps(all: &[StepTrace], reached: &mut BTreeMap<String, String>) {
    for step in all {
        reached.insert(step.id.clone(), step.adapter.clone());
        steps(&step.steps, reached);
    }
}
