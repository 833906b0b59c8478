//! `GET /api/lanes`: lanes with unfinished runs, the one whose head is oldest first.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use tombolo_flow::engine::LaneStatus;

use super::errors::Refusal;
use super::{Json, Query, limit};
use crate::core::Core;

/// How many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanesQuery {
    limit: Option<u32>,
}

/// The oldest first.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<LanesQuery>,
) -> Result<Json<Vec<LaneStatus>>, Refusal> {
    Ok(Json(core.engine.lanes(limit(query.limit)?).await?))
}
