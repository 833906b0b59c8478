//! Carrying a run out: decide, call, decide again; write what must be written in between; then the next of its lane.

use std::sync::Arc;
use std::time::Duration;

use tombolo_kernel::system::ActionCall;
use tombolo_manifest::Effect;
use tombolo_store::{Advance, Hearing, Link, RunRow, RunStatus};

use super::calls::{CallEnd, Caller, UnderWay};
use super::lanes::{self, Next};
use super::pull::Delivered;
use super::{Engine, Run, asked_event, dead_letter, dispatch, gate, version_key};
use crate::delivery::RetryWish;
use crate::run::{Called, Decision, Input, Wanted};

/// How a run left the hands of its task.
pub(super) enum Ended {
    /// For good: the lane goes on.
    Final,
    /// It waits in the store; so does its lane.
    Parked,
    /// The engine stops; all of it is taken up at the next start.
    Left,
}

/// Rows of a lane read at once.
const LANE_PAGE: u32 = 64;

impl Engine {
    /// Carries out a run, then the runs behind it in its lane.
    pub(super) async fn carry_out(self: &Arc<Self>, run: Run, input: Input) {
        let mut next = Some((run, input));
        while let Some((run, input)) = next.take() {
            let (lane, ahead) = (run.lane.clone(), run.ahead.clone());
            if matches!(self.drive(run, input).await, Ended::Final) && !lane.is_empty() {
                next = self.next_of_lane(&lane).await;
                if let Some((run, _)) = &mut next {
                    run.ahead = ahead.and_then(gate::Ahead::for_next);
                }
            }
        }
    }

    /// The next run of a lane whose head ended.
    pub(super) async fn next_of_lane(self: &Arc<Self>, lane: &str) -> Option<(Run, Input)> {
        let (flow, key) = lanes::parts(lane);
        loop {
            if self.is_stopping() {
                return None;
            }
            let next = self.lanes.lock().next(lane);
            match next {
                Next::Nothing => return None,
                Next::Run(run) => return Some((run, Input::Start)),
                Next::Row(row) => {
                    if let Some(found) = self.restore(*row).await {
                        return Some(found);
                    }
                }
                Next::Load(batches) => {
                    let rows = self
                        .insist("reading a lane", || {
                            self.parts.store.lane(flow, key, LANE_PAGE)
                        })
                        .await?;
                    let all = rows.len() < LANE_PAGE as usize;
                    self.lanes.lock().loaded(lane, rows, all, batches);
                }
            }
        }
    }

    async fn drive(self: &Arc<Self>, mut run: Run, input: Input) -> Ended {
        if run.state.trace.error.is_some() && run.state.trace.steps.is_empty() {
            return self.finish(run, RunStatus::Dead).await;
        }
        let mut input = input;
        let mut under_way = UnderWay::default();
        let mut left_out = false;
        // Calls of moves before, which wait until links are made.
        let mut wanted = Vec::new();
        loop {
            let until_ms = match self.decide(&mut run, input).await {
                None => return self.leave(run),
                Some(Decision::Done) => return self.finish(run, RunStatus::Done).await,
                Some(Decision::Dead) => return self.finish(run, RunStatus::Dead).await,
                Some(Decision::Go { calls, until_ms }) => {
                    wanted.extend(calls);
                    until_ms
                }
            };
            let links = !run.outbox.links.is_empty() || !run.linked.is_empty();
            if wanted.is_empty() && under_way.is_empty() && !left_out && !links {
                return self.park(run, until_ms).await;
            }
            // Whether an item's call was begun must be known before another item fails and stops it.
            run.dirty |= run.stored && !wanted.is_empty() && run.state.has_items();
            let stopping = self.is_stopping();
            if run.dirty || !run.outbox.is_empty() || (stopping && run.stored) {
                self.hold(&run);
                if !self.commit(&mut run, RunStatus::Active, None).await {
                    return self.leave(run);
                }
            }
            if let Some((number, outcome)) = run.linked.pop_front() {
                input = Input::Linked(number, outcome);
                continue;
            }
            left_out |= stopping && !wanted.is_empty();
            if left_out && under_way.is_empty() {
                return self.leave(run);
            }
            let now = std::mem::take(&mut wanted);
            let now = if left_out { Vec::new() } else { now };
            input = self.next_end(&mut run, &mut under_way, now, until_ms).await;
        }
    }

