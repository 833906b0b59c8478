//! `/api/dead`: dead letters, and what people do about them. Who and why is kept with the run.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tombolo_flow::engine::{DeadDetail, DeadFilter, DeadPage, Remedy};
use tombolo_kernel::audit::Kind;
use tombolo_kernel::limits;

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::tokens::Token;
use super::{Json, Query, limit, object, person};
use crate::core::Core;

/// Largest remedy, bytes: an input, a reason and some room.
const REMEDY_BODY: usize = limits::JSON_BYTES + (64 << 10);

/// Which dead letters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadQuery {
    flow: Option<String>,
    system: Option<String>,
    kind: Option<String>,
    before_ms: Option<u64>,
    after: Option<String>,
    limit: Option<u32>,
}

/// What a person wants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    by: String,
    reason: String,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

/// Newest event first; `next` goes into `after` for the next page.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<DeadQuery>,
) -> Result<Json<DeadPage>, Refusal> {
    let filter = DeadFilter {
        flow: query.flow,
        system: query.system,
        kind: query.kind,
        before_ms: query.before_ms,
    };
    let most = usize::try_from(limit(query.limit)?).unwrap_or(1);
    let page = core.engine.dead_letters(&filter, query.after, most).await?;
    Ok(Json(page))
}

/// One, with everything needed to repair it.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<DeadDetail>, Refusal> {
    Ok(Json(core.engine.dead_letter(&id).await?))
}

/// Carries it out again, from its failed step.
pub(crate) async fn retry(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    content: axum::body::Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let wish = wish(&headers, content).await?;
    if wish.input.is_some() {
        return Err(Refusal::Invalid(
            "input: expected none; to change the input, use /edit".into(),
        ));
    }
    done(&core, &token, id, Remedy::Retry, wish).await
}

/// The same with another input for the failed call.
pub(crate) async fn edit(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    content: axum::body::Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let wish = wish(&headers, content).await?;
    let Some(input) = wish.input.as_ref().map(|input| input.get().to_owned()) else {
        return Err(Refusal::Invalid(
            "input: found none, expected the failed call's new input".into(),
        ));
    };
    done(&core, &token, id, Remedy::Edit(input), wish).await
}

/// Lets it go.
pub(crate) async fn discard(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    content: axum::body::Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let wish = wish(&headers, content).await?;
    done(&core, &token, id, Remedy::Discard, wish).await
}

async fn wish(headers: &HeaderMap, content: axum::body::Body) -> Result<Wish, Refusal> {
    let wish: Wish = object(headers, content, REMEDY_BODY, "{\"by\", \"reason\"}").await?;
    person::check_with_reason(&wish.by, &wish.reason)?;
    Ok(wish)
}

async fn done(
    core: &Arc<Core>,
    token: &Token,
    id: String,
    remedy: Remedy,
    wish: Wish,
) -> Result<Json<serde_json::Value>, Refusal> {
    let what = match &remedy {
        Remedy::Retry => "retried",
        Remedy::Edit(_) => "edited",
        Remedy::Discard => "discarded",
    };
    let record = decision(core, Kind::Repair, token)
        .by(&wish.by)
        .about(what)
        .because(&wish.reason)
        .caused_by(&id);
    let (engine, run) = (Arc::clone(&core.engine), id.clone());
    let work = async move { engine.remedy(&run, remedy, wish.by, wish.reason).await };
    decided(core, record, work).await?;
    tracing::info!(run = %id, "a person did something about a dead letter");
    Ok(Json(serde_json::json!({ "run": id })))
}
