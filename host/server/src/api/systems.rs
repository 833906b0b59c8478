//! `GET /api/systems`: how every system stands.

use std::sync::Arc;

use axum::extract::State;
use tombolo_kernel::system::SystemStatus;

use super::Json;
use super::tokens::MayOperate;
use crate::core::Core;

/// By name.
pub(crate) async fn list(_: MayOperate, State(core): State<Arc<Core>>) -> Json<Vec<SystemStatus>> {
    Json(core.status())
}
