//! From an appended event to the runs it causes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_store::{Appended, CursorRow, PageIn, StoreError};

use super::lanes::{self, Admitted};
use super::references::Judged;
use super::{Engine, InMemory, Run};
use crate::definition::{Flow, FlowSet};
use crate::expression::{Counterparts, EventDocument, Scope};
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
        let runs = match event {
            Some(event) => engine.runs_of(flows, seq, event).await,
            None => Some(Vec::new()),
        };
        // Else the engine stops: the event stays behind the checkpoint and is judged at the next start.
        let Some(runs) = runs else { continue };
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
    /// silently. `None`: the engine stops before it can be known.
    pub(super) async fn runs_of(
        &self,
        flows: &FlowSet,
        seq: i64,
        event: Event,
    ) -> Option<Vec<Run>> {
        let reacting = flows.reacting_to(&event.kind);
        if reacting.is_empty() {
            return Some(Vec::new());
        }
        let event = Arc::new(EventDocument::new(seq, event));
        let runs = self.runs_for(reacting, &event).await?;
        if event.event.root.is_none() {
            let counts = runs.iter().filter_map(|run| run.count.as_ref());
            counts.for_each(|count| count.begin());
        }
        Some(runs)
    }

    /// The runs of those flows that mean this event.
    pub(super) async fn runs_for(
        &self,
        flows: Vec<Arc<Flow>>,
        event: &Arc<EventDocument>,
    ) -> Option<Vec<Run>> {
        let mut runs = Vec::with_capacity(flows.len());
        for flow in flows {
            let id = [&event.seq.to_string(), ".", &flow.name].concat();
            match self.judge_event(&flow, event, &id).await {
                Some(judged) => runs.extend(self.run_as(flow, Arc::clone(event), id, judged)),
                None => {
                    self.forget(runs.len());
                    return None;
                }
            }
        }
        Some(runs)
    }

    /// The run of one flow under this id, if it means the event.
    pub(super) fn run_as(
        &self,
        flow: Arc<Flow>,
        event: Arc<EventDocument>,
        id: String,
        judged: Judged,
    ) -> Option<Run> {
        let (error, key) = match judged.key {
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
        let count = flow.emits().then(|| self.descendants.of(event.root()));
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Some(Box::new(InMemory {
            id,
            event,
            flow,
            lane,
            state,
            outbox: Outbox::default(),
            started_ms,
            stored: false,
            // What was looked up may be another thing after a crash: it is kept before anything is done.
            dirty: judged.looked_up,
            parked_on: None,
            ahead: None,
            exclusive: Vec::new(),
            asked_early: false,
            judged: Vec::new(),
            linked: VecDeque::new(),
            count,
        }))
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
    references: &Arc<dyn Counterparts>,
) -> Result<Option<String>, String> {
    let nothing = Named::default();
    let scope = Scope::new(event, &nothing, &nothing, run)
        .with_tables(Arc::clone(&flow.tables))
        .with_references(references);
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
