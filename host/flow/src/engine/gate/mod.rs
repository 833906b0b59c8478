//! The way to a system: so many calls at a time, so many in a time, none while it is down. What cannot go soon is not
//! kept here: its run is put into the store and pulled out when its turn comes, so that memory stays bounded.

pub(crate) mod breaker;
mod bucket;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tombolo_kernel::clock::Clock;
use tombolo_kernel::limits;

use self::breaker::{Breaker, Leave};
use self::bucket::Bucket;
use crate::delivery::{Deliveries, Delivery};

/// All systems' gates.
#[derive(Default)]
pub(super) struct Gates {
    deliveries: RwLock<Deliveries>,
    systems: RwLock<HashMap<String, Arc<Gate>>>,
}

/// One system's gate.
pub(super) struct Gate {
    pub(super) system: String,
    delivery: RwLock<Delivery>,
    /// Calls that may begin.
    room: Arc<Semaphore>,
    /// So many places more than it should have: taken away as calls end.
    excess: AtomicUsize,
    bucket: Mutex<Bucket>,
    /// What the bucket's time counts from: a clock that is set has no say in it.
    since: Instant,
    pub(super) breaker: Breaker,
    /// Runs in a call or before one.
    inside: AtomicUsize,
    /// Runs in the store that wait for this system.
    parked: AtomicU64,
    /// Places for runs that are pulled out of the store.
    pub(super) pulled: Arc<Semaphore>,
    /// A task pulls them.
    pub(super) is_pulling: AtomicBool,
    /// Tells it that something changed.
    pub(super) wake: Notify,
}

/// The right to make one call; given back when it is dropped.
pub(super) struct Turn<'g> {
    gate: &'g Gate,
    room: Option<OwnedSemaphorePermit>,
    /// The call shows whether the system is back.
    pub(super) is_probe: bool,
}

/// A run that was pulled out of the store, and those behind it in its lane, do not queue behind the others there.
pub(super) struct Ahead {
    _place: OwnedSemaphorePermit,
    turns: AtomicU32,
    probe: AtomicBool,
}

// === impl Gates ===

impl Gates {
    /// With these policies.
    pub(super) fn new(deliveries: Deliveries) -> Self {
        Self {
            deliveries: RwLock::new(deliveries),
            systems: RwLock::default(),
        }
    }

    /// The gate of a system.
    pub(super) fn of(&self, system: &str) -> Arc<Gate> {
        if let Some(gate) = self.systems.read().get(system) {
            return Arc::clone(gate);
        }
        let delivery = self.delivery(system);
        let mut systems = self.systems.write();
        let gate = systems
            .entry(system.to_owned())
            .or_insert_with(|| Arc::new(Gate::new(system, delivery)));
        Arc::clone(gate)
    }

    /// All that a call went to since the start, by name.
    pub(super) fn all(&self) -> Vec<Arc<Gate>> {
        let mut gates: Vec<_> = self.systems.read().values().map(Arc::clone).collect();
        gates.sort_by(|a, b| a.system.cmp(&b.system));
        gates
    }

    /// Other policies from now on; systems that are down are probed at once, for what was wrong may be mended.
    pub(super) fn replace(&self, deliveries: Deliveries) {
        *self.deliveries.write() = deliveries;
        for gate in self.all() {
            gate.follow(self.delivery(&gate.system));
            gate.breaker.probe_now();
            gate.wake.notify_one();
        }
    }

    fn delivery(&self, system: &str) -> Delivery {
        let known = self.deliveries.read().get(system).copied();
        known.unwrap_or_default()
    }
}

// === impl Gate ===

