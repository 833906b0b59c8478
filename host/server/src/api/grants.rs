//! `POST /api/grants/check`: looks at the grants of running systems now; answers when what was revoked has stopped.
//! `GET /api/grants/{system}/usage`: what a grant is used for, and what was denied.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::Outcome;
use tombolo_kernel::grant::{Grant, Item, sentence};
use tombolo_store::{AuditFilter, StoredAudit};

use super::Json;
use super::errors::Refusal;
use crate::core::Core;
use crate::site::{GrantFound, grant_of};
use crate::uses::Used;

/// A system that was stopped.
#[derive(Debug, Serialize)]
pub(crate) struct Stopped {
    system: String,
    why: String,
}

/// Everything that was stopped; nothing leaves on its behalf any more.
pub(crate) async fn check(State(core): State<Arc<Core>>) -> Json<Vec<Stopped>> {
    let stopped = core.withdraw().await;
    // The host may have seen the file first: then its calls may not have ended yet.
    core.all_withdrawn().await;
    let stopped = stopped.into_iter();
    let stopped = stopped
        .map(|(system, why)| Stopped { system, why })
        .collect();
    Json(stopped)
}

/// Records of denials that are looked at.
const DENIALS: u32 = 1_000;

/// What a system's grant is used for.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    system: String,
    now_ms: u64,
    /// The adapter's digest that the grant binds.
    digest: String,
    /// When the grant ends, if it does.
    expires: Option<String>,
    items: Vec<ItemUsage>,
    denied: Vec<Denials>,
    /// There are older denials that are not counted here.
    more_denied: bool,
}

/// One item.
#[derive(Debug, Serialize)]
struct ItemUsage {
    id: String,
    sentence: String,
    /// Whether its uses are counted; what is in force all the time has none.
    counted: bool,
    /// Why it cannot simply be left out by an approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<String>,
    #[serde(flatten)]
    used: Option<Used>,
}

/// The same attempt, so many times.
#[derive(Debug, Serialize)]
struct Denials {
    kind: String,
    target: String,
    what: String,
    times: u64,
    last_ms: u64,
}

/// Every item that is in force, or would be, with its uses; attempts that were denied, the newest first.
pub(crate) async fn usage(
    State(core): State<Arc<Core>>,
    Path(system): Path<String>,
) -> Result<Json<Usage>, Refusal> {
    core.gather_uses();
    let Some((grant, items)) = granted(&core, &system).await else {
        return Err(Refusal::Unknown(format!(
            "no grant of a system {system}; `tombolo grant review {system}` shows what it asks for"
        )));
    };
    let used = core.uses.of_items(&system, &items);
    let items = items.iter().zip(used).map(|(item, used)| ItemUsage {
        id: item.id(),
        sentence: sentence(item),
        counted: item.is_counted(),
        stays: stays(item, &items, &grant),
        used,
    });
    let items = items.collect();
    let filter = AuditFilter {
        system: Some(system.clone()),
        outcome: Some(Outcome::Denied),
        limit: DENIALS,
        ..AuditFilter::default()
    };
    let page = core.audit.find(filter).await?;
    Ok(Json(Usage {
        system,
        now_ms: core.clock.now_ms(),
        digest: grant.adapter.digest,
        expires: grant.expires,
        items,
        denied: denials(&page.records),
        more_denied: page.next.is_some(),
    }))
}

/// The grant and what of it is in force; of a system that does not run what its file grants.
async fn granted(core: &Core, system: &str) -> Option<(Grant, Vec<Item>)> {
    if let Some((grant, uses)) = core.systems.uses(system) {
        let items = uses.counts().map(|(item, _)| item.clone()).collect();
        return Some((grant, items));
    }
    let known = core.status().into_iter().any(|one| one.system == system);
    let (folder, system) = (core.folder.clone(), system.to_owned());
    let look = tokio::task::spawn_blocking(move || grant_of(&folder, &system));
    match look.await {
        Ok(GrantFound::Grant(grant)) if known => {
            let items = grant.items.clone();
            Some((*grant, items))
        }
        _ => None,
    }
}

/// Leaving out what another item covers changes nothing, and what was given in place of a wish is no wish.
fn stays(item: &Item, all: &[Item], grant: &Grant) -> Option<String> {
    let covers = |other: &&Item| *other != item && other.covers(item);
    if let Some(other) = all.iter().find(covers) {
        return Some(format!("{} allows it too", other.id()));
    }
    let refused = grant.refused.iter().find(covers);
    refused.map(|wish| {
        format!(
            "it was given in place of {}: approve again with --without {}",
            wish.id(),
            wish.id()
        )
    })
}

/// Alike ones together, in the order of their newest.
fn denials(records: &[StoredAudit]) -> Vec<Denials> {
    #[derive(Deserialize)]
    struct Record {
        at_ms: u64,
        kind: String,
        #[serde(default)]
        target: String,
        #[serde(default)]
        what: String,
    }
    let mut denied: Vec<Denials> = Vec::new();
    let mut places = BTreeMap::new();
    for stored in records {
        // One that somebody altered is `audit verify`'s affair.
        let Ok(Record {
            at_ms,
            kind,
            target,
            what,
        }) = serde_json::from_str(stored.record.get())
        else {
            continue;
        };
        let key = (kind.clone(), target.clone(), what.clone());
        let place = *places.entry(key).or_insert(denied.len());
        match denied.get_mut(place) {
            Some(alike) => alike.times += 1,
            None => denied.push(Denials {
                kind,
                target,
                what,
                times: 1,
                last_ms: at_ms,
            }),
        }
    }
    denied
}