    /// Does one attempt of a call.
    pub(super) async fn call(self: &Arc<Self>, caller: &Caller, wanted: Wanted) -> CallEnd {
        let at_ms = self.now();
        let Wanted {
            call,
            step,
            system,
            action,
            input,
            attempt,
            until_ms,
            ..
        } = wanted;
        let offer = caller.offer.as_ref();
        if let Some(offer) = offer
            && let Err(failure) = self.schemas.check(&system, &action, offer, &input)
        {
            let refused = Called {
                result: Err(failure),
                at_ms,
                crashed: false,
                outward: Vec::new(),
                outage: false,
                policy: RetryWish::default(),
            };
            return CallEnd {
                call,
                called: Some(refused),
                weighs: true,
            };
        }
        let cause = [&caller.run, "/", &step].concat();
        let idempotency_key = [self.parts.store.id(), "-", &cause].concat();
        let action = ActionCall {
            action,
            input,
            idempotency_key,
            attempt,
            cause,
            depth: 0,
            withheld: caller.withheld.clone(),
            lane: caller.lane,
        };
        let gate = self.gates.of(&system);
        let was_parked = caller.parked_on.as_deref() == Some(system.as_str());
        let left = until_ms.map(|until| Duration::from_millis(until.saturating_sub(at_ms).max(1)));
        let delivered = self
            .deliver(&gate, caller.ahead.as_deref(), was_parked, action, left)
            .await;
        let Delivered::Ended { outcome, outage } = delivered else {
            return CallEnd {
                call,
                called: None,
                weighs: false,
            };
        };
        // A read that went well is read again. What failed may end differently the next time, when undos or an
        // `on-failure` have begun already.
        let weighs =
            outcome.result.is_err() || offer.is_none_or(|offer| offer.effect != Effect::Read);
        let called = Called {
            result: outcome.result,
            at_ms,
            crashed: outcome.crashed,
            outward: outcome.outward,
            outage,
            policy: gate.delivery().retry,
        };
        CallEnd {
            call,
            called: Some(called),
            weighs,
        }
    }

    async fn finish(self: &Arc<Self>, mut run: Run, status: RunStatus) -> Ended {
        if status == RunStatus::Dead
            && let Some(alert) = dead_letter::event(&run, self.now())
        {
            match self.tells_dead(&run).await {
                Some(true) => run.outbox.emitted.push(alert),
                Some(false) => {}
                None => return self.leave(run),
            }
        }
        if !self.commit(&mut run, status, None).await {
            return self.leave(run);
        }
        if status == RunStatus::Dead {
            let error = run.state.trace.error.as_deref().unwrap_or("unknown");
            tracing::warn!(run = run.id, error, "a run is dead; its lane goes on");
        }
        self.held.lock().remove(&run.id);
        self.forget(1);
        Ended::Final
    }

