//! `/api/runs/ID/mend` and `/move`: what people change of a run, with their name and their reason.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tombolo_flow::run::{Mend, MendWith};
use tombolo_kernel::audit::Kind;
use tombolo_kernel::limits;

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, object, person};
use crate::core::Core;

/// Largest change, bytes: an input of a call, escaped, and the words around it.
const BODY: usize = 2 * limits::JSON_BYTES;

/// A change of a step: one of `input` and `result`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MendBody {
    step: String,
    by: String,
    reason: String,
    #[serde(default)]
    input: Option<Box<RawValue>>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
}

/// A move to the flow's present version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    by: String,
    reason: String,
}

/// The run that was changed.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// Changes the step at which a run waits or died; it goes on behind the reply.
pub(crate) async fn mend(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request_body: axum::body::Body,
) -> Result<Json<Changed>, Refusal> {
    let expected = "{\"step\", \"input\" or \"result\", \"by\", \"reason\"}";
    let body: MendBody = object(&headers, request_body, BODY, expected).await?;
    person::check_with_reason(&body.by, &body.reason)?;
    let with = match (body.input, body.result) {
        (Some(input), None) => MendWith::Input(input),
        (None, Some(result)) => MendWith::Result(result),
        _ => {
            return Err(Refusal::Invalid(
                "found both or neither of input and result, expected one of them".into(),
            ));
        }
    };
    let mend = Mend {
        step: Some(body.step),
        with,
        by: body.by,
        reason: body.reason,
    };
    let step = mend.step.as_deref().unwrap_or_default();
    let record = decision(&core, Kind::Mend, &token)
        .by(&mend.by)
        .about(match &mend.with {
            MendWith::Again => "again",
            MendWith::Input(_) => "another input",
            MendWith::Result(_) => "a result",
        })
        .because(&mend.reason)
        .caused_by(format!("{id}/{step}"));
    let (engine, run) = (Arc::clone(&core.engine), id.clone());
    decided(&core, record, async move { engine.mend(&run, mend).await }).await?;
    Ok(Json(Changed {
        run: id,
        version: None,
    }))
}

/// Moves a run to the present version of its flow.
pub(crate) async fn move_run(
    Caller { name: token, .. }: Caller,
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request_body: axum::body::Body,
) -> Result<Json<Changed>, Refusal> {
    let body: MoveBody = object(&headers, request_body, BODY, "{\"by\", \"reason\"}").await?;
    person::check_with_reason(&body.by, &body.reason)?;
    let record = decision(&core, Kind::Move, &token)
        .by(&body.by)
        .about("to the present version of its flow")
        .because(&body.reason)
        .caused_by(&id);
    let (engine, run) = (Arc::clone(&core.engine), id.clone());
    let work = async move { engine.move_run(&run, &body.by, &body.reason).await };
    let version = decided(&core, record, work).await?;
    Ok(Json(Changed {
        run: id,
        version: Some(version),
    }))
}
