//! `GET /api/audit`: who reached what, the newest first.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use tombolo_kernel::audit::Outward;

use super::errors::Refusal;
use super::tokens::MayOperate;
use super::{Json, Query, limit};
use crate::core::Core;

/// Which records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    #[serde(default)]
    denied: bool,
    limit: Option<u32>,
}

/// The newest records, or only the refusals.
pub(crate) async fn list(
    _: MayOperate,
    State(core): State<Arc<Core>>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Vec<Outward>>, Refusal> {
    Ok(Json(
        core.store.audits(limit(query.limit)?, query.denied).await?,
    ))
}
