//! `/api/systems`: how every system stands, how calls to it go, and what people decide about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tombolo_flow::engine::DeliveryStatus;
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::system::{SystemStatus, WHOLE};

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, object, person};
use crate::access::Dimension;
use crate::core::Core;
use crate::life::{self, Book, LifeError, Standing};
use crate::site;

/// Largest decision, bytes: a name and a reason.
const DECISION_BODY: usize = 64 << 10;

/// A system, whole.
#[derive(Debug, Serialize)]
pub(crate) struct SystemView {
    #[serde(flatten)]
    status: SystemStatus,
    /// Nothing where no call went to it since the start.
    delivery: Option<DeliveryStatus>,
    /// Its last good version, where it can be rolled back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    rolls_back_to: Option<VersionView>,
    /// It runs its last good version, whatever the site says.
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<RolledBackView>,
    /// A newer version has a share of its lanes.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<CanaryView>,
}

/// How a canary does.
#[derive(Debug, Serialize)]
struct CanaryView {
    adapter: String,
    digest: String,
    /// Of the lanes.
    percent: u32,
    calls: u64,
    failed: u64,
    since_ms: u64,
    /// When it takes all lanes.
    until_ms: u64,
}

impl CanaryView {
    fn of(core: &Core, standing: &Standing, system: &str, book: Option<&Book>) -> Option<Self> {
        let canary = core.systems.canary(system)?;
        let begun = book?.canary.as_ref()?;
        let trial = standing.canaries.get(system)?;
        Some(Self {
            adapter: canary.adapter,
            digest: canary.digest,
            percent: canary.share / (WHOLE / 100),
            calls: canary.calls,
            failed: canary.failed,
            since_ms: begun.since_ms,
            until_ms: life::until(begun, trial),
        })
    }
}

/// A version that is kept.
#[derive(Debug, Serialize)]
struct VersionView {
    adapter: String,
    digest: String,
}

/// Why it runs that.
#[derive(Debug, Serialize)]
struct RolledBackView {
    by: String,
    reason: String,
    since_ms: u64,
    /// What the site has.
    site: String,
}

impl SystemView {
    fn new(
        status: SystemStatus,
        delivery: Option<DeliveryStatus>,
        book: Option<Book>,
        site: Option<&String>,
        canary: Option<CanaryView>,
    ) -> Self {
        let Book {
            last, rolled_back, ..
        } = book.unwrap_or_default();
        let last = last
            .filter(|last| rolled_back.is_none() && canary.is_none() && last.withdrawn.is_none());
        Self {
            status,
            delivery,
            canary,
            rolls_back_to: last.map(|last| VersionView {
                adapter: last.adapter,
                digest: last.digest,
            }),
            rolled_back: rolled_back.map(|said| RolledBackView {
                by: said.by,
                reason: said.reason,
                since_ms: said.since_ms,
                site: site.cloned().unwrap_or_default(),
            }),
        }
    }
}

/// By name.
pub(crate) async fn list(caller: Caller, State(core): State<Arc<Core>>) -> Json<Vec<SystemView>> {
    let within = caller.scopes.within(Dimension::Systems);
    let deliveries = core.engine.deliveries().into_iter();
    let mut deliveries: BTreeMap<String, DeliveryStatus> = deliveries
        .map(|delivery| (delivery.system.clone(), delivery))
        .collect();
    let mut books = core.books.all().await;
    let standing = core.standing.load();
    let whole = |status: SystemStatus| {
        let (delivery, book) = (
            deliveries.remove(&status.system),
            books.remove(&status.system),
        );
        let site = standing.instead.get(&status.system);
        let canary = CanaryView::of(&core, &standing, &status.system, book.as_ref());
        SystemView::new(status, delivery, book, site, canary)
    };
    let seen = core.status().into_iter();
    let seen = seen.filter(|status| within.has(&status.system));
    Json(seen.map(whole).collect())
}

/// Who decides, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: String,
    reason: String,
}

