//! Time spent in a guest, not counting what it waits for.
//!
//! A call's future is polled inside [`metered`], which counts each poll; a host call that waits is polled inside
//! [`waiting`], which stops the count meanwhile. So a slow server costs a guest nothing, and a loop everything.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;

/// `since` when the guest does not run.
const STOPPED: u64 = u64::MAX;

/// One instance's meter. Only the thread that polls the instance writes it.
#[derive(Debug)]
pub(crate) struct Meter {
    origin: Instant,
    budget: u64,
    spent: AtomicU64,
    since: AtomicU64,
    /// Held while a call that runs long has its turn; given back whenever it stops running.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Meter {
    pub(crate) fn new(budget: Duration) -> Self {
        Self {
            origin: Instant::now(),
            budget: nanos(budget),
            spent: AtomicU64::new(0),
            since: AtomicU64::new(STOPPED),
            turn: Mutex::new(None),
        }
    }

    /// Whether the call runs so long that it takes turns with others of its kind.
    pub(crate) fn runs_long(&self) -> bool {
        self.spent() > limits::GUEST_SLICE
    }

    /// Lets others run, then waits for a turn among the calls that run long. Fair: one tick each, in order.
    pub(crate) async fn take_turn(self: Arc<Self>, turns: Arc<Semaphore>) {
        tokio::task::yield_now().await;
        let turn = turns.acquire_owned().await.ok();
        *self.turn.lock() = turn;
    }

    /// Begins a new call.
    pub(crate) fn reset(&self) {
        self.spent.store(0, Ordering::Relaxed);
        self.since.store(STOPPED, Ordering::Relaxed);
    }

    /// Time in the guest so far, the present poll included.
    pub(crate) fn spent(&self) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        let running = if since == STOPPED {
            0
        } else {
            self.now().saturating_sub(since)
        };
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(running))
    }

    /// Whether the budget is used up.
    pub(crate) fn is_over(&self) -> bool {
        nanos(self.spent()) > self.budget
    }

    fn run(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    fn stop(&self) {
        let since = self.since.swap(STOPPED, Ordering::Relaxed);
        // A call that never ran long has no turn, and pays no more than this look.
        if self.spent.load(Ordering::Relaxed) > 0
            && let Some(mut turn) = self.turn.try_lock()
        {
            turn.take();
        }
        if since != STOPPED {
            self.spent
                .fetch_add(self.now().saturating_sub(since), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }
}

/// Counts every poll of a guest's future.
pub(crate) async fn metered<F: Future>(meter: &Meter, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        meter.run();
        let poll = future.as_mut().poll(context);
        meter.stop();
        poll
    })
    .await
}

/// Counts no poll of a host call's future, which runs inside the guest's.
pub(crate) async fn waiting<F: Future>(meter: &Meter, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        meter.stop();
        let poll = future.as_mut().poll(context);
        meter.run();
        poll
    })
    .await
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
