//! Taking up what was under way: after a restart, and whenever a row is carried out again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tombolo_kernel::limits;
use tombolo_store::{Advance, Hearing, Recovery, RunFilter, RunRow, RunStatus, StoreError};

use super::gate::Ahead;
use super::{Engine, InMemory, Run, lanes, version_key};
use crate::definition::Flow;
use crate::expression::EventDocument;
use crate::run::{Input, Outbox, RunState};
use crate::trace::RunTrace;

/// Events read at once.
const PAGE: u32 = 1_000;

impl Engine {
    /// Before anything new comes: lanes are known again, events without rows are matched again. What takes long goes
    /// on in the background.
    pub(super) async fn recover(self: &Arc<Self>, recovery: Recovery) -> Result<(), StoreError> {
        let mut look = Vec::new();
        {
            let mut lanes = self.lanes.lock();
            for (flow, key, head) in recovery.lanes {
                let name = lanes::name(&flow, &key);
                if head == RunStatus::Queued {
                    look.push(name.clone());
                }
                lanes.restore(name, head == RunStatus::Waiting);
            }
        }
        let mut start = Vec::new();
        let mut after = recovery.checkpoint;
        while after < recovery.last_seq {
            let events = self.parts.store.events_after(after, PAGE).await?;
            let Some(last) = events.last().map(|stored| stored.seq) else {
                break;
            };
            let known = self.parts.store.known_runs(after + 1, last).await?;
            let mut queued = Vec::new();
            for stored in events {
                if let Some(told) = self.keys_of(stored.seq, &stored.event) {
                    self.tell_now(&told).await;
                }
                let missing = self.missing_runs(stored.seq, stored.event, &known);
                let Some(runs) = missing.await else {
                    return Err(StoreError::Unavailable("the host is stopping".to_owned()));
                };
                let (keyed, free): (Vec<Run>, Vec<Run>) =
                    runs.into_iter().partition(|run| !run.lane.is_empty());
                let open = u32::try_from(free.len() + keyed.len()).unwrap_or(u32::MAX);
                queued.extend(keyed);
                start.extend(free);
                self.sequence.lock().admit(stored.seq, open, Vec::new());
            }
            self.queue_again(queued, &mut look).await;
            after = last;
        }
        // What had its rows before the end is settled now, not only when the next event comes.
        self.written(&[]);
        for run in start {
            let engine = Arc::clone(self);
            tokio::spawn(async move { engine.carry_out(run, Input::Start).await });
        }
        for (system, runs) in recovery.parked {
            let gate = self.gates.of(&system);
            gate.park(runs);
            self.pull(&gate);
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move { engine.take_up_all(look).await });
        Ok(())
    }

    async fn missing_runs(
        &self,
        seq: i64,
        event: tombolo_kernel::event::Event,
        known: &[(i64, String)],
    ) -> Option<Vec<Run>> {
        let flows = self.flows.load_full();
        let mut reacting = flows.reacting_to(&event.kind);
        let of_event = known.partition_point(|(at, _)| *at < seq);
        let have = known[of_event..]
            .iter()
            .take_while(|(at, _)| *at == seq)
            .map(|(_, flow)| flow.as_str());
        let have: Vec<&str> = have.collect();
        reacting.retain(|flow| !have.contains(&flow.name.as_str()));
        if reacting.is_empty() {
            return Some(Vec::new());
        }
        let event = Arc::new(EventDocument::new(seq, event));
        self.runs_for(reacting, &event).await
    }

    /// Runs with a lane become rows first: then the store knows their order among those that have rows already.
    async fn queue_again(self: &Arc<Self>, runs: Vec<Run>, look: &mut Vec<String>) {
        if runs.is_empty() {
            return;
        }
        for version in &runs {
            self.keep_version(version).await;
        }
        if self.queue(&runs).await {
            let events: Vec<i64> = runs.iter().map(|run| run.event.seq).collect();
            self.written(&events);
        }
        self.forget(runs.len());
        let mut lanes = self.lanes.lock();
        for run in runs {
            if lanes.know(&run.lane) {
                look.push(run.lane);
            }
        }
    }

