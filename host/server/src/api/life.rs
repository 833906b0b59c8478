//! `/api/systems/NAME/...`: what people decide about a system. Each says who they are and why, and is on record.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::system::WHOLE;

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, object, person};
use crate::core::Core;
use crate::life::{self, LifeError};
use crate::site;

/// Largest decision, bytes: a name and a reason.
const DECISION_BODY: usize = 64 << 10;

/// What somebody decides about a system, as a request says it.
pub(crate) struct Decision<S = Said> {
    core: Arc<Core>,
    caller: Caller,
    system: String,
    said: S,
}

/// A body that says who decides, and why.
pub(crate) trait Words: DeserializeOwned {
    /// The keys it has, for messages.
    const EXPECTED: &str;

    /// Who, and why.
    fn words(&self) -> (&str, &str);
}

/// That alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    by: String,
    reason: String,
}

/// What is decided about a canary: one of the three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanarySaid {
    by: String,
    reason: String,
    share: Option<String>,
    #[serde(default)]
    promote: bool,
    #[serde(default)]
    stop: bool,
}

/// Takes a system out of service.
pub(crate) async fn disable(decision: Decision) -> Result<Json<Value>, Refusal> {
    let (record, of) = (decision.record(Kind::Disable), Arc::clone(&decision.core));
    let (name, said) = (decision.system.clone(), decision.said);
    let work = async move { life::disable(&of, name, said.by, said.reason).await };
    decided(&decision.core, record, work).await?;
    Ok(Json(json!({ "system": decision.system })))
}

/// Puts it back.
pub(crate) async fn enable(decision: Decision) -> Result<Json<Value>, Refusal> {
    let (record, of) = (decision.record(Kind::Enable), Arc::clone(&decision.core));
    let name = decision.system.clone();
    let work = async move { life::enable(&of, name).await };
    decided(&decision.core, record, work).await?;
    Ok(Json(json!({ "system": decision.system })))
}

/// Puts its last good version into the place of the one that runs.
pub(crate) async fn rollback(decision: Decision) -> Result<Json<Value>, Refusal> {
    let (record, of) = (decision.record(Kind::Rollback), Arc::clone(&decision.core));
    let (name, said) = (decision.system.clone(), decision.said);
    let work = async move { life::rollback(&of, name, said.by, said.reason).await };
    let adapter = decided(&decision.core, record, work).await?;
    Ok(Json(
        json!({ "system": decision.system, "adapter": adapter }),
    ))
}

/// Ends a rollback: the site's version runs again.
pub(crate) async fn forward(decision: Decision) -> Result<Json<Value>, Refusal> {
    let (record, of) = (decision.record(Kind::Rollback), Arc::clone(&decision.core));
    let record = record.about("forward, to the site's version");
    let name = decision.system.clone();
    let work = async move { life::forward(&of, name).await };
    decided(&decision.core, record, work).await?;
    Ok(Json(json!({ "system": decision.system })))
}

/// Gives a canary more lanes or all, or ends it.
pub(crate) async fn canary(decision: Decision<CanarySaid>) -> Result<Json<Value>, Refusal> {
    let (record, of) = (decision.record(Kind::Canary), Arc::clone(&decision.core));
    let (name, said) = (decision.system.clone(), decision.said);
    match (said.share, said.promote, said.stop) {
        (Some(text), false, false) => {
            let Some(share) = site::share(&text) else {
                return Err(Refusal::Invalid(
                    "share: expected a share of the lanes from 1% to 99%".into(),
                ));
            };
            let record = record.about(format!("{}%", share / (WHOLE / 100)));
            let work = async move { life::grow(&of, name, share).await };
            decided(&decision.core, record, work).await?;
        }
        (None, true, false) => {
            let work = async move { life::promote(&of, &name, &said.by).await };
            decided(&decision.core, record.about("promoted"), work).await?;
        }
        (None, false, true) => {
            let work = async move { life::stop(&of, name, said.by, said.reason).await };
            decided(&decision.core, record.about("stopped"), work).await?;
        }
        _ => {
            let expected = CanarySaid::EXPECTED;
            return Err(Refusal::Invalid(format!("expected {expected}")));
        }
    }
    Ok(Json(json!({ "system": decision.system })))
}

// === impl Decision ===

impl<S: Words> Decision<S> {
    /// The beginning of its record.
    fn record(&self, kind: Kind) -> AuditRecord {
        let (by, reason) = self.said.words();
        decision(&self.core, kind, &self.caller.name)
            .of(&self.system, "", "")
            .by(by)
            .because(reason)
    }
}

impl<S: Words> FromRequest<Arc<Core>> for Decision<S> {
    type Rejection = Refusal;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Refusal> {
        let (mut head, content) = request.into_parts();
        let caller = Caller::from_request_parts(&mut head, core).await?;
        let Path(system) = Path::<String>::from_request_parts(&mut head, core)
            .await
            .map_err(|error| Refusal::Malformed(error.body_text()))?;
        let said: S = object(&head.headers, content, DECISION_BODY, S::EXPECTED).await?;
        let (by, reason) = said.words();
        person::check_with_reason(by, reason)?;
        Ok(Self {
            core: Arc::clone(core),
            caller,
            system,
            said,
        })
    }
}

// === impl Words ===

impl Words for Said {
    const EXPECTED: &str = "{\"by\", \"reason\"}";

    fn words(&self) -> (&str, &str) {
        (&self.by, &self.reason)
    }
}

impl Words for CanarySaid {
    const EXPECTED: &str = "{\"by\", \"reason\"} and one of \"share\", \"promote\", \"stop\"";

    fn words(&self) -> (&str, &str) {
        (&self.by, &self.reason)
    }
}

impl From<LifeError> for Refusal {
    fn from(error: LifeError) -> Self {
        match error {
            LifeError::Unknown(_) => Self::Unknown(error.to_string()),
            LifeError::Conflict(message) => {
                Self::Store(tombolo_store::StoreError::Conflict(message))
            }
            LifeError::Books(error) => {
                tracing::error!(%error, "a decision about a system cannot be kept");
                Self::Store(tombolo_store::StoreError::Unavailable(error.to_string()))
            }
        }
    }
}
