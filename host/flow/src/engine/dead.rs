//! Dead letters: found, shown whole, carried out again, changed, let go. A run that is carried out again keeps its id and
//! with it its idempotency keys, and takes its place in its lane.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tombolo_kernel::limits;
use tombolo_store::{Advance, Hearing, RunFilter, RunRow, RunStatus, StoreError, StoredEvent};

use super::{Engine, lanes};
use crate::run::{Mend, MendWith, RunState, Surroundings};
use crate::trace::{self, Repair, RunTrace};

/// Rows read at once.
const PAGE: u32 = 200;
/// Pages looked through for one answer: 20,000 dead letters.
const PAGES: usize = 100;

/// Which dead letters. Nothing given: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DeadFilter {
    /// Exact.
    pub flow: Option<String>,
    /// The system that the failed step called.
    pub system: Option<String>,
    /// The failure's kind as the contract spells it; `flow` where the flow itself could not go on.
    pub kind: Option<String>,
    /// Died before then, milliseconds since the epoch.
    pub before_ms: Option<u64>,
}

/// A run that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The run.
    pub id: String,
    /// Its event.
    pub seq: i64,
    /// Its flow.
    pub flow: String,
    /// Its lane's key, or empty.
    pub lane: String,
    /// When it died, milliseconds since the epoch.
    pub died_ms: u64,
    /// The step that failed; none where the event could not be judged.
    pub step: Option<String>,
    /// What that step called.
    pub system: Option<String>,
    /// The last failure's kind, or `flow`.
    pub kind: String,
    /// How often it was tried.
    pub attempts: usize,
    /// Why, for people.
    pub error: String,
}

/// A dead letter with everything needed to repair it.
#[derive(Debug, Serialize)]
pub struct DeadDetail {
    /// In short.
    pub letter: DeadLetter,
    /// What to look at before it is done again.
    pub advice: String,
    /// What caused it.
    pub event: Option<StoredEvent>,
    /// The failed call's input, whole; none where it failed before it had one.
    pub input: Option<String>,
    /// Every step, every attempt's failure.
    pub trace: RunTrace,
}

/// A page of dead letters, newest event first.
#[derive(Debug, Serialize)]
pub struct DeadPage {
    /// Those that are meant.
    pub letters: Vec<DeadLetter>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// What a person does about one.
#[derive(Debug, Clone)]
pub enum Remedy {
    /// Carry the run out again from its failed step.
    Retry,
    /// The same, with this input (JSON) for the failed call.
    Edit(String),
    /// Let it go.
    Discard,
}

impl Engine {
    /// Dead letters after one of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn dead_letters(
        &self,
        filter: &DeadFilter,
        after: Option<String>,
        limit: usize,
    ) -> Result<DeadPage, StoreError> {
        let mut page = DeadPage {
            letters: Vec::new(),
            next: after,
        };
        for _ in 0..PAGES {
            let rows = self
                .parts
                .store
                .runs(RunFilter {
                    flow: filter.flow.clone(),
                    status: Some(RunStatus::Dead),
                    after: page.next.clone(),
                    limit: PAGE,
                    ..RunFilter::default()
                })
                .await?;
            if rows.is_empty() {
                page.next = None;
                return Ok(page);
            }
            for row in rows {
                page.next = Some(row.id.clone());
                let letter = letter_of(&row, &trace_of(&row));
                if filter.means(&letter) {
                    page.letters.push(letter);
                    if page.letters.len() >= limit {
                        return Ok(page);
                    }
                }
            }
        }
        Ok(page)
    }

