//! [`AuditTrail`] by the same file: records go along with the writer's next commit, reads to the readers for people.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tombolo_kernel::audit::{AuditRecord, AuditSink};
use tombolo_kernel::limits;

use super::{chain, check, export, find};
use crate::sqlite::SqliteStore;
use crate::sqlite::store::listing;
use crate::{Anchor, AuditCheck, AuditFilter, AuditPage, AuditTrail, StoreError, StoredAudit};

impl AuditSink for SqliteStore {
    fn record(&self, record: Arc<AuditRecord>) {
        self.queue
            .record(|records| records.audits.push_back(record));
    }
}

impl AuditTrail for SqliteStore {
    fn keep(&self, record: Arc<AuditRecord>) {
        self.record(record);
    }

    fn kept(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.flush())
    }

    fn find(&self, filter: AuditFilter) -> BoxFuture<'_, Result<AuditPage, StoreError>> {
        let limit = listing(filter.limit);
        Box::pin(async move {
            let page = self
                .people
                .read(move |connection| find::find(connection, &filter, limit))
                .await?;
            page.ok_or_else(after_is_none)
        })
    }

    fn after(
        &self,
        number: i64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredAudit>, StoreError>> {
        let limit = listing(limit);
        Box::pin(
            self.people
                .read(move |connection| find::after(connection, number, limit)),
        )
    }

    fn position(&self, collector: &str) -> BoxFuture<'_, Result<i64, StoreError>> {
        let collector = collector.to_owned();
        Box::pin(
            self.people
                .read(move |connection| export::position(connection, &collector)),
        )
    }

    fn exported(&self, collector: &str, number: i64) {
        let collector = collector.to_owned();
        self.queue
            .record(|records| records.exported.extend([(collector, number)]));
    }

    fn anchor(&self) -> BoxFuture<'_, Result<Anchor, StoreError>> {
        Box::pin(async move {
            let tip = self.people.read(chain::tip).await?;
            tip.ok_or_else(tip_is_none)
        })
    }

    fn check(
        &self,
        from: Option<Anchor>,
        limit: u32,
    ) -> BoxFuture<'_, Result<AuditCheck, StoreError>> {
        let limit = limit.clamp(1, limits::AUDIT_CHECKED);
        Box::pin(
            self.people
                .read(move |connection| check::check(connection, from, limit)),
        )
    }
}

/// The caller's page is none of ours.
pub(super) fn after_is_none() -> StoreError {
    StoreError::Conflict("`after` is not the `next` of a page before; leave it out to begin".into())
}

/// The end of the chain is not written.
pub(super) fn tip_is_none() -> StoreError {
    StoreError::Format(
        "the place where the audit ends is missing; `tombolo audit verify` tells more".into(),
    )
}
