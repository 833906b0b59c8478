//! `/api/feeds`: what systems are read, how far, and what failed; reading one now.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::Kind;
use tombolo_kernel::limits;
use tombolo_store::StoreError;

use super::Json;
use super::decided::{Noted, decision, on_disk};
use super::errors::Refusal;
use super::guard::Caller;
use crate::core::Core;
use crate::feeds::{FeedView, NotNow};
use crate::ingress::body;

/// By system and name.
pub(crate) async fn list(State(core): State<Arc<Core>>) -> Result<Json<Vec<FeedView>>, Refusal> {
    Ok(Json(core.feeds.list(&core).await?))
}

/// Where to begin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Demand {
    from: Option<String>,
}

#[derive(Debug, Serialize)]
struct Begun {
    reading: bool,
}

/// Has one read now: 202, and the list tells how it goes on.
pub(crate) async fn run(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path((system, feed)): Path<(String, String)>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Refusal> {
    let content = body::read(&headers, content, limits::CURSOR_BYTES * 2).await?;
    let demand: Demand = if content.is_empty() {
        Demand::default()
    } else {
        serde_json::from_slice(&content).map_err(|error| {
            Refusal::Malformed(format!(
                "the body cannot be read: {error}; expected `{{\"from\": CURSOR}}` or none"
            ))
        })?
    };
    if demand
        .from
        .as_ref()
        .is_some_and(|from| from.len() > limits::CURSOR_BYTES)
    {
        return Err(Refusal::Invalid(format!(
            "from: expected a cursor of at most {} bytes",
            limits::CURSOR_BYTES
        )));
    }
    let now = core.clock.now_ms();
    let noted = Noted::begin(
        &core,
        decision(&core, Kind::Order, &token).of(&system, "", ""),
    );
    let demanded = core
        .feeds
        .demand(&system, &feed, demand.from, now)
        .map_err(|not_now| match not_now {
            NotNow::Unknown => Refusal::Unknown(
                "there is no such feed; `tombolo feed list` shows those there are".into(),
            ),
            NotNow::Reading => Refusal::Store(StoreError::Conflict(
                "the feed is being read; ask again when `tombolo feed list` says that it waits"
                    .into(),
            )),
        });
    noted.end(demanded, |()| format!("feed {feed}"))?;
    on_disk(&core).await;
    Ok((StatusCode::ACCEPTED, Json(Begun { reading: true })).into_response())
}
