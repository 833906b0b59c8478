//! Past events, given to one flow again. Each makes a run of its own, `1042.spare-part.replay-3`, with idempotency keys of
//! its own; what is still unfinished is never doubled. Goes page by page, so that one request is short, and the same page
//! asked again under the same number makes nothing twice. What a run of a replay emits counts with all that came of its event
//! before ([`tombolo_kernel::limits::DESCENDANTS`]): a storm does not begin anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use tombolo_store::{Advance, RunFilter, RunRow, RunStatus, StoreError, StoredEvent};

use super::drive::row_of;
use super::dry_run::{DryRun, tried};
use super::{Engine, Run};
use crate::definition::{Flow, Pattern};
use crate::expression::{EventDocument, Expression, Scope};
use crate::json::Named;
use crate::problem::Place;
use crate::trace::RunTrace;
use crate::walk::Ground;

/// Events looked at for one answer.
const PAGE: u32 = 500;
/// Dry runs in one answer.
const DRY_RUNS: usize = 20;

/// What to replay.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ReplayOrder {
    /// To this flow.
    pub flow: String,
    /// Exact type, or a prefix that ends in `.*`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Exact.
    #[serde(default)]
    pub source: Option<String>,
    /// Stored then or later, milliseconds since the epoch.
    #[serde(default)]
    pub from_ms: Option<u64>,
    /// Stored before then, milliseconds since the epoch.
    #[serde(default)]
    pub to_ms: Option<u64>,
    /// A CEL condition over `event`.
    #[serde(default, rename = "where")]
    pub condition: Option<String>,
    /// Only tell what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Of the replay this page belongs to; none for the first page.
    #[serde(default)]
    pub number: Option<u32>,
    /// Go on after this event.
    #[serde(default)]
    pub after: i64,
}

/// What came of a page.
#[derive(Debug, Default, Serialize)]
pub struct ReplayPage {
    /// The replay's number.
    pub number: u32,
    /// Where to go on; none at the end.
    pub next: Option<i64>,
    /// Events that were looked at.
    pub looked_at: u64,
    /// Runs that were made.
    pub made: u64,
    /// Events whose run of this flow is unfinished: left alone.
    pub unfinished: u64,
    /// Runs that this replay had made before.
    pub again: u64,
    /// Events from this one on are left out: their runs are under way.
    pub under_way_from: Option<i64>,
    /// Of a dry run.
    pub dry_runs: Vec<DryRun>,
}

impl Engine {
    /// Replays a page of events.
    ///
    /// # Errors
    /// No such flow, a condition that is none, or the store does not do it.
    pub async fn replay(self: &Arc<Self>, order: &ReplayOrder) -> Result<ReplayPage, StoreError> {
        let _alone = self.replaying.lock().await;
        let Some(flow) = self.flows.load().get(&order.flow).cloned() else {
            let message = format!("there is no flow `{}`; see the site's flows/", order.flow);
            return Err(StoreError::NotFound(message));
        };
        let wanted = Wanted::of(order)?;
        let mut page = ReplayPage {
            number: match order.number {
                Some(number) => number,
                None => self.parts.store.next_replay().await?,
            },
            ..ReplayPage::default()
        };
        let after = match (order.after, order.from_ms) {
            (0, Some(from_ms)) => self.before_time(from_ms).await?,
            (after, _) => after,
        };
        // Later events may have runs that only memory knows.
        let settled = self.sequence.lock().settled();
        let events = self.parts.store.events_after(after, PAGE).await?;
        let is_full = events.len() == PAGE as usize;
        let mut runs = Vec::new();
        for stored in events {
            if stored.seq > settled {
                page.under_way_from = Some(stored.seq);
                page.next = None;
                break;
            }
            if order.to_ms.is_some_and(|to| stored.stored_ms >= to) {
                page.next = None;
                break;
            }
            page.next = is_full.then_some(stored.seq);
            page.looked_at += 1;
            if wanted.means(&stored) && flow.reacts_to(&stored.event.kind) {
                runs.extend(
                    self.replay_event(&flow, stored, order.dry_run, &wanted, &mut page)
                        .await?,
                );
                if page.dry_runs.len() >= DRY_RUNS {
                    page.next = None;
                    break;
                }
            }
        }
        page.made = runs.len() as u64;
        self.make(&flow, runs).await?;
        Ok(page)
    }

