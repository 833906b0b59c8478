//! The engine's side of the store: a write that must happen is tried until it does, and nothing goes on before.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tombolo_store::StoreError;

use super::Engine;

/// First pause after a failed write, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

impl Engine {
    /// Says once when the store begins to fail, and once when it works again.
    pub(super) fn store_answered(&self, error: Option<&StoreError>) {
        match error {
            Some(StoreError::Unavailable(message)) => {
                if !self.store_is_down.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        message,
                        "the store cannot write; runs stand still and nothing is acknowledged"
                    );
                }
            }
            Some(_) => {}
            None => {
                if self.store_is_down.load(Ordering::Relaxed)
                    && self.store_is_down.swap(false, Ordering::Relaxed)
                {
                    tracing::info!("the store works again; runs go on");
                }
            }
        }
    }

    /// Asks until the store is available again. `None`: the engine stops, or the store says that it can never be.
    pub(super) async fn insist<'s, T>(
        &'s self,
        what: &str,
        mut ask: impl FnMut() -> BoxFuture<'s, Result<T, StoreError>>,
    ) -> Option<T> {
        let mut pause = PAUSES.0;
        loop {
            match ask().await {
                Ok(answer) => {
                    self.store_answered(None);
                    return Some(answer);
                }
                Err(error @ StoreError::Unavailable(_)) => self.store_answered(Some(&error)),
                Err(error) => {
                    tracing::error!(what, %error, "the store refused; this is a fault of the host");
                    return None;
                }
            }
            if self.is_stopping() {
                return None;
            }
            let _ = tokio::time::timeout(pause, self.stop.notified()).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}
