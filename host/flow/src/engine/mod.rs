//! The engine: takes events in, finds the flows they are for, carries the runs out, survives restarts.
//!
//! ```text
//! publish ─▶ append, synced ─▶ reply ─▶ match (type, when, key) ─▶ lane ─▶ run: decide ─▶ act ─▶ decide ... ─▶ one row
//! ```
//!
//! A run that succeeds at once is written once, when it is over. Before that it is written only where forgetting would
//! cost something: before the next step when something left that changes the world, and when it waits. What was not
//! written is found again after a restart: every event after the checkpoint without a row is matched again, and its
//! calls carry the same idempotency keys.

mod asked_event;
mod calls;
mod dead;
mod dead_letter;
mod descendants;
mod dispatch;
mod drive;
mod dry_run;
mod forget;
mod gate;
mod hearing;
mod lane_list;
mod lanes;
mod outage_event;
mod outside;
mod people;
mod pull;
mod recover;
mod references;
mod replay;
pub(crate) mod schema;
mod schemas;
mod sequence;
mod store;
mod timer;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub(crate) use dispatch::judge;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tombolo_kernel::clock::SharedClock;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_kernel::system::Actor;
use tombolo_store::{
    Appended, CursorRow, LinkOutcome, PageIn, Store, StoreError, TaskAnswer, TaskRow,
};

use crate::definition::{Flow, FlowSet};
use crate::delivery::Deliveries;
use crate::expression::EventDocument;
use crate::run::{Outbox, RunState};

/// What the engine works with.
pub struct EngineParts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who carries actions out.
    pub actor: Arc<dyn Actor>,
    /// Time.
    pub clock: SharedClock,
    /// How calls go out to each system.
    pub deliveries: Deliveries,
}

pub use dead::{DeadDetail, DeadFilter, DeadLetter, DeadPage, Remedy};
pub use dry_run::{DryCall, DryRun};
pub use gate::breaker::Outage;
pub use lane_list::LaneStatus;
pub use outside::Untaken;
pub use pull::DeliveryStatus;
pub use replay::{ReplayOrder, ReplayPage};

/// Carries flows out.
pub struct Engine {
    parts: EngineParts,
    flows: ArcSwap<FlowSet>,
    /// Versions in use, so that a reading parses none twice.
    versions: Mutex<HashMap<String, Weak<Flow>>>,
    /// Versions whose text is in the store.
    kept: Mutex<HashSet<String>>,
    sequence: Mutex<sequence::Sequence<Run>>,
    lanes: Mutex<lanes::Lanes>,
    /// Runs with an unfinished row that a task carries out now.
    held: Mutex<HashSet<String>>,
    gates: gate::Gates,
    schemas: schemas::Schemas,
    /// Runs in memory.
    under_way: AtomicUsize,
    ended: Notify,
    timer: timer::Timer,
    awaited: hearing::Awaited,
    descendants: descendants::Descendants,
    /// By task id: an answer and a timeout exclude each other.
    answers: Vec<Arc<tokio::sync::Mutex<()>>>,
    /// Held while a page of a replay is made: no two make the same run.
    replaying: tokio::sync::Mutex<()>,
    stopping: AtomicBool,
    stop: Notify,
    store_is_down: AtomicBool,
}

/// A run in memory, on the heap: it goes through a dozen hands on its way, and is part of every future that holds it.
type Run = Box<InMemory>;

struct InMemory {
    id: String,
    event: Arc<EventDocument>,
    flow: Arc<Flow>,
    /// The lane's name, or empty.
    lane: String,
    state: RunState,
    outbox: Outbox,
    started_ms: u64,
    /// It has a row.
    stored: bool,
    /// Something happened that must be written before the next step.
    dirty: bool,
    /// Its row says that it waits for this system, at the latest until then, and nothing happened since.
    parked_on: Option<(String, Option<u64>)>,
    /// It was pulled out of the store: it does not queue behind those that are still there.
    ahead: Option<Arc<gate::Ahead>>,
    /// Held until the move that a timeout made is written.
    exclusive: Vec<tokio::sync::OwnedMutexGuard<()>>,
    /// It waited for an answer while its row said that it was under way: the answer has made nobody due.
    asked_early: bool,
    /// Events it was told and has looked at.
    judged: Vec<i64>,
    /// What came of links that were made, until it is told.
    linked: VecDeque<(u64, LinkOutcome)>,
    /// How much came of the event that began its chain; none where its flow emits nothing.
    count: Option<Arc<descendants::Count>>,
}

/// Locks for answers: enough that two tasks seldom share one.
const ANSWER_LOCKS: usize = 64;

