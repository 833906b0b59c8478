//! By whose leave a running version runs, and how that ends: taken away, the calls under way are dropped where they
//! wait, with the requests, statements and messages they had going out, and no other begins.

use std::sync::Arc;

use tokio::sync::watch;

/// Leave to run, for one version of one system.
#[derive(Debug)]
pub(super) struct Leave(watch::Sender<Option<Arc<str>>>);

/// Tells when nothing of a version is left: neither a call nor anybody who could begin one.
#[derive(Debug)]
pub(super) struct Ending(watch::Receiver<Option<Arc<str>>>);

impl Default for Leave {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Leave {
    /// Takes it away, for good. The first reason stays.
    pub(super) fn take(&self, why: &Arc<str>) {
        self.0.send_if_modified(|taken| {
            let first = taken.is_none();
            taken.get_or_insert_with(|| Arc::clone(why));
            first
        });
    }

    /// Why it was taken away, once it is.
    pub(super) async fn taken(&self) -> Arc<str> {
        let mut receiver = self.0.subscribe();
        let taken = receiver.wait_for(Option::is_some).await;
        let why = taken.ok().and_then(|why| why.as_ref().map(Arc::clone));
        match why {
            Some(why) => why,
            // The sender is this value: it outlives the wait.
            None => std::future::pending().await,
        }
    }

    /// To wait for the end of the last call.
    pub(super) fn ending(&self) -> Ending {
        Ending(self.0.subscribe())
    }
}

impl Ending {
    /// Waits until nothing of the version is left.
    pub(super) async fn ended(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}
