//! `POST /api/reload`: reads the site again; a site that does not check changes nothing and says why.

use std::sync::Arc;

use axum::extract::State;

use super::Json;
use super::errors::Refusal;
use super::guard::Caller;
use crate::core::{Changes, Core};

/// What changed.
pub(crate) async fn reload(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
) -> Result<Json<Changes>, Refusal> {
    core.reload_for("the API", &token)
        .await
        .map(Json)
        .map_err(Refusal::Site)
}