impl Engine {
    /// Starts, after taking up what was under way when the host ended.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(mut parts: EngineParts, flows: FlowSet) -> Result<Arc<Self>, StoreError> {
        let recovery = parts.store.recover().await?;
        let gates = gate::Gates::new(std::mem::take(&mut parts.deliveries));
        let engine = Arc::new(Self {
            parts,
            flows: ArcSwap::from_pointee(flows),
            versions: Mutex::default(),
            kept: Mutex::default(),
            sequence: Mutex::new(sequence::Sequence::after(recovery.checkpoint)),
            lanes: Mutex::default(),
            held: Mutex::default(),
            gates,
            schemas: schemas::Schemas::default(),
            under_way: AtomicUsize::new(0),
            ended: Notify::new(),
            timer: timer::Timer::default(),
            awaited: hearing::Awaited::default(),
            descendants: descendants::Descendants::default(),
            answers: (0..ANSWER_LOCKS).map(|_| Arc::default()).collect(),
            replaying: tokio::sync::Mutex::default(),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
            store_is_down: AtomicBool::new(false),
        });
        engine.remember_versions();
        engine.awaited.add(engine.parts.store.listened().await?);
        engine.recover(recovery).await?;
        tokio::spawn(timer::run(Arc::clone(&engine)));
        Ok(engine)
    }

    /// Appends events, synced, and replies; what they cause happens behind the reply. A caller that goes away does
    /// not stop it.
    ///
    /// # Errors
    /// The store could not write: nothing was appended.
    pub async fn publish(
        self: &Arc<Self>,
        events: Vec<Event>,
    ) -> Result<Vec<Appended>, StoreError> {
        self.take_in(events, None).await
    }

    /// Like [`Self::publish`], for a page of something that is read in order: its cursor moves in the transaction
    /// that appends the events.
    ///
    /// # Errors
    /// The store could not write: nothing was appended and the cursor stays.
    pub async fn publish_page(self: &Arc<Self>, page: PageIn) -> Result<Vec<Appended>, StoreError> {
        self.take_in(page.events, Some(page.cursor)).await
    }

    async fn take_in(
        self: &Arc<Self>,
        events: Vec<Event>,
        cursor: Option<CursorRow>,
    ) -> Result<Vec<Appended>, StoreError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        // Boxed: the runtime copies a task's future half a dozen times before and after it runs.
        let taken = dispatch::take_in(Arc::clone(self), events, cursor, reply);
        tokio::spawn(Box::pin(taken));
        answer.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable(
                "the engine ended before it replied".to_owned(),
            ))
        })
    }

    /// Reacts with other flows from now on. Runs under way finish on the version they began with.
    pub fn replace_flows(&self, flows: FlowSet) {
        self.flows.store(Arc::new(flows));
        self.remember_versions();
    }

    /// The site's value maps, as flows see them now.
    #[must_use]
    pub fn tables(&self) -> Arc<crate::tables::Tables> {
        Arc::clone(self.flows.load().tables())
    }

    /// Calls go out by other policies from now on. Systems that are down are probed at once.
    pub fn replace_deliveries(&self, deliveries: Deliveries) {
        self.gates.replace(deliveries);
    }

    /// Answers a task; its run goes on behind the reply.
    ///
    /// # Errors
    /// No such task, closed already, not one of its options, or the store could not write.
    pub async fn answer(&self, task: &str, answer: TaskAnswer) -> Result<TaskRow, StoreError> {
        let exclusive = self.answer_lock(task).lock_owned().await;
        let row = self.parts.store.answer(task, answer).await?;
        drop(exclusive);
        self.timer.hint(0);
        Ok(row)
    }

    /// Whether so many runs are under way that no more should be taken in now.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) >= limits::RUNS_UNDER_WAY
    }

    /// Whether what can wait in the store should.
    fn is_crowded(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) >= limits::RUNS_UNDER_WAY / 4 * 3
    }

    /// Whether nothing more can be kept in memory. Only what runs emit brings it so far: senders are told to come
    /// again before.
    fn is_flooded(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) >= 2 * limits::RUNS_UNDER_WAY
    }

    /// Runs in memory: carried out, or behind another of their lane.
    #[must_use]
    pub fn runs_under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Begins nothing more, and waits until calls under way have ended and are written, at most
    /// [`limits::STOPPING`]. What is left is taken up at the next start.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.notify_waiters();
        self.timer.hint(0);
        let all_ended = async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                if self.under_way.load(Ordering::SeqCst) == 0 {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(100), ended).await;
            }
        };
        if tokio::time::timeout(limits::STOPPING, all_ended)
            .await
            .is_err()
        {
            let left = self.under_way.load(Ordering::Relaxed);
            tracing::warn!(
                left,
                "stopped with runs under way; they go on at the next start"
            );
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn now(&self) -> u64 {
        self.parts.clock.now_ms()
    }

    fn answer_lock(&self, task: &str) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.answers[self.answer_place(task)])
    }

    fn answer_place(&self, task: &str) -> usize {
        task.bytes().map(usize::from).sum::<usize>() % self.answers.len()
    }

    /// Nobody answers any of these tasks while the guards live. Taken in one order everywhere.
    async fn nobody_answers(&self, tasks: &[String]) -> Vec<tokio::sync::OwnedMutexGuard<()>> {
        let places: std::collections::BTreeSet<usize> =
            tasks.iter().map(|task| self.answer_place(task)).collect();
        let mut guards = Vec::with_capacity(places.len());
        for place in places {
            guards.push(Arc::clone(&self.answers[place]).lock_owned().await);
        }
        guards
    }

    fn remember_versions(&self) {
        let flows = self.flows.load();
        let mut versions = self.versions.lock();
        versions.retain(|_, flow| flow.strong_count() > 0);
        versions.extend(
            flows
                .flows()
                .map(|flow| (version_key(&flow.name, &flow.version), Arc::downgrade(flow))),
        );
    }

    /// A run left memory.
    fn forget(&self, runs: usize) {
        self.under_way.fetch_sub(runs, Ordering::SeqCst);
        if self.is_stopping() {
            self.ended.notify_waiters();
        }
    }
}

/// Two flows may have the same text.
fn version_key(flow: &str, version: &str) -> String {
    format!("{flow}@{version}")
}

#[cfg(test)]
mod tests;
