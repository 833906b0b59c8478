//! Calls of one run that are under way side by side.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::system::{ActionOffer, Terms, lane};

use super::gate::Ahead;
use super::{Engine, Run};
use crate::delivery::RetryWish;
use crate::run::{Called, Input, Wanted};

/// How a call ended.
pub(super) struct CallEnd {
    pub(super) call: u64,
    /// None: it was not made, the run waits for its system.
    pub(super) called: Option<Called>,
    /// The run must be written before it makes another call.
    pub(super) weighs: bool,
}

/// What a call needs to know of its run.
pub(super) struct Caller {
    pub(super) run: String,
    /// The hash of its lane; a run without one is a lane of its own. `None`: no version on trial takes the call.
    pub(super) lane: Option<u64>,
    pub(super) ahead: Option<Arc<Ahead>>,
    /// The system for which the run's row says that it waits.
    pub(super) parked_on: Option<String>,
    /// What is known of its action.
    pub(super) offer: Option<Arc<ActionOffer>>,
    /// What is kept back from its system, of all that the run knows.
    pub(super) withheld: Gathered,
}

/// Of one run.
#[derive(Default)]
pub(super) struct UnderWay {
    calls: JoinSet<CallEnd>,
    /// Which task makes which call.
    numbers: HashMap<Id, u64>,
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
            let ended = self.call(&self.caller(run, &only), only).await;
            return take(run, ended);
        }
        for wanted in wanted {
            let (engine, caller) = (Arc::clone(self), self.caller(run, &wanted));
            let call = wanted.call;
            let task = under_way
                .calls
                .spawn(async move { engine.call(&caller, wanted).await });
            under_way.numbers.insert(task.id(), call);
        }
        let left = until_ms.map(|until| until.saturating_sub(self.now()));
        let next = under_way.calls.join_next_with_id();
        let ended = match left {
            None => next.await,
            Some(left) => tokio::time::timeout(Duration::from_millis(left.max(1)), next)
                .await
                .unwrap_or(None),
        };
        match ended {
            Some(Ok((task, ended))) => {
                under_way.numbers.remove(&task);
                take(run, ended)
            }
            Some(Err(error)) => match under_way.numbers.remove(&error.id()) {
                Some(call) => {
                    run.dirty = true;
                    Input::Called(call, self.lost(&error))
                }
                None => self.what_happened(run).await,
            },
            // The time has come.
            None => self.what_happened(run).await,
        }
    }
}

impl Engine {
    fn caller(&self, run: &Run, wanted: &Wanted) -> Caller {
        let name = if run.lane.is_empty() {
            &run.id
        } else {
            &run.lane
        };
        // After attempts that failed the last is not a trial: a version that is tried uses up no run.
        let is_last = wanted.failed > 0 && {
            let policy = self.gates.of(&wanted.system).delivery().retry;
            wanted.failed + 1 >= wanted.retry.over(policy).attempts
        };
        let lane = (!is_last).then(|| lane(name));
        let actor = &self.parts.actor;
        let Terms { offer, fields } = actor.terms(&wanted.system, &wanted.action, lane);
        Caller {
            run: run.id.clone(),
            lane,
            ahead: run.ahead.clone(),
            parked_on: run.parked_on.as_ref().map(|(system, _)| system.clone()),
            offer,
            withheld: match fields {
                Some(fields) => {
                    // Serializing our own types into memory does not fail; what were not JSON would be refused.
                    let state = serde_json::to_string(&run.state).unwrap_or_default();
                    Gathered::by(fields, [run.event.data().raw(), &state])
                }
                None => Gathered::By(None),
            },
        }
    }

    /// A call whose task panicked: a fault of the host, that its run must outlive.
    fn lost(&self, error: &JoinError) -> Called {
        tracing::error!(%error, "a call was lost");
        Called {
            result: Err(Failure::Internal {
                message: "the host lost the call; its log tells more".to_owned(),
            }),
            at_ms: self.now(),
            crashed: true,
            outward: Vec::new(),
            outage: false,
            policy: RetryWish::default(),
        }
    }
}

fn take(run: &mut Run, ended: CallEnd) -> Input {
    let Some(called) = ended.called else {
        return Input::Parked(ended.call);
    };
    run.dirty |= ended.weighs;
    run.parked_on = None;
    Input::Called(ended.call, called)
}
