//! One task that wakes runs whose time has come. What waits is in the store; memory holds only the next time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tombolo_kernel::limits;

use super::{Engine, dispatch};

/// Rows read at once.
const PAGE: usize = 512;
/// How long it sleeps at most: also how soon a gap in the log is looked at.
const LONGEST: Duration = Duration::from_secs(60);
/// How long it sleeps when all that is due is in hands already, or the store fails.
const SHORT: Duration = Duration::from_secs(1);

/// When to look next.
#[derive(Default)]
pub(super) struct Timer {
    /// Milliseconds since the epoch; 0 while it looks.
    next_ms: AtomicU64,
    notify: Notify,
}

impl Timer {
    /// Something is due then; 0 for now.
    pub(super) fn hint(&self, at_ms: u64) {
        let next = self.next_ms.load(Ordering::SeqCst);
        if at_ms == 0 || next == 0 || at_ms < next {
            self.notify.notify_one();
        }
    }
}

/// Runs until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut gap = None;
    loop {
        engine.timer.next_ms.store(0, Ordering::SeqCst);
        if engine.is_stopping() {
            return;
        }
        let pause = look(&engine).await;
        gap = mend(&engine, gap).await;
        if !pause.is_zero() {
            let pause = if gap.is_some() {
                pause.min(SHORT)
            } else {
                pause
            };
            let _ = tokio::time::timeout(pause, engine.timer.notify.notified()).await;
        }
    }
}

/// Takes up what is due; says how long to sleep.
async fn look(engine: &Arc<Engine>) -> Duration {
    let under_way = engine.under_way.load(Ordering::Relaxed);
    if under_way > limits::RUNS_UNDER_WAY / 2 {
        return Duration::from_millis(50);
    }
    let held = engine.held.lock().len();
    let limit = u32::try_from(PAGE + held).unwrap_or(u32::MAX);
    let now = engine.now();
    let rows = match engine.parts.store.due(now, limit).await {
        Ok(rows) => rows,
        Err(error) => {
            engine.store_answered(Some(&error));
            return SHORT;
        }
    };
    let mut taken = 0usize;
    for row in rows {
        taken += usize::from(engine.take_up(row.id, None));
    }
    if taken >= PAGE {
        return Duration::from_millis(1);
    }
    match engine.parts.store.next_wake().await {
        Ok(None) => {
            engine.timer.next_ms.store(u64::MAX, Ordering::SeqCst);
            LONGEST
        }
        Ok(Some(next)) if next <= now => {
            engine.timer.next_ms.store(1, Ordering::SeqCst);
            SHORT
        }
        Ok(Some(next)) => {
            engine.timer.next_ms.store(next, Ordering::SeqCst);
            Duration::from_millis(next.saturating_sub(engine.now()).max(1)).min(LONGEST)
        }
        Err(error) => {
            engine.store_answered(Some(&error));
            SHORT
        }
    }
}

/// Events that the log has and no publisher reported.
struct Gap {
    from: i64,
    to: i64,
    since: Instant,
}

/// Events whose publisher has not reported them for a while (its reply was lost): they are read and dispatched, so that
/// lanes behind them do not stand still.
async fn mend(engine: &Arc<Engine>, before: Option<Gap>) -> Option<Gap> {
    let (from, to) = engine.sequence.lock().gap()?;
    let since = Instant::now();
    let gap = before
        .filter(|gap| (gap.from, gap.to) == (from, to))
        .unwrap_or(Gap { from, to, since });
    if gap.since.elapsed() < SHORT {
        return Some(gap);
    }
    let limit = u32::try_from(to - from + 1)
        .unwrap_or(1)
        .min(limits::LISTING);
    let events = engine
        .parts
        .store
        .events_after(from - 1, limit)
        .await
        .ok()?;
    let flows = engine.flows.load_full();
    let found: Vec<dispatch::Placed> = events
        .into_iter()
        .filter(|stored| stored.seq <= to)
        .map(|stored| (stored.seq, Some(stored.event)))
        .collect();
    tracing::warn!(
        from,
        to,
        "events were stored whose publishers never heard of it; dispatched now"
    );
    let engine = Arc::clone(engine);
    tokio::spawn(async move { dispatch::dispatch(&engine, &flows, found).await });
    None
}
