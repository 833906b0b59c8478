//! Calls outside of runs, as a reconciliation makes them: they keep to the system's rate and its calls at a time, rest
//! while it is down, and tell whether it is.

use std::sync::Arc;

use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::{ActionCall, Outcome};

use super::Engine;
use crate::delivery::{Retry, RetryWish};

impl Engine {
    /// Makes a call to a system when its turn comes, such as reading a page of a feed.
    ///
    /// # Errors
    /// The call's, or that the system is down or its runs go first: then it was not made.
    pub async fn in_turn<T>(
        self: &Arc<Self>,
        system: &str,
        call: impl Future<Output = Outcome<T>>,
    ) -> Result<T, Failure> {
        if let Some(message) = self.parts.actor.rests(system) {
            return Err(Failure::Unavailable {
                message,
                retry_after_ms: None,
            });
        }
        let gate = self.gates.of(system);
        let Some(turn) = gate.enter(&*self.parts.clock, None, false).await else {
            return Err(Failure::Unavailable {
                message: format!("{system} is down, or runs that waited for it go first"),
                retry_after_ms: gate.breaker.rests_for(self.now()),
            });
        };
        let outcome = call.await;
        self.judge(&gate, &outcome.result, turn.is_probe);
        outcome.result
    }

    /// Asks a system for an action when its turn comes, with an input that fits.
    ///
    /// # Errors
    /// As [`Self::in_turn`], or what is wrong with the input.
    pub async fn ask(self: &Arc<Self>, system: &str, call: ActionCall) -> Result<String, Failure> {
        let actor = &self.parts.actor;
        if let Some(offer) = actor.offer(system, &call.action) {
            self.schemas
                .check(system, &call.action, &offer, &call.input)?;
        }
        self.in_turn(system, actor.act(system, call)).await
    }

    /// Attempts and pauses of such calls, as the system's file says.
    #[must_use]
    pub fn retry_of(&self, system: &str) -> Retry {
        let delivery = self.gates.of(system).delivery();
        let retry = RetryWish::default().over(delivery.retry);
        Retry {
            attempts: retry.attempts.min(limits::ATTEMPTS_MOST),
            ..retry
        }
    }
}
