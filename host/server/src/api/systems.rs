//! `/api/systems`: how every system stands, how calls to it go, and what people decide about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tombolo_flow::engine::DeliveryStatus;
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::system::SystemStatus;

use super::decided::{decided, decision};
use super::errors::Refusal;
use super::guard::Caller;
use super::{Json, object, person};
use crate::access::Dimension;
use crate::core::Core;
use crate::life::{self, Book, LifeError};

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
    ) -> Self {
        let Book {
            last, rolled_back, ..
        } = book.unwrap_or_default();
        let last = last.filter(|last| rolled_back.is_none() && last.withdrawn.is_none());
        Self {
            status,
            delivery,
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
        SystemView::new(status, delivery, book, site)
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