    /// In the background after a start: active runs, then lanes whose head has not begun.
    async fn take_up_all(self: Arc<Self>, look: Vec<String>) {
        for lane in look {
            if !self.has_room().await {
                return;
            }
            let engine = Arc::clone(&self);
            tokio::spawn(async move { engine.go_on_with(&lane).await });
        }
        let filter = || RunFilter {
            status: Some(RunStatus::Active),
            limit: limits::LISTING,
            ..RunFilter::default()
        };
        loop {
            let Some(rows) = self
                .insist("reading active runs", || self.parts.store.runs(filter()))
                .await
            else {
                return;
            };
            let full = rows.len() >= limits::LISTING as usize;
            for row in rows {
                if !self.has_room().await {
                    return;
                }
                self.take_up(row.id, None);
            }
            if !full {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits while many runs are under way. False: the engine stops.
    pub(super) async fn has_room(&self) -> bool {
        while self.under_way.load(Ordering::Relaxed) > limits::RUNS_UNDER_WAY / 2 {
            if self.is_stopping() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        !self.is_stopping()
    }

    /// Carries a row out again, unless it is in hands already.
    pub(super) fn take_up(self: &Arc<Self>, id: String, ahead: Option<Arc<Ahead>>) -> bool {
        if !self.held.lock().insert(id.clone()) {
            return false;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            // The row may have been written since it was found.
            let row = engine
                .insist("reading a run", || engine.parts.store.run(&id))
                .await
                .flatten();
            match row.filter(|row| matches!(row.status, RunStatus::Active | RunStatus::Waiting)) {
                Some(row) => {
                    if !row.lane.is_empty() {
                        engine
                            .lanes
                            .lock()
                            .resume(&lanes::name(&row.flow, &row.lane));
                    }
                    let lane = (!row.lane.is_empty()).then(|| lanes::name(&row.flow, &row.lane));
                    match (engine.restore(row).await, lane) {
                        (Some((mut run, input)), _) => {
                            run.ahead = ahead;
                            engine.carry_out(run, input).await;
                        }
                        (None, Some(lane)) => engine.go_on_with(&lane).await,
                        (None, None) => {}
                    }
                }
                None => {
                    engine.held.lock().remove(&id);
                }
            }
        });
        true
    }

    /// Makes a run of its row, with what happened to it. `None`: it cannot go on, and its row says so now.
    pub(super) async fn restore(self: &Arc<Self>, row: RunRow) -> Option<(Run, Input)> {
        self.held.lock().insert(row.id.clone());
        if let Some(system) = &row.needs {
            self.gates.of(system).unpark();
        }
        let restored = self.read_row(&row).await;
        match restored {
            Some(Ok(mut run)) => {
                self.under_way.fetch_add(1, Ordering::SeqCst);
                let input = self.what_happened(&mut run).await;
                Some((run, input))
            }
            Some(Err(message)) => {
                self.bury(row, &message).await;
                None
            }
            None => {
                self.held.lock().remove(&row.id);
                None
            }
        }
    }

    pub(super) async fn read_row(&self, row: &RunRow) -> Option<Result<Run, String>> {
        let stored = self
            .insist("reading an event", || self.parts.store.event(row.seq))
            .await?;
        let Some(stored) = stored else {
            return Some(Err(format!(
                "its event {} is no longer in the log",
                row.seq
            )));
        };
        let flow = match self.flow_of(row).await? {
            Ok(flow) => flow,
            Err(message) => return Some(Err(message)),
        };
        let state = match row.state.as_str() {
            "" => Ok(RunState::default()),
            text => serde_json::from_str::<RunState>(text),
        };
        let trace = match row.trace.as_str() {
            "" => Ok(RunTrace::default()),
            text => serde_json::from_str(text),
        };
        let (mut state, trace) = match (state, trace) {
            (Ok(state), Ok(trace)) => (state, trace),
            (Err(error), _) | (_, Err(error)) => {
                return Some(Err(format!("its state cannot be read: {error}")));
            }
        };
        state.remember(trace);
        let event = Arc::new(EventDocument::new(row.seq, stored.event));
        let count = flow.emits().then(|| self.descendants.of(event.root()));
        Some(Ok(Box::new(InMemory {
            id: row.id.clone(),
            event,
            flow,
            lane: if row.lane.is_empty() {
                String::new()
            } else {
                lanes::name(&row.flow, &row.lane)
            },
            state,
            outbox: Outbox::default(),
            started_ms: row.started_ms,
            stored: true,
            dirty: false,
            parked_on: row.needs.clone().map(|system| (system, row.wake_ms)),
            ahead: None,
            exclusive: Vec::new(),
            asked_early: false,
            judged: Vec::new(),
            linked: VecDeque::new(),
            count,
        })))
    }

    /// The definition a run began with, for people.
    ///
    /// # Errors
    /// It is neither in use nor kept: the run never waited, and the flow was changed since.
    pub async fn definition(&self, row: &RunRow) -> Result<Arc<Flow>, String> {
        self.flow_of(row)
            .await
            .unwrap_or_else(|| Err("the store cannot be read now; ask again later".to_owned()))
    }

    /// The version the run began with: in use, or from the store.
    pub(super) async fn flow_of(&self, row: &RunRow) -> Option<Result<Arc<Flow>, String>> {
        let key = version_key(&row.flow, &row.flow_version);
        if let Some(flow) = self
            .versions
            .lock()
            .get(&key)
            .and_then(std::sync::Weak::upgrade)
        {
            return Some(Ok(flow));
        }
        let text = self
            .insist("reading a flow", || {
                self.parts.store.flow(&row.flow_version)
            })
            .await?;
        let Some(text) = text else {
            return Some(Err(format!(
                "the definition {} of the flow it began with is not kept",
                row.flow_version
            )));
        };
        Some(
            match Flow::restore(&format!("flows/{}.yaml", row.flow), &text) {
                Ok(mut flow) => {
                    flow.tables = Arc::clone(self.flows.load().tables());
                    let flow = Arc::new(flow);
                    self.versions.lock().insert(key, Arc::downgrade(&flow));
                    Ok(flow)
                }
                Err(problems) => {
                    let first = problems
                        .first()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    Err(format!(
                        "the definition it began with no longer reads: {first}"
                    ))
                }
            },
        )
    }

    /// Writes that a run cannot go on.
    async fn bury(&self, mut row: RunRow, message: &str) {
        tracing::warn!(run = row.id, message, "a run cannot go on; its lane does");
        let mut trace: RunTrace = serde_json::from_str(&row.trace).unwrap_or_default();
        trace.error = Some(message.to_owned());
        row.trace = serde_json::to_string(&trace).unwrap_or_default();
        row.status = RunStatus::Dead;
        row.wake_ms = None;
        row.needs = None;
        row.updated_ms = self.now();
        let write = || {
            let (emitted, tasks, withdrawn, queued) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            self.parts.store.advance(Advance {
                run: row.clone(),
                emitted,
                tasks,
                withdrawn,
                queued,
                hearing: Some(Hearing::default()),
                links: Vec::new(),
            })
        };
        self.insist("writing a dead run", write).await;
        self.held.lock().remove(&row.id);
    }
}
