//! `POST /api/replay`: a page of past events to one flow, for real or as a dry run. Whoever asks goes on with the answer's
//! `number` and `next` until there is no `next`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use tombolo_flow::engine::{ReplayOrder, ReplayPage};
use tombolo_kernel::audit::Kind;

use super::decided::{Noted, decision, on_disk};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, object};
use crate::access::Dimension;
use crate::core::Core;

/// Largest order, bytes: a condition of 4 KiB, escaped, and names.
const ORDER_BODY: usize = 64 << 10;

/// One page.
pub(crate) async fn replay(
    caller: Caller,
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<ReplayPage>, Refusal> {
    let expected = "{\"flow\"} and what narrows it";
    let order: ReplayOrder = object(&headers, content, ORDER_BODY, expected).await?;
    caller.must_have(&core, Dimension::Flows, &order.flow)?;
    if core.engine.is_overloaded() {
        return Err(Refusal::Overloaded);
    }
    let record =
        decision(&core, Kind::Replay, &caller.name).about(format!("to flow {}", order.flow));
    let noted = Noted::begin(&core, record);
    let page = core.engine.replay(&order).await.map_err(Into::into);
    let page = noted.end(page, |page| {
        let how = if order.dry_run { ", only tried" } else { "" };
        format!(
            "replay {} to flow {}: {} runs{how}",
            page.number, order.flow, page.made
        )
    })?;
    on_disk(&core).await;
    if page.made > 0 {
        tracing::info!(flow = %order.flow, number = page.number, runs = page.made, "events replayed");
    }
    Ok(Json(page))
}