impl Gate {
    fn new(system: &str, delivery: Delivery) -> Self {
        Self {
            system: system.to_owned(),
            delivery: RwLock::new(delivery),
            room: Arc::new(Semaphore::new(delivery.concurrency)),
            excess: AtomicUsize::new(0),
            bucket: Mutex::default(),
            since: Instant::now(),
            breaker: Breaker::default(),
            inside: AtomicUsize::new(0),
            parked: AtomicU64::new(0),
            pulled: Arc::new(Semaphore::new(limits::PULLED)),
            is_pulling: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Its policy.
    pub(super) fn delivery(&self) -> Delivery {
        *self.delivery.read()
    }

    /// Runs in the store that wait for it.
    pub(super) fn parked(&self) -> u64 {
        self.parked.load(Ordering::SeqCst)
    }

    /// Runs in memory that call it or are about to.
    pub(super) fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    /// So many more runs wait for it in the store.
    pub(super) fn park(&self, runs: u64) {
        self.parked.fetch_add(runs, Ordering::SeqCst);
    }

    /// One of them is carried out again.
    pub(super) fn unpark(&self) {
        let less = |parked: u64| Some(parked.saturating_sub(1));
        let _ = self
            .parked
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }

    /// Waits for a turn. `None`: not soon; the run belongs into the store. `crowded`: memory is wanted by others too.
    pub(super) async fn enter(
        &self,
        clock: &dyn Clock,
        ahead: Option<&Ahead>,
        crowded: bool,
    ) -> Option<Turn<'_>> {
        let probes = ahead.is_some_and(|ahead| ahead.probe.swap(false, Ordering::SeqCst));
        let is_full = crowded && self.inside() >= limits::RUNS_PER_SYSTEM;
        let others_first = ahead.is_none() && self.parked() > 0;
        if !probes && (is_full || others_first) {
            return None;
        }
        self.take_turn(clock, probes).await
    }

    /// Waits for a turn beside the runs in the store, for calls that come one at a time: behind all of them it might never
    /// come. `None`: the system rests.
    pub(super) async fn enter_beside(&self, clock: &dyn Clock) -> Option<Turn<'_>> {
        self.take_turn(clock, false).await
    }

    async fn take_turn(&self, clock: &dyn Clock, probes: bool) -> Option<Turn<'_>> {
        let left = self.breaker.rests_for(clock.now_ms());
        if !probes && left.is_some_and(|left| left > 0) {
            return None;
        }
        self.inside.fetch_add(1, Ordering::Relaxed);
        let mut turn = Turn {
            gate: self,
            room: None,
            is_probe: probes,
        };
        // The semaphore is never closed; without it the call would only be less orderly.
        turn.room = Arc::clone(&self.room).acquire_owned().await.ok();
        if let Some(rate) = self.delivery().rate {
            let pause = self.bucket.lock().reserve(rate, self.since.elapsed());
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
        if probes {
            return Some(turn);
        }
        match self.breaker.ask(clock.now_ms()) {
            Leave::Go => Some(turn),
            Leave::Probe => {
                turn.is_probe = true;
                Some(turn)
            }
            Leave::Rest => None,
        }
    }

    /// Follows a changed policy. Fewer calls at a time are reached as those under way end.
    fn follow(&self, delivery: Delivery) {
        let before = std::mem::replace(&mut *self.delivery.write(), delivery).concurrency;
        let (more, fewer) = (
            delivery.concurrency.saturating_sub(before),
            before.saturating_sub(delivery.concurrency),
        );
        self.room.add_permits(more);
        let taken = self.room.forget_permits(fewer);
        self.excess.fetch_add(fewer - taken, Ordering::SeqCst);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.inside.fetch_sub(1, Ordering::Relaxed);
        let less = |excess: usize| excess.checked_sub(1);
        if let Some(room) = self.room.take()
            && self.gate.excess.load(Ordering::Relaxed) > 0
            && self
                .gate
                .excess
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                .is_ok()
        {
            room.forget();
        }
    }
}

// === impl Ahead ===

impl Ahead {
    /// For a run that was pulled; `probe`: its call is the one that may go.
    pub(super) fn new(place: OwnedSemaphorePermit, probe: bool) -> Arc<Self> {
        Arc::new(Self {
            _place: place,
            turns: AtomicU32::new(limits::PULLED_TURNS),
            probe: AtomicBool::new(probe),
        })
    }

    /// For the next run of the lane, while it has turns.
    pub(super) fn for_next(self: Arc<Self>) -> Option<Arc<Self>> {
        let before = self.turns.fetch_sub(1, Ordering::SeqCst);
        (before > 1).then_some(self)
    }
}
