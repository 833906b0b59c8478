//! `/api/events`: the log, for people; and its tail, as a long poll.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use serde::Deserialize;
use tombolo_kernel::limits;
use tombolo_store::{EventFilter, StoredEvent};

use super::errors::Refusal;
use super::{Json, Query, limit};
use crate::core::Core;

/// How often a tail looks for what runs emitted; what is published it learns at once.
const LOOK: Duration = Duration::from_millis(250);
/// Events of one answer of a tail.
const PAGE: u32 = 200;

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    r#type: Option<String>,
    source: Option<String>,
    subject: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// The newest first.
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Vec<StoredEvent>>, Refusal> {
    let filter = EventFilter {
        kind: query.r#type,
        source: query.source,
        subject: query.subject,
        before: query.before,
        limit: limit(query.limit)?,
    };
    Ok(Json(core.store.events(filter).await?))
}

/// One event.
pub(crate) async fn show(
    State(core): State<Arc<Core>>,
    Path(seq): Path<String>,
) -> Result<Json<StoredEvent>, Refusal> {
    let found = match seq.parse::<i64>() {
        Ok(seq) => core.store.event(seq).await?,
        Err(_) => {
            return Err(Refusal::Malformed(
                "the event's number cannot be read, expected a whole number".into(),
            ));
        }
    };
    found
        .map(Json)
        .ok_or_else(|| Refusal::Unknown(format!("there is no event {seq}")))
}

/// After which event, and how long to wait for more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TailQuery {
    after: i64,
    /// Seconds.
    #[serde(default)]
    wait: u64,
}

/// Events after a place, oldest first; waits until there is one or the time is up.
pub(crate) async fn tail(
    State(core): State<Arc<Core>>,
    Query(query): Query<TailQuery>,
) -> Result<Json<Vec<StoredEvent>>, Refusal> {
    let most = limits::TAIL_WAIT.as_secs();
    if query.wait > most {
        return Err(Refusal::Invalid(format!(
            "wait: found {}, expected 0 to {most} seconds",
            query.wait
        )));
    }
    let _place = core.tails.try_acquire().map_err(|_| Refusal::Overloaded)?;
    let until = tokio::time::Instant::now() + Duration::from_secs(query.wait);
    loop {
        let events = core.store.events_after(query.after, PAGE).await?;
        let now = tokio::time::Instant::now();
        if !events.is_empty() || now >= until {
            return Ok(Json(events));
        }
        tokio::select! {
            () = core.published.notified() => {}
            () = tokio::time::sleep(LOOK.min(until - now)) => {}
        }
    }
}
