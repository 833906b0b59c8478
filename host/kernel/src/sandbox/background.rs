//! Threads of the lowest priority, which compute for calls that run long.
//!
//! A call is polled by its caller until it has computed for [`limits::GUEST_SLICE`], by the time that its thread had a
//! processor: a busy machine would send short calls here, too, behind the long ones. From then on each of its turns, one
//! [`limits::BACKGROUND_TICK`] at most, is carried out by one of these threads in the order in which they were asked for,
//! and between turns the call is its caller's again: dropped while it waits, it is gone at once. So a guest that loops has
//! the processors when nobody else wants them ([`rest`]), and takes nothing from its neighbours.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::meter::Meter;

mod rest;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end with it.
#[derive(Debug)]
pub(super) struct Background {
    jobs: Sender<Job>,
    /// Jobs that wait or are being done.
    open: Arc<AtomicUsize>,
}

impl Background {
    /// Starts half as many as there are processors, at least one: the other half stays free of them altogether. `open`
    /// counts the jobs that wait or are being done.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(open: Arc<AtomicUsize>) -> std::io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // Whoever sends takes no lock that a thread may hold which gives way to all others.
        let (jobs, receiver) = mpsc::channel();
        let shared = Arc::new((std::sync::Mutex::new(receiver), rest::Used::default()));
        for _ in 0..(processors / 2).max(1) {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("background".into());
            thread.spawn(move || work(&shared.0, &shared.1, processors))?;
        }
        Ok(Self { jobs, open })
    }

    /// Has something done when nobody else wants the processor.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.open.fetch_add(1, Ordering::Relaxed);
        let open = Arc::clone(&self.open);
        let counted = move || {
            job();
            open.fetch_sub(1, Ordering::Relaxed);
        };
        // The threads end only with this sender.
        let _ = self.jobs.send(Box::new(counted));
    }
}

fn work(jobs: &std::sync::Mutex<Receiver<Job>>, used: &rest::Used, processors: usize) {
    if let Err(error) = give_way() {
        tracing::warn!(%error, "adapters that compute long run at the priority of all others");
    }
    let processors = u32::try_from(processors).unwrap_or(u32::MAX);
    let mut rests = rest::Rests::new(used);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
        rests.after_job(processors);
    }
}

/// From now on the calling thread runs when no other wants its processor, and makes room for one that wakes at once: a
/// low `nice` alone would let it end its slice (sched(7), `SCHED_IDLE`). It needs no privilege, and cannot be undone
/// without one.
#[cfg(target_os = "linux")]
fn give_way() -> std::io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: a thread's own policy, and a parameter that lives as long as the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Polls a call here while it is short and in the background once it runs long, or from its beginning. `None`: it was
/// dropped there at `until`.
pub(super) async fn polled<F>(
    mut call: Pin<Box<F>>,
    meter: &Arc<Meter>,
    background: &Background,
    from_beginning: bool,
    until: tokio::time::Instant,
) -> Option<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    // The timer is not the call's own: threads that get no processor see no deadline.
    let lent = |call| tokio::time::timeout_at(until, Lent::new(call, meter, background));
    if from_beginning {
        return lent(call).await.ok();
    }
    let short = std::future::poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if meter.runs_long() => Poll::Ready(None),
        Poll::Pending => {
            meter.look_closer();
            Poll::Pending
        }
    });
    match short.await {
        Some(output) => Some(output),
        None => lent(call).await.ok(),
    }
}

/// A call whose turns are carried out in the background.
struct Lent<'b, F: Future + Send + 'static>
where
    F::Output: Send,
{
    turns: Arc<Turns<F>>,
    background: &'b Background,
}

/// What caller and background share of a call. Wakes for it are wakes of this.
struct Turns<F: Future> {
    at: Mutex<At<F>>,
    /// It can go on, as soon as it is waiting.
    woken: AtomicBool,
    caller: AtomicWaker,
    meter: Arc<Meter>,
}

/// Where a call is.
enum At<F: Future> {
    /// It waits to be woken.
    Waiting(Pin<Box<F>>),
    /// It waits for its turn.
    Queued(Pin<Box<F>>),
    /// It has its turn.
    Running,
    Ended(thread::Result<F::Output>),
    /// Its caller dropped it, or has its output.
    Gone,
}

impl<'b, F> Lent<'b, F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn new(call: Pin<Box<F>>, meter: &Arc<Meter>, background: &'b Background) -> Self {
        meter.by_processor_time();
        Self {
            turns: Arc::new(Turns {
                at: Mutex::new(At::Waiting(call)),
                woken: AtomicBool::new(true),
                caller: AtomicWaker::new(),
                meter: Arc::clone(meter),
            }),
            background,
        }
    }
}

impl<F> Future for Lent<'_, F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let turns = &self.turns;
        turns.caller.register(context.waker());
        let mut at = turns.at.lock();
        match mem::replace(&mut *at, At::Gone) {
            At::Ended(Ok(output)) => Poll::Ready(output),
            At::Ended(Err(panic)) => {
                drop(at);
                resume_unwind(panic)
            }
            At::Waiting(call) if turns.woken.swap(false, Ordering::AcqRel) => {
                *at = At::Queued(call);
                drop(at);
                let (turns, runtime) = (Arc::clone(turns), Handle::current());
                self.background.run(move || turns.take(&runtime));
                Poll::Pending
            }
            elsewhere => {
                *at = elsewhere;
                Poll::Pending
            }
        }
    }
}

impl<F> Drop for Lent<'_, F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        let mut at = self.turns.at.lock();
        let was = mem::replace(&mut *at, At::Gone);
        if matches!(was, At::Running) {
            self.turns.meter.cut();
        }
        drop(at);
        // A call that waits ends here, with what it had going out; a running one at the end of its turn.
        drop(was);
    }
}

impl<F> Turns<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    /// One turn, in the background.
    fn take(self: Arc<Self>, runtime: &Handle) {
        let mut call = {
            let mut at = self.at.lock();
            match mem::replace(&mut *at, At::Running) {
                At::Queued(call) => call,
                elsewhere => {
                    *at = elsewhere;
                    return;
                }
            }
        };
        // What the call starts or waits for is its caller's runtime's.
        let _within = runtime.enter();
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        let poll = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
        let now = match poll {
            Ok(Poll::Pending) => At::Waiting(call),
            Ok(Poll::Ready(output)) => At::Ended(Ok(output)),
            Err(panic) => At::Ended(Err(panic)),
        };
        let ended = matches!(now, At::Ended(_));
        let mut at = self.at.lock();
        if matches!(*at, At::Gone) {
            drop(at);
            drop(now);
            return;
        }
        *at = now;
        drop(at);
        if ended || self.woken.load(Ordering::Acquire) {
            self.caller.wake();
        }
    }
}

impl<F> Wake for Turns<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.caller.wake();
    }
}

#[cfg(test)]
mod tests;