    /// One of them, whole.
    ///
    /// # Errors
    /// No such run, it is not dead, or the store cannot be read.
    pub async fn dead_letter(&self, id: &str) -> Result<DeadDetail, StoreError> {
        let row = self.dead_row(id).await?;
        let trace = trace_of(&row);
        let letter = letter_of(&row, &trace);
        let event = self.parts.store.event(row.seq).await?;
        let input = match self.read_row(&row).await {
            Some(Ok(mut run)) => {
                let surroundings = Surroundings {
                    flow: &run.flow,
                    event: &run.event,
                    run: &run.id,
                    now_ms: self.now(),
                    new_task: &|_| String::new(),
                    references: &self.plain_references(),
                    take_room: &|| false,
                };
                run.state.failed_input(surroundings)
            }
            _ => None,
        };
        Ok(DeadDetail {
            letter,
            advice: crate::advice(&trace),
            event,
            input,
            trace,
        })
    }

    /// Does something about one; who and why is kept in its trace.
    ///
    /// # Errors
    /// No such run, it is not dead (any more), the remedy does not fit, or the store could not write.
    pub async fn remedy(
        self: &Arc<Self>,
        id: &str,
        remedy: Remedy,
        by: String,
        reason: String,
    ) -> Result<(), StoreError> {
        let mend = |with| Mend {
            step: None,
            with,
            by: by.clone(),
            reason: reason.clone(),
        };
        let begun = !trace_of(&self.dead_row(id).await?).steps.is_empty();
        match remedy {
            Remedy::Retry if begun => self.mend_dead(id, mend(MendWith::Again)).await,
            Remedy::Edit(input) if begun => {
                let input = MendWith::Input(input_of(input)?);
                self.mend_dead(id, mend(input)).await
            }
            Remedy::Edit(_) => Err(StoreError::Conflict(format!(
                "run `{id}` began no step, so there is no input to edit; mend the flow, then retry it"
            ))),
            Remedy::Retry => self.rewrite(id, "retried", by, reason).await,
            Remedy::Discard => self.rewrite(id, "discarded", by, reason).await,
        }
    }

    /// The failed step begins again, unless somebody else did something about the run meanwhile.
    async fn mend_dead(self: &Arc<Self>, id: &str, mend: Mend) -> Result<(), StoreError> {
        self.change(id, |engine, run| {
            if run.state.trace.error.is_none() {
                return Err("it is not dead any more".to_owned());
            }
            let surroundings = Surroundings {
                flow: &run.flow,
                event: &run.event,
                run: &run.id,
                now_ms: engine.now(),
                new_task: &tombolo_kernel::clock::new_id,
                references: &engine.plain_references(),
                take_room: &|| false,
            };
            run.state.mend(surroundings, &mend, &mut run.outbox)
        })
        .await
    }

    /// A run that began no step is judged again; one that is discarded keeps all it has.
    async fn rewrite(
        self: &Arc<Self>,
        id: &str,
        what: &str,
        by: String,
        reason: String,
    ) -> Result<(), StoreError> {
        if !self.held.lock().insert(id.to_owned()) {
            let message = format!("run `{id}` is in hands already; look again");
            return Err(StoreError::Conflict(message));
        }
        let written = self.rewrite_held(id, what, by, reason).await;
        self.held.lock().remove(id);
        let row = written?;
        match row.status {
            RunStatus::Queued => self.requeued(lanes::name(&row.flow, &row.lane)),
            RunStatus::Active => {
                self.take_up(row.id, None);
            }
            _ => {}
        }
        Ok(())
    }

    /// A row was put into a lane beside what its head does: if nobody carries the lane out, somebody must.
    pub(super) fn requeued(self: &Arc<Self>, lane: String) {
        if self.lanes.lock().know(&lane) {
            let engine = Arc::clone(self);
            tokio::spawn(async move { engine.go_on_with(&lane).await });
        }
    }

