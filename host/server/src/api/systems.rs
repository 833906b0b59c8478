//! `/api/systems`: how every system stands, and how calls to it go.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tombolo_flow::engine::DeliveryStatus;
use tombolo_kernel::system::{SystemStatus, WHOLE};

use super::Json;
use super::guard::Caller;
use crate::access::Dimension;
use crate::core::Core;
use crate::life::{self, Book, Standing};

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
