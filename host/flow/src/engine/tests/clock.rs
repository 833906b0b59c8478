//! A clock that follows tokio's, which tests pause and advance.

use tombolo_kernel::clock::{Clock, Millis};

#[derive(Debug, Clone, Copy)]
pub(super) struct TokioClock {
    start: tokio::time::Instant,
    start_ms: Millis,
}

impl TokioClock {
    pub(super) fn starting_at(start_ms: Millis) -> Self {
        Self {
            start: tokio::time::Instant::now(),
            start_ms,
        }
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> Millis {
        self.start_ms + u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
