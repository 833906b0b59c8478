//! `GET /health`, the only path without a token: whether the host takes events. Says nothing else.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::Json;
use crate::core::Core;

/// 200 `{"status":"ok"}`, or 503 `{"status":"store-unavailable"}` since a write failed and until one succeeds.
pub(crate) async fn health(State(core): State<Arc<Core>>) -> Response {
    if core.store_is_well() {
        Json(json!({ "status": "ok" })).into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "status": "store-unavailable" })),
        )
            .into_response()
    }
}