/// Takes a system out of service.
pub(crate) async fn disable(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let said = said(&headers, content).await?;
    let record = record(&core, Kind::Disable, &caller, &system, &said);
    let (of, name) = (Arc::clone(&core), system.clone());
    let work = async move { life::disable(&of, name, said.by, said.reason).await };
    decided(&core, record, work).await?;
    Ok(Json(serde_json::json!({ "system": system })))
}

/// Puts it back.
pub(crate) async fn enable(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let said = said(&headers, content).await?;
    let record = record(&core, Kind::Enable, &caller, &system, &said);
    let (of, name) = (Arc::clone(&core), system.clone());
    let work = async move { life::enable(&of, name).await };
    decided(&core, record, work).await?;
    Ok(Json(serde_json::json!({ "system": system })))
}

/// Puts its last good version into the place of the one that runs.
pub(crate) async fn rollback(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let said = said(&headers, content).await?;
    let record = record(&core, Kind::Rollback, &caller, &system, &said);
    let (of, name) = (Arc::clone(&core), system.clone());
    let work = async move { life::rollback(&of, name, said.by, said.reason).await };
    let adapter = decided(&core, record, work).await?;
    Ok(Json(
        serde_json::json!({ "system": system, "adapter": adapter }),
    ))
}

/// Ends a rollback: the site's version runs again.
pub(crate) async fn forward(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let said = said(&headers, content).await?;
    let record = record(&core, Kind::Rollback, &caller, &system, &said);
    let record = record.about("forward, to the site's version");
    let (of, name) = (Arc::clone(&core), system.clone());
    let work = async move { life::forward(&of, name).await };
    decided(&core, record, work).await?;
    Ok(Json(serde_json::json!({ "system": system })))
}

/// What is decided about a canary: one of the three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CanarySaid {
    by: String,
    reason: String,
    share: Option<String>,
    #[serde(default)]
    promote: bool,
    #[serde(default)]
    stop: bool,
}

/// Gives a canary more lanes or all, or ends it.
pub(crate) async fn canary(
    caller: Caller,
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
    headers: HeaderMap,
    content: Body,
) -> Result<Json<serde_json::Value>, Refusal> {
    let expected = "{\"by\", \"reason\"} and one of \"share\", \"promote\", \"stop\"";
    let said: CanarySaid = object(&headers, content, DECISION_BODY, expected).await?;
    let CanarySaid {
        by,
        reason,
        share,
        promote,
        stop,
    } = said;
    let said = Said { by, reason };
    person::check_with_reason(&said.by, &said.reason)?;
    let record = record(&core, Kind::Canary, &caller, &system, &said);
    let (of, name) = (Arc::clone(&core), system.clone());
    match (share, promote, stop) {
        (Some(text), false, false) => {
            let Some(share) = site::share(&text) else {
                return Err(Refusal::Invalid(
                    "share: expected a share of the lanes from 1% to 99%".into(),
                ));
            };
            let record = record.about(format!("{}%", share / (WHOLE / 100)));
            decided(
                &core,
                record,
                async move { life::grow(&of, name, share).await },
            )
            .await?;
        }
        (None, true, false) => {
            let work = async move { life::promote(&of, &name).await };
            decided(&core, record.about("promoted"), work).await?;
        }
        (None, false, true) => {
            let work = async move { life::stop(&of, name, said.by, said.reason).await };
            decided(&core, record.about("stopped"), work).await?;
        }
        _ => return Err(Refusal::Invalid(format!("expected {expected}"))),
    }
    Ok(Json(serde_json::json!({ "system": system })))
}

fn record(core: &Core, kind: Kind, caller: &Caller, system: &str, said: &Said) -> AuditRecord {
    decision(core, kind, &caller.name)
        .of(system, "", "")
        .by(&said.by)
        .because(&said.reason)
}

async fn said(headers: &HeaderMap, content: Body) -> Result<Said, Refusal> {
    let said: Said = object(headers, content, DECISION_BODY, "{\"by\", \"reason\"}").await?;
    person::check_with_reason(&said.by, &said.reason)?;
    Ok(said)
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
