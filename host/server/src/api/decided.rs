//! What people decide through the API, on record: who, with which token, why, and what came of it. Who goes away before
//! the end does not take the record with them, and the answer waits until it is on disk.

use std::sync::Arc;

use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_store::StoreError;

use super::errors::Refusal;
use super::tokens::Token;
use crate::core::Core;

/// The beginning of a record of what somebody decides now.
pub(crate) fn decision(core: &Core, kind: Kind, token: &Token) -> AuditRecord {
    AuditRecord::new(kind, core.clock.now_ms()).through(&**token)
}

/// Carries out what was decided and keeps its record, whether it went well or not.
///
/// # Errors
/// Those of `work`.
pub(crate) async fn decided<T, E>(
    core: &Arc<Core>,
    record: AuditRecord,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
{
    let core = Arc::clone(core);
    let task = tokio::spawn(async move {
        let result = work.await.map_err(Into::into);
        let record = match &result {
            Ok(_) => record,
            Err(refusal) => record.ended(Outcome::Failed, refusal.message()),
        };
        core.note(record);
        on_disk(&core).await;
        result
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "what somebody decided broke off");
        Err(Refusal::Store(StoreError::Unavailable(error.to_string())))
    })
}

/// Waits until what was decided is on disk.
pub(crate) async fn on_disk(core: &Core) {
    if let Err(error) = core.audit.kept().await {
        tracing::error!(%error, "a decision is not on record yet: it is written when the store can");
    }
}

/// A record that is kept when this goes, whoever goes with it.
pub(crate) struct Noted<'c> {
    core: &'c Core,
    record: Option<AuditRecord>,
}

impl<'c> Noted<'c> {
    /// Begins one; what is not said before the end is that it was cut off.
    pub(crate) fn begin(core: &'c Core, record: AuditRecord) -> Self {
        let record = record.ended(Outcome::Failed, "cut off: the caller went away");
        Self {
            core,
            record: Some(record),
        }
    }

    /// How it ended.
    pub(crate) fn end<T>(
        mut self,
        result: Result<T, Refusal>,
        about: impl FnOnce(&T) -> String,
    ) -> Result<T, Refusal> {
        if let Some(record) = self.record.take() {
            let record = match &result {
                Ok(done) => record.ended(Outcome::Allowed, "ok").about(about(done)),
                Err(refusal) => record.ended(Outcome::Failed, refusal.message()),
            };
            self.core.note(record);
        }
        result
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.core.note(record);
        }
    }
}
