//! Calls of one run that are under way side by side.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Engine, Run};
use crate::run::{Called, Input, Wanted};

/// How a call ended.
pub(super) struct CallEnd {
    pub(super) call: u64,
    pub(super) called: Called,
    /// It went well and changed something outside.
    pub(super) changed: bool,
}

/// Of one run.
#[derive(Default)]
pub(super) struct UnderWay {
    calls: JoinSet<CallEnd>,
}

impl UnderWay {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

impl Engine {
    /// Makes these calls and waits until one that is under way has ended, or for the time.
    pub(super) async fn next_end(
        self: &Arc<Self>,
        run: &mut Run,
        under_way: &mut UnderWay,
        mut wanted: Vec<Wanted>,
        until_ms: Option<u64>,
    ) -> Input {
        // Nearly every run makes one call at a time: it needs no task of its own.
        if under_way.is_empty()
            && until_ms.is_none()
            && wanted.len() == 1
            && let Some(only) = wanted.pop()
        {
            let ended = self.call(&run.id, only).await;
            return take(run, ended);
        }
        for wanted in wanted {
            let (engine, id) = (Arc::clone(self), run.id.clone());
            under_way
                .calls
                .spawn(async move { engine.call(&id, wanted).await });
        }
        loop {
            let left = until_ms.map(|until| until.saturating_sub(self.now()));
            let ended = match left {
                None => under_way.calls.join_next().await,
                Some(left) => {
                    let ended = under_way.calls.join_next();
                    match tokio::time::timeout(Duration::from_millis(left.max(1)), ended).await {
                        Ok(ended) => ended,
                        Err(_) => return self.what_happened(run).await,
                    }
                }
            };
            match ended {
                Some(Ok(ended)) => return take(run, ended),
                // A call panics only by a fault of the host; the others go on, and the run is taken up at the next start.
                Some(Err(error)) => tracing::error!(run = run.id, %error, "a call was lost"),
                None => return self.what_happened(run).await,
            }
        }
    }
}

fn take(run: &mut Run, ended: CallEnd) -> Input {
    run.dirty |= ended.changed;
    Input::Called(ended.call, ended.called)
}
