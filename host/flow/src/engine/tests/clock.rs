//! A clock that follows tokio's, which tests pause and advance, and can be set like the one on the wall.

use std::sync::atomic::{AtomicU64, Ordering};

use tombolo_kernel::clock::{Clock, Millis};

#[derive(Debug)]
pub(super) struct TokioClock {
    start: tokio::time::Instant,
    start_ms: AtomicU64,
}

impl TokioClock {
    pub(super) fn starting_at(start_ms: Millis) -> Self {
        Self {
            start: tokio::time::Instant::now(),
            start_ms: AtomicU64::new(start_ms),
        }
    }

    /// Sets it forth, or back, by so many hours.
    pub(super) fn set_by(&self, hours: i64) {
        let by = hours.unsigned_abs() * 3_600_000;
        match hours {
            0.. => self.start_ms.fetch_add(by, Ordering::SeqCst),
            _ => self.start_ms.fetch_sub(by, Ordering::SeqCst),
        };
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> Millis {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.start_ms.load(Ordering::SeqCst) + passed
    }
}
