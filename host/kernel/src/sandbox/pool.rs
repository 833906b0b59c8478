//! The instances of one system: how many, how long, who waits.
//!
//! A call borrows an instance, last used first, and gives it back only if it ended well; after a trap, a limit, a
//! deadline or an answer outside the contract the instance is dropped with its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Engine;
use super::background;
use super::export::{Export, Place};
use super::instance::Instance;
use super::load::Code;
use super::state::CallState;
use super::trap::{self, Broken};
use crate::audit::{AuditRecord, Kind};
use crate::failure::Failure;
use crate::limits;
use crate::system::Prepared;
use crate::system::outputs::Fault;

/// One system's instances.
pub(crate) struct Pool {
    engine: Arc<Engine>,
    code: Arc<Code>,
    system: Arc<Prepared>,
    idle: Mutex<Vec<Instance>>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    under_way: AtomicUsize,
    alive: Arc<AtomicUsize>,
    /// How many of the next calls begin in the background: a system whose calls run long has its first slices there, too.
    long: AtomicU32,
}

/// How a call ended.
pub(crate) struct Ended<T> {
    pub(crate) result: Result<T, Failure>,
    /// The adapter was reached: the call was not turned away before.
    pub(crate) reached: bool,
    /// The adapter broke.
    pub(crate) crashed: bool,
    pub(crate) outward: Vec<Arc<AuditRecord>>,
    pub(crate) guest_micros: u64,
}

impl Pool {
    pub(crate) fn new(engine: Arc<Engine>, code: Arc<Code>, system: Arc<Prepared>) -> Arc<Self> {
        let turns = Semaphore::new(system.limits.instances.clamp(1, limits::INSTANCES as usize));
        let pool = Arc::new(Self {
            code,
            system,
            idle: Mutex::new(Vec::new()),
            turns: Arc::new(turns),
            waiting: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            alive: Arc::new(AtomicUsize::new(0)),
            long: AtomicU32::new(0),
            engine,
        });
        pool.engine.register(&pool);
        pool
    }

    /// Calls under way, waiting ones not counted.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Instances alive.
    pub(crate) fn instances(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }

    /// Drops instances that were idle for so long.
    pub(crate) fn reap(&self, idle: Duration) {
        let now = Instant::now();
        let mut old = Vec::new();
        {
            let mut instances = self.idle.lock();
            let mut index = 0;
            while index < instances.len() {
                if now.saturating_duration_since(instances[index].idle_since) >= idle {
                    old.push(instances.remove(index));
                } else {
                    index += 1;
                }
            }
        }
        drop(old);
    }

    /// Carries out one call by its deadline.
    pub(crate) async fn call<E: Export>(&self, export: E, call: CallState) -> Ended<E::Output> {
        let deadline = call.deadline;
        let turn = match self.turn(deadline).await {
            Ok(turn) => turn,
            Err(failure) => return Ended::refused(failure),
        };
        let _ticking = self.engine.ticker.ticking();
        let _counted = Counted::new(&self.under_way);
        let mut instance = match self.lease(call).await {
            Ok(instance) => instance,
            Err(failure) => return Ended::refused(failure),
        };
        let place = export.place();
        let (code, meter) = (Arc::clone(&self.code), Arc::clone(&instance.meter));
        let run = Box::pin(async move {
            let ran = instance.run(&code, export).await;
            (instance, ran)
        });
        let lately = self.long.load(Ordering::Relaxed) > 0;
        let overdue = deadline + limits::OVERDUE;
        let ran = background::polled(run, &meter, &self.engine.background, lately, overdue).await;
        self.note_length(meter.runs_long());
        let Some((instance, ran)) = ran else {
            return Ended::refused(self.starved());
        };
        self.finish::<E>(instance, turn, &place, ran)
    }