    pub(super) async fn park(self: &Arc<Self>, mut run: Run, mut until_ms: Option<u64>) -> Ended {
        self.hold(&run);
        if run.asked_early {
            until_ms = Some(self.now());
        }
        let needs = run.state.waits_for_system().map(str::to_owned);
        // The row of a run that was taken up in vain says all of this already.
        let is_as_stored = needs.is_some()
            && run.parked_on == needs.clone().map(|system| (system, until_ms))
            && !run.dirty
            && run.outbox.is_empty()
            && run.judged.is_empty();
        if !is_as_stored && !self.commit(&mut run, RunStatus::Waiting, until_ms).await {
            return self.leave(run);
        }
        if !run.lane.is_empty() {
            let batch = self.lanes.lock().park(&run.lane);
            if let Some(batch) = batch {
                self.spill(batch);
            }
        }
        self.held.lock().remove(&run.id);
        self.forget(1);
        if let Some(system) = needs {
            let gate = self.gates.of(&system);
            gate.park(1);
            self.pull(&gate);
        }
        // A question may have been answered, an event told before this line, so the timer looks at once.
        let listens = run.state.listens().is_some_and(|all| !all.is_empty());
        self.timer
            .hint(if listens || !run.state.tasks().is_empty() {
                0
            } else {
                until_ms.unwrap_or(u64::MAX)
            });
        Ended::Parked
    }

    /// The run could not be written. While the host runs on that is a fault of it, reported where it was met: the lane
    /// goes on all the same.
    fn leave(&self, run: Run) -> Ended {
        self.held.lock().remove(&run.id);
        drop(run);
        self.forget(1);
        if self.is_stopping() {
            Ended::Left
        } else {
            Ended::Final
        }
    }

    /// An unfinished row of this run is in hands: the timer leaves it alone.
    pub(super) fn hold(&self, run: &Run) {
        self.held.lock().insert(run.id.clone());
    }

    /// Writes the run with all that goes along; then its emitted events are dispatched. False: it was not written.
    async fn commit(
        self: &Arc<Self>,
        run: &mut Run,
        status: RunStatus,
        wake_ms: Option<u64>,
    ) -> bool {
        if !status.is_final() && !self.keep_version(run).await {
            return false;
        }
        let flows = self.flows.load_full();
        let hearing = run.state.listens().map(|listens| Hearing {
            listens,
            judged: run.judged.clone(),
        });
        self.listen(hearing.as_ref());
        let asked: Vec<_> = run
            .outbox
            .tasks
            .iter()
            .filter_map(|task| asked_event::event(run, task))
            .collect();
        self.count_questions(run, asked.len());
        run.outbox.emitted.extend(asked);
        let (ended, now) = (&*run, self.now());
        let links = ended.outbox.links.iter().map(|wanted| &wanted.link);
        let links: Vec<Link> = links.cloned().collect();
        let write = || {
            self.parts.store.advance(Advance {
                run: row_of(ended, status, wake_ms, now),
                emitted: ended.outbox.emitted.clone(),
                tasks: ended.outbox.tasks.clone(),
                withdrawn: ended.outbox.withdrawn.clone(),
                queued: Vec::new(),
                hearing: hearing.clone(),
                links: links.clone(),
            })
        };
        let Some(advanced) = self.insist("writing a run", write).await else {
            return false;
        };
        let outbox = std::mem::take(&mut run.outbox);
        let numbers = outbox.links.iter().map(|wanted| wanted.number);
        run.linked.extend(numbers.zip(advanced.linked));
        let (copies, awaited) = (self.copies(&flows, &outbox.emitted), self.awaited.changes());
        // An answer that came while its row said that it was under way has made nobody due.
        run.asked_early |= status == RunStatus::Active && !run.state.tasks().is_empty();
        run.parked_on = None;
        if !run.stored {
            run.stored = true;
            self.written(&[run.event.seq]);
        }
        run.dirty = false;
        run.exclusive.clear();
        run.judged.clear();
        let fresh = dispatch::placed(&advanced.appended, copies);
        if let Some(count) = &run.count {
            count.give_back(advanced.appended.len() - fresh.len());
        }
        if !fresh.is_empty() {
            // Held until their runs hold it: nobody has to count again.
            let (engine, count) = (Arc::clone(self), run.count.clone());
            tokio::spawn(async move {
                let fresh = engine.whole(fresh, awaited).await;
                dispatch::dispatch(&engine, &flows, fresh).await;
                drop(count);
            });
        }
        true
    }

