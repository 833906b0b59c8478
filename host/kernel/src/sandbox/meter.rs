//! Time spent in a guest, not counting what it waits for.
//!
//! A call's future is polled inside [`metered`], which counts each poll; a host call that waits is polled inside
//! [`waiting`], which stops the count meanwhile. So a slow server costs a guest nothing, and a loop everything. A call
//! that seems to run long is metered by its thread's processor time, for its thread may be one that others push aside.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::clock::thread_time;
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
    by_processor_time: AtomicBool,
    /// Spent when processor time began to count.
    before: AtomicU64,
    cut: AtomicBool,
}

impl Meter {
    pub(crate) fn new(budget: Duration) -> Self {
        Self {
            origin: Instant::now(),
            budget: nanos(budget),
            spent: AtomicU64::new(0),
            since: AtomicU64::new(STOPPED),
            by_processor_time: AtomicBool::new(false),
            before: AtomicU64::new(0),
            cut: AtomicBool::new(false),
        }
    }

    /// Whether the call runs so long that it goes on in the background: by the time that its thread had a processor, for
    /// on a busy machine a short call may take long, too.
    pub(crate) fn runs_long(&self) -> bool {
        self.by_processor_time.load(Ordering::Relaxed) && self.is_past_slice()
    }

    /// Has the processor time of a call counted that seems to run long. Only between two polls.
    pub(crate) fn look_closer(&self) {
        if self.is_past_slice() {
            self.by_processor_time();
        }
    }

    fn is_past_slice(&self) -> bool {
        let before = Duration::from_nanos(self.before.load(Ordering::Relaxed));
        self.spent().saturating_sub(before) > limits::GUEST_SLICE
    }

    /// From now on counts the processor time of the thread that polls it. Only between two polls.
    pub(crate) fn by_processor_time(&self) {
        if !self.by_processor_time.swap(true, Ordering::Relaxed) {
            let spent = self.spent.load(Ordering::Relaxed);
            self.before.store(spent, Ordering::Relaxed);
        }
    }

    /// Ends a call that another thread polls right now: it comes to no host call any more.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Begins a new call.
    pub(crate) fn reset(&self) {
        self.spent.store(0, Ordering::Relaxed);
        self.since.store(STOPPED, Ordering::Relaxed);
        self.by_processor_time.store(false, Ordering::Relaxed);
        self.before.store(0, Ordering::Relaxed);
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

    /// Whether the budget is used up, or nobody waits for the call any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_cut() || nanos(self.spent()) > self.budget
    }

    fn run(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    fn stop(&self) {
        let since = self.since.swap(STOPPED, Ordering::Relaxed);
        if since != STOPPED {
            self.spent
                .fetch_add(self.now().saturating_sub(since), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        if self.by_processor_time.load(Ordering::Relaxed) {
            return nanos(thread_time());
        }
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

/// Counts no poll of a host call's future, which runs inside the guest's. A call that is cut waits for good: it is
/// dropped as soon as its thread lets go of it.
pub(crate) async fn waiting<F: Future>(meter: &Meter, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        if meter.is_cut() {
            return Poll::Pending;
        }
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