    async fn rewrite_held(
        &self,
        id: &str,
        what: &str,
        by: String,
        reason: String,
    ) -> Result<RunRow, StoreError> {
        let mut row = self.dead_row(id).await?;
        let mut trace = trace_of(&row);
        if what == "discarded" {
            row.status = RunStatus::Discarded;
        } else {
            self.judge_again(&mut row).await?;
            trace.error = None;
            row.status = match row.lane.as_str() {
                "" => RunStatus::Active,
                _ => RunStatus::Queued,
            };
        }
        trace.repaired(Repair {
            what: what.to_owned(),
            by,
            reason,
            at_ms: self.now(),
            ..Repair::default()
        });
        row.trace = json(&trace)?;
        row.updated_ms = self.now();
        let (emitted, tasks, withdrawn, queued) = <_>::default();
        self.parts
            .store
            .advance(Advance {
                run: row.clone(),
                emitted,
                tasks,
                withdrawn,
                queued,
                hearing: Some(Hearing::default()),
                links: Vec::new(),
            })
            .await?;
        Ok(row)
    }

    /// An event that its flow could not judge is judged again, by the flow as it is now.
    async fn judge_again(&self, row: &mut RunRow) -> Result<(), StoreError> {
        let conflict = |message: String| Err(StoreError::Conflict(message));
        let Some(flow) = self.flows.load().get(&row.flow).cloned() else {
            return conflict(format!(
                "the site has no flow `{}` any more; discard the run, or bring the flow back",
                row.flow
            ));
        };
        let Some(stored) = self.parts.store.event(row.seq).await? else {
            return conflict(format!("event {} is no longer in the log", row.seq));
        };
        let event = crate::expression::EventDocument::new(row.seq, stored.event);
        match super::dispatch::judge(&flow, &event, &row.id, &self.plain_references()) {
            Err(error) => conflict(format!("it would fail again: {error}")),
            Ok(None) => conflict(format!(
                "the flow `{}` does not mean this event any more; discard the run",
                row.flow
            )),
            Ok(Some(key)) => {
                row.lane = key;
                row.flow_version.clone_from(&flow.version);
                row.state = json(&RunState::default())?;
                self.parts.store.keep_flow(&flow.version, &flow.text).await
            }
        }
    }

    async fn dead_row(&self, id: &str) -> Result<RunRow, StoreError> {
        match self.parts.store.run(id).await? {
            None => Err(StoreError::NotFound(format!(
                "there is no run `{id}`; `tombolo dead list` shows the dead ones"
            ))),
            Some(row) if row.status == RunStatus::Dead => Ok(row),
            Some(row) => Err(StoreError::Conflict(format!(
                "run `{id}` is {}, not dead",
                json(&row.status)?.trim_matches('"')
            ))),
        }
    }
}

impl DeadFilter {
    fn means(&self, letter: &DeadLetter) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        is(&self.flow, Some(&letter.flow))
            && is(&self.system, letter.system.as_deref())
            && is(&self.kind, Some(&letter.kind))
            && self.before_ms.is_none_or(|before| letter.died_ms < before)
    }
}

fn letter_of(row: &RunRow, trace: &RunTrace) -> DeadLetter {
    let step = trace::failed(&trace.steps);
    let failure = step.and_then(|step| step.failure());
    DeadLetter {
        id: row.id.clone(),
        seq: row.seq,
        flow: row.flow.clone(),
        lane: row.lane.clone(),
        died_ms: row.updated_ms,
        step: step.map(|step| step.id.clone()),
        system: step.and_then(|step| step.system()).map(str::to_owned),
        kind: failure.map_or("flow", |failure| failure.kind()).to_owned(),
        attempts: step.map_or(0, |step| step.attempts.len()),
        error: trace.error.clone().unwrap_or_default(),
    }
}

/// An input as people gave it.
fn input_of(text: String) -> Result<Box<RawValue>, StoreError> {
    let most = limits::JSON_BYTES;
    if text.len() > most {
        return Err(StoreError::Conflict(format!(
            "the input has {} bytes, expected at most {most}",
            text.len()
        )));
    }
    RawValue::from_string(text)
        .map_err(|error| StoreError::Conflict(format!("the input is not JSON: {error}")))
}

fn trace_of(row: &RunRow) -> RunTrace {
    serde_json::from_str(&row.trace).unwrap_or_default()
}

fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Format(error.to_string()))
}