    /// Runs of these events have a row now.
    pub(super) fn written(&self, events: &[i64]) {
        let checkpoint = {
            let mut sequence = self.sequence.lock();
            events.iter().for_each(|seq| sequence.written(*seq));
            sequence.settle()
        };
        if let Some(checkpoint) = checkpoint {
            self.parts.store.checkpoint(checkpoint);
        }
    }

    /// Puts the text of the run's flow into the store before a row needs it after a restart.
    pub(super) async fn keep_version(&self, run: &Run) -> bool {
        let key = version_key(&run.flow.name, &run.flow.version);
        if self.kept.lock().contains(&key) {
            return true;
        }
        let flow = &run.flow;
        let kept = self
            .insist("keeping a flow", || {
                self.parts.store.keep_flow(&flow.version, &flow.text)
            })
            .await;
        if kept.is_some() {
            self.kept.lock().insert(key);
        }
        kept.is_some()
    }

    /// Writes runs that are behind another as rows, in the background.
    pub(super) fn spill(self: &Arc<Self>, batch: Vec<Run>) {
        let engine = Arc::clone(self);
        tokio::spawn(async move { engine.spill_now(batch).await });
    }

    async fn spill_now(self: Arc<Self>, batch: Vec<Run>) {
        let mut batch = Some(batch);
        while let Some(mut runs) = batch.take() {
            let Some(first) = runs.first() else { return };
            let (lane, count) = (first.lane.clone(), runs.len());
            if !self.keep_version(first).await || !self.queue(&runs).await {
                self.forget(count);
                return;
            }
            let events: Vec<i64> = runs.drain(..).map(|run| run.event.seq).collect();
            self.written(&events);
            self.forget(count);
            let (look, more) = self.lanes.lock().spilled(&lane);
            if look {
                let engine = Arc::clone(&self);
                tokio::spawn(async move { engine.go_on_with(&lane).await });
            }
            batch = more;
        }
    }

    /// Writes runs as queued rows.
    pub(super) async fn queue(&self, runs: &[Run]) -> bool {
        let Some((first, rest)) = runs.split_first() else {
            return true;
        };
        let now = self.now();
        let row = |run: &Run| row_of(run, RunStatus::Queued, None, now);
        let write = || {
            let (emitted, tasks, withdrawn) = (Vec::new(), Vec::new(), Vec::new());
            let queued = rest.iter().map(row).collect();
            self.parts.store.advance(Advance {
                run: row(first),
                emitted,
                tasks,
                withdrawn,
                queued,
                hearing: None,
                links: Vec::new(),
            })
        };
        self.insist("writing queued runs", write).await.is_some()
    }

    /// Looks for the head of a lane and carries it out.
    pub(super) fn go_on_with<'s>(
        self: &'s Arc<Self>,
        lane: &'s str,
    ) -> futures_util::future::BoxFuture<'s, ()> {
        Box::pin(async move {
            if let Some((run, input)) = self.next_of_lane(lane).await {
                self.carry_out(run, input).await;
            }
        })
    }
}

pub(super) fn row_of(run: &Run, status: RunStatus, wake_ms: Option<u64>, now: u64) -> RunRow {
    // Serializing our own types into memory does not fail: they have text keys and finite numbers.
    let state = match status {
        RunStatus::Done => String::new(),
        RunStatus::Queued if !run.stored => String::new(),
        _ => serde_json::to_string(&run.state).unwrap_or_default(),
    };
    let trace = serde_json::to_string(&*run.state.told()).unwrap_or_default();
    RunRow {
        id: run.id.clone(),
        seq: run.event.seq,
        flow: run.flow.name.clone(),
        flow_version: run.flow.version.clone(),
        lane: lanes::parts(&run.lane).1.to_owned(),
        status,
        wake_ms,
        needs: match status {
            RunStatus::Waiting => run.state.waits_for_system().map(str::to_owned),
            _ => None,
        },
        started_ms: run.started_ms,
        updated_ms: now,
        state,
        trace,
    }
}