    fn note_length(&self, ran_long: bool) {
        if ran_long {
            self.long.store(limits::BACKGROUND_CALLS, Ordering::Relaxed);
        } else if self.long.load(Ordering::Relaxed) > 0 {
            // Two at once may count one too few or start again from the top: a hint, no more.
            let less = |calls: u32| calls.checked_sub(1);
            let _ = self
                .long
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    async fn turn(&self, deadline: tokio::time::Instant) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let waiting = Counted::new(&self.waiting);
        if waiting.before >= limits::WAITING_PER_SYSTEM {
            return Err(self.busy("turn"));
        }
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout_at(deadline, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(self.busy("turn")),
        }
    }

    async fn lease(&self, call: CallState) -> Result<Instance, Failure> {
        // The lock is released before the instance is used.
        let idle = self.idle.lock().pop();
        if let Some(mut instance) = idle {
            instance.begin(call);
            return Ok(instance);
        }
        let place = self.place(call.deadline).await?;
        let alive = Alive::new(&self.alive);
        Ok(Instance::new(
            &self.engine,
            &self.system,
            call,
            (place, alive),
        ))
    }

    /// One of the host's places for instances.
    async fn place(&self, deadline: tokio::time::Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let places = Arc::clone(&self.engine.instances);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            return Ok(place);
        }
        self.engine.make_room();
        match tokio::time::timeout_at(deadline, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.busy("instance")),
        }
    }

    fn busy(&self, what: &str) -> Failure {
        let Prepared { name, limits, .. } = &*self.system;
        Failure::Unavailable {
            message: format!(
                "system {name} is busy: no {what} became free in time ({} calls at a time, {} waiting); \
                 raise limits.instances of the system or send less",
                limits.instances,
                self.waiting.load(Ordering::Relaxed)
            ),
            retry_after_ms: Some(1_000),
        }
    }

    /// Its deadline passed while other programs had the processors.
    fn starved(&self) -> Failure {
        let Prepared { name, limits, .. } = &*self.system;
        Failure::Unavailable {
            message: format!(
                "a call of system {name} got no processor for long enough to see its deadline of {} s; \
                 other programs on this machine leave none to adapters that compute long",
                limits.deadline.as_secs_f64()
            ),
            retry_after_ms: Some(1_000),
        }
    }

    fn finish<E: Export>(
        &self,
        mut instance: Instance,
        turn: OwnedSemaphorePermit,
        place: &Place,
        ran: Result<E::Answer, Broken>,
    ) -> Ended<E::Output> {
        let guest_micros = instance.guest_micros();
        let state = instance.store.data_mut();
        let checked = ran.and_then(|answer| match E::check(&self.system, answer) {
            Ok(result) => Ok(result),
            Err(Fault::Contract(problem)) => Err(Broken::Contract(problem)),
            Err(Fault::Denied { event, why }) => {
                state.denied(Kind::Emit, "events", event, &why);
                Ok(Err(Failure::Internal { message: why }))
            }
        });
        state.call.log.finish(&self.system.name);
        state.sum_up();
        let outward = state.call.take_outward();
        match checked {
            Ok(result) => {
                if E::KEEPS_INSTANCE {
                    self.give_back(instance);
                }
                Ended {
                    result,
                    reached: true,
                    crashed: false,
                    outward,
                    guest_micros,
                }
            }
            Err(broken) => {
                let message = trap::sentence(state, place, &broken);
                tracing::warn!(system = %self.system.name, "{message}");
                if state.limiter.has() >= limits::BACKGROUND_MEMORY {
                    // The call's turn is over with it, so that no more of them wait than the system has turns.
                    self.engine.background.run(move || drop((instance, turn)));
                }
                Ended {
                    result: Err(Failure::Internal { message }),
                    reached: true,
                    crashed: true,
                    outward,
                    guest_micros,
                }
            }
        }
    }

    fn give_back(&self, mut instance: Instance) {
        if instance.calls < limits::CALLS_PER_INSTANCE {
            instance.idle_since = Instant::now();
            self.idle.lock().push(instance);
        }
    }
}

impl<T> Ended<T> {
    fn refused(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            reached: false,
            crashed: false,
            outward: Vec::new(),
            guest_micros: 0,
        }
    }
}

/// Counts one while it lives.
struct Counted<'c> {
    counter: &'c AtomicUsize,
    before: usize,
}

impl<'c> Counted<'c> {
    fn new(counter: &'c AtomicUsize) -> Self {
        Self {
            counter,
            before: counter.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts an instance while it lives, wherever it is dropped.
pub(super) struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