    async fn replay_event(
        &self,
        flow: &Arc<Flow>,
        stored: StoredEvent,
        dry_run: bool,
        wanted: &Wanted,
        page: &mut ReplayPage,
    ) -> Result<Option<Run>, StoreError> {
        let (seq, id) = (
            stored.seq,
            format!("{}.{}.replay-{}", stored.seq, flow.name, page.number),
        );
        let event = Arc::new(EventDocument::new(seq, stored.event));
        if !wanted.condition_holds(&event)? {
            return Ok(None);
        }
        let filter = RunFilter {
            flow: Some(flow.name.clone()),
            seq: Some(seq),
            ..RunFilter::default()
        };
        let before = self.parts.store.runs(filter).await?;
        if before.iter().any(|row| row.id == id) {
            page.again += 1;
            return Ok(None);
        }
        if before.iter().any(|row| !row.status.is_final()) {
            page.unfinished += 1;
            return Ok(None);
        }
        let Some(judged) = self.judge_event(flow, &event, &id).await else {
            return Err(StoreError::Unavailable("the host is stopping".to_owned()));
        };
        let Some(run) = self.run_as(Arc::clone(flow), Arc::clone(&event), id, judged) else {
            return Ok(None);
        };
        if !dry_run {
            return Ok(Some(run));
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let trace: RunTrace = before
            .first()
            .and_then(|row| serde_json::from_str(&row.trace).ok())
            .unwrap_or_default();
        page.dry_runs.push(tried(Ground {
            flow,
            event: &event,
            run: &run.id,
            before: &trace,
            references: &self.plain_references(),
            now_ms: self.now(),
        }));
        Ok(None)
    }

    /// Makes runs as rows; those with a lane take their place in it, the others are due at once.
    async fn make(self: &Arc<Self>, flow: &Flow, runs: Vec<Run>) -> Result<(), StoreError> {
        let count = runs.len();
        let now = self.now();
        let mut rows = runs.iter().map(|run| match run.lane.as_str() {
            "" => row_of(run, RunStatus::Active, Some(now), now),
            _ => row_of(run, RunStatus::Queued, None, now),
        });
        let made = match rows.next() {
            None => return Ok(()),
            Some(first) => self.write_rows(flow, first, rows.collect()).await,
        };
        self.forget(count);
        made?;
        for run in runs.into_iter().filter(|run| !run.lane.is_empty()) {
            self.requeued(run.lane);
        }
        self.timer.hint(0);
        Ok(())
    }

    async fn write_rows(
        &self,
        flow: &Flow,
        first: RunRow,
        queued: Vec<RunRow>,
    ) -> Result<(), StoreError> {
        let store = &self.parts.store;
        store.keep_flow(&flow.version, &flow.text).await?;
        let (emitted, tasks, withdrawn) = <_>::default();
        let advance = Advance {
            run: first,
            emitted,
            tasks,
            withdrawn,
            queued,
            hearing: None,
            links: Vec::new(),
        };
        store.advance(advance).await.map(|_| ())
    }

    /// The last event stored before a time, found by halving the log.
    async fn before_time(&self, time_ms: u64) -> Result<i64, StoreError> {
        let (mut low, mut high) = (0_i64, self.sequence.lock().settled());
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.parts.store.events_after(middle, 1).await?;
            match found.first() {
                Some(stored) if stored.stored_ms < time_ms => low = stored.seq.min(high),
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

/// The order's filter, read.
struct Wanted {
    kind: Option<Pattern>,
    source: Option<String>,
    condition: Option<Expression>,
}

impl Wanted {
    fn of(order: &ReplayOrder) -> Result<Self, StoreError> {
        let condition = match &order.condition {
            None => None,
            Some(text) => {
                let place = Place { line: 1, column: 1 };
                let compiled = Expression::compile(text, place);
                Some(compiled.map_err(|problems| {
                    let first = problems.first().map(|problem| problem.message.clone());
                    StoreError::Conflict(format!("where: {}", first.unwrap_or_default()))
                })?)
            }
        };
        let kind = order
            .kind
            .as_deref()
            .map(|kind| match kind.strip_suffix('*') {
                Some(prefix) if prefix.is_empty() || prefix.ends_with('.') => {
                    Pattern::Prefix(prefix.to_owned())
                }
                _ => Pattern::Exact(kind.to_owned()),
            });
        Ok(Self {
            kind,
            source: order.source.clone(),
            condition,
        })
    }

    fn means(&self, stored: &StoredEvent) -> bool {
        let event = &stored.event;
        self.kind
            .as_ref()
            .is_none_or(|kind| kind.matches(&event.kind))
            && self
                .source
                .as_ref()
                .is_none_or(|source| *source == event.source)
    }

    fn condition_holds(&self, event: &EventDocument) -> Result<bool, StoreError> {
        let nothing = Named::default();
        let Some(condition) = &self.condition else {
            return Ok(true);
        };
        condition
            .condition(&Scope::new(event, &nothing, &nothing, ""))
            .map_err(|error| {
                StoreError::Conflict(format!("where, for event {}: {error}", event.seq))
            })
    }
}
