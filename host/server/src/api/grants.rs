//! `POST /api/grants/check`: looks at the grants of running systems now; answers when what was revoked has stopped.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::Json;
use crate::core::Core;

/// A system that was stopped.
#[derive(Debug, Serialize)]
pub(crate) struct Stopped {
    system: String,
    why: String,
}

/// Everything that was stopped; nothing leaves on its behalf any more.
pub(crate) async fn check(State(core): State<Arc<Core>>) -> Json<Vec<Stopped>> {
    let mut stopped = Vec::new();
    for withdrawn in core.withdraw().await {
        stopped.push(Stopped {
            system: withdrawn.system.clone(),
            why: withdrawn.why.clone(),
        });
        withdrawn.ended().await;
    }
    Json(stopped)
}
