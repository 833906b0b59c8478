//! From an appended event to the runs it causes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_store::{Appended, CursorRow, PageIn, StoreError};

use super::lanes::{self, Admitted};
use super::{Engine, Run};
use crate::definition::{Flow, FlowSet};
use crate::expression::{EventDocument, Scope};
use crate::json::Named;
use crate::run::{Input, Outbox, RunState};

/// An appended event with its place; nothing but the place where no flow reacts to its type.
pub(super) type Placed = (i64, Option<Event>);

/// Appends, replies, and goes on with what the events cause.
pub(super) async fn take_in(
    engine: Arc<Engine>,
    events: Vec<Event>,
    cursor: Option<CursorRow>,
    reply: oneshot::Sender<Result<Vec<Appended>, StoreError>>,
) {
    let flows = engine.flows.load_full();
    let (copies, awaited) = (engine.copies(&flows, &events), engine.awaited.changes());
    let store = &engine.parts.store;
    let appended = match cursor {
        None => store.append(events).await,
        Some(cursor) => store.append_page(PageIn { events, cursor }).await,
    };
    match appended {
        Ok(appended) => {
            let fresh = placed(&appended, copies);
            // Whoever asked may be gone; the events are there all the same.
            let _ = reply.send(Ok(appended));
            let fresh = engine.whole(fresh, awaited).await;
            dispatch(&engine, &flows, fresh).await;
        }
        Err(error) => {
            engine.store_answered(Some(&error));
            let _ = reply.send(Err(error));
        }
    }
}

/// The fresh ones with their places.
pub(super) fn placed(appended: &[Appended], copies: Vec<Option<Event>>) -> Vec<Placed> {
    appended
        .iter()
        .zip(copies)
        .filter(|(appended, _)| appended.fresh)
        .map(|(appended, copy)| (appended.seq, copy))
        .collect()
}

/// Finds the runs of events and carries them out; the last in this task, the others in their own. Events that somebody
/// else dispatches are left to them.
pub(super) async fn dispatch(engine: &Arc<Engine>, flows: &FlowSet, events: Vec<Placed>) {
    let mut start = Vec::with_capacity(events.len());
    for (seq, event) in events {
        if !engine.sequence.lock().begin(seq) {
            continue;
        }
        let told = event.as_ref().and_then(|event| engine.keys_of(seq, event));
        let runs = event.map_or_else(Vec::new, |event| engine.runs_of(flows, seq, event));
        start.extend(engine.admit(seq, runs, told.is_some()));
        if let Some(told) = told {
            let engine = Arc::clone(engine);
            tokio::spawn(async move { engine.tell(told).await });
        }
    }
    let last = start.pop();
    for run in start {
        if engine.is_flooded() {
            defer(Arc::clone(engine), run).await;
        } else {
            tokio::spawn(carry(Arc::clone(engine), run));
        }
    }
    if let Some(run) = last {
        carry(Arc::clone(engine), run).await;
    }
}

/// Boxed: a run's emitted events are dispatched by the task that carries it out.
fn carry(engine: Arc<Engine>, run: Run) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move { engine.carry_out(run, Input::Start).await })
}

/// Puts a run into the store, due at once: events that runs emit must not fill the memory. Boxed as above.
fn defer(engine: Arc<Engine>, run: Run) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let now = engine.now();
        let _ = engine.park(run, Some(now)).await;
    })
}

impl Engine {
    /// The runs an event causes. An event that a flow cannot judge becomes a dead letter of it: nothing is lost
    /// silently.
    pub(super) fn runs_of(&self, flows: &FlowSet, seq: i64, event: Event) -> Vec<Run> {
        let reacting = flows.reacting_to(&event.kind);
        if reacting.is_empty() {
            return Vec::new();
        }
        let event = Arc::new(EventDocument::new(seq, event));
        reacting
            .into_iter()
            .filter_map(|flow| self.run_of(flow, Arc::clone(&event)))
            .collect()
    }

    /// The run of one flow, if it means this event.
    pub(super) fn run_of(&self, flow: Arc<Flow>, event: Arc<EventDocument>) -> Option<Run> {
        let id = format!("{}.{}", event.seq, flow.name);
        self.run_as(flow, event, id)
    }

    /// The same under an id of its own.
    pub(super) fn run_as(
        &self,
        flow: Arc<Flow>,
        event: Arc<EventDocument>,
        id: String,
    ) -> Option<Run> {
        let (error, key) = match judge(&flow, &event, &id) {
            Ok(None) => return None,
            Ok(Some(key)) => (None, key),
            Err(message) => (Some(message), String::new()),
        };
        let mut state = RunState::default();
        state.trace.error = error;
        let lane = if key.is_empty() {
            String::new()
        } else {
            lanes::name(&flow.name, &key)
        };
        let started_ms = self.now();
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Some(Run {
            id,
            event,
            flow,
            lane,
            state,
            outbox: Outbox::default(),
            started_ms,
            stored: false,
            dirty: false,
            parked_on: None,
            ahead: None,
            exclusive: Vec::new(),
            asked_early: false,
            judged: Vec::new(),
        })
    }

    /// Takes note of an event's runs; returns those to begin now. The checkpoint waits for those that it must be told.
    pub(super) fn admit(self: &Arc<Self>, seq: i64, runs: Vec<Run>, is_told: bool) -> Vec<Run> {
        let open = u32::try_from(runs.len()).unwrap_or(u32::MAX) + u32::from(is_told);
        let (keyed, mut start): (Vec<Run>, Vec<Run>) =
            runs.into_iter().partition(|run| !run.lane.is_empty());
        let checkpoint = {
            let mut sequence = self.sequence.lock();
            let ready = sequence.admit(seq, open, keyed);
            if !ready.is_empty() {
                // Under the same lock: no later event may come between.
                let mut lanes = self.lanes.lock();
                for run in ready {
                    match lanes.admit(run) {
                        Admitted::Start(run) => start.push(run),
                        Admitted::Behind => {}
                        Admitted::Spill(batch) => self.spill(batch),
                    }
                }
            }
            sequence.settle()
        };
        if let Some(checkpoint) = checkpoint {
            self.parts.store.checkpoint(checkpoint);
        }
        start
    }
}

/// Whether a flow means an event, and the key of its lane.
pub(crate) fn judge(
    flow: &Flow,
    event: &EventDocument,
    run: &str,
) -> Result<Option<String>, String> {
    let nothing = Named::default();
    let scope = Scope::new(event, &nothing, &nothing, run).with_tables(Arc::clone(&flow.tables));
    if let Some(when) = &flow.when
        && !when
            .condition(&scope)
            .map_err(|error| format!("when: {error}"))?
    {
        return Ok(None);
    }
    let mut key = String::new();
    if let Some(expression) = &flow.key {
        expression
            .write_text(&scope, &mut key)
            .map_err(|error| format!("key: {error}"))?;
        if key.len() > limits::EVENT_NAME {
            return Err(format!(
                "key: found {} bytes, expected at most {}",
                key.len(),
                limits::EVENT_NAME
            ));
        }
    }
    Ok(Some(key))
}
