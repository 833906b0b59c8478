//! `/api/audit`: who reached what and who decided what, the newest first; the chain, a page at a time.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_kernel::audit::{Kind, Outcome};
use tombolo_kernel::limits;
use tombolo_store::{Anchor, AuditCheck, AuditFilter, AuditPage, StoredAudit};

use super::errors::Refusal;
use super::{Json, Query, limit};
use crate::core::Core;

/// Which records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    system: Option<String>,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
    who: Option<String>,
    outcome: Option<String>,
    event: Option<i64>,
    run: Option<String>,
    /// Names, with commas between them.
    kind: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// Which part of the chain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterQuery {
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

/// From where the chain is looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyQuery {
    /// `to` of the page before.
    from: Option<String>,
}

/// Records that match.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Refusal> {
    let filter = AuditFilter {
        outcome: query.outcome.as_deref().map(outcome).transpose()?,
        kinds: kinds(query.kind.as_deref().unwrap_or_default())?,
        limit: limit(query.limit)?,
        system: query.system,
        since_ms: query.since_ms,
        until_ms: query.until_ms,
        who: query.who,
        event: query.event,
        run: query.run,
        after: query.after,
    };
    Ok(Json(core.audit.find(filter).await?))
}

/// All records after a number, in their order, as they are chained.
pub(crate) async fn export(
    State(core): State<Arc<Core>>,
    Query(query): Query<AfterQuery>,
) -> Result<Json<Vec<StoredAudit>>, Refusal> {
    let most = limit(query.limit)?;
    Ok(Json(core.audit.after(query.after, most).await?))
}

/// The newest place in the chain.
pub(crate) async fn anchor(State(core): State<Arc<Core>>) -> Result<Json<Value>, Refusal> {
    core.audit.kept().await?;
    let anchor = core.audit.anchor().await?;
    Ok(Json(json!({ "anchor": anchor.to_string() })))
}

/// Whether a page of the chain is as it was written.
pub(crate) async fn verify(
    State(core): State<Arc<Core>>,
    Query(query): Query<VerifyQuery>,
) -> Result<Json<AuditCheck>, Refusal> {
    let from = query.from.map(|from| from.parse::<Anchor>()).transpose();
    let from = from.map_err(|error| Refusal::Invalid(format!("from: {error}")))?;
    let check = core.audit.check(from, limits::AUDIT_CHECKED).await?;
    Ok(Json(check))
}

fn outcome(name: &str) -> Result<Outcome, Refusal> {
    Outcome::named(name).ok_or_else(|| {
        Refusal::Invalid(format!(
            "outcome: found {name:?}, expected allowed, denied or failed"
        ))
    })
}

fn kinds(names: &str) -> Result<Vec<Kind>, Refusal> {
    let names = names.split(',').filter(|name| !name.is_empty());
    let kind = |name: &str| {
        Kind::named(name).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Refusal::Invalid(format!(
                "kind: found {name:?}, expected one of {}",
                known.join(", ")
            ))
        })
    };
    names.map(kind).collect()
}
