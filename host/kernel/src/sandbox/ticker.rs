//! The thread that moves the engine's epoch on, so that a running guest is asked whether it is over a limit.
//!
//! It rests while no call is under way: an idle host costs no processor time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};

use wasmtime::{Engine, EngineWeak};

use crate::limits;

/// Ticks without a call after which the thread rests: one second, so that a busy host never wakes it.
const TICKS_BEFORE_REST: u32 = 500;

/// The thread's handle; the thread ends with it.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    under_way: AtomicUsize,
    resting: AtomicBool,
    stopped: AtomicBool,
    /// What computes in the background, or waits for it.
    background: Arc<AtomicUsize>,
}

/// Keeps the epoch moving while it lives.
#[derive(Debug)]
pub(crate) struct Ticking<'t>(&'t Shared);

impl Ticker {
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread_shared = Arc::clone(&shared);
        let engine = engine.weak();
        let handle = thread::Builder::new()
            .name("epochs".into())
            .spawn(move || tick(&thread_shared, &engine))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Counts what computes in the background: turns there are shorter.
    pub(crate) fn background(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.shared.background)
    }

    /// A call begins.
    pub(crate) fn ticking(&self) -> Ticking<'_> {
        // Sequentially consistent with `tick`: either this sees that the thread rests, or the thread sees this call.
        self.shared.under_way.fetch_add(1, Ordering::SeqCst);
        if self.shared.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(&self.shared)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut quiet = 0;
    while !shared.stopped.load(Ordering::SeqCst) {
        quiet = if shared.under_way.load(Ordering::SeqCst) == 0 {
            quiet + 1
        } else {
            0
        };
        if quiet < TICKS_BEFORE_REST {
            thread::sleep(match shared.background.load(Ordering::Relaxed) {
                0 => limits::EPOCH_TICK,
                _ => limits::BACKGROUND_TICK,
            });
        } else {
            shared.resting.store(true, Ordering::SeqCst);
            while shared.under_way.load(Ordering::SeqCst) == 0
                && !shared.stopped.load(Ordering::SeqCst)
            {
                thread::park();
            }
            shared.resting.store(false, Ordering::SeqCst);
            quiet = 0;
        }
        let Some(engine) = engine.upgrade() else {
            return;
        };
        engine.increment_epoch();
    }
}
