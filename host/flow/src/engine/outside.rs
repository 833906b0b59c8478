//! Calls outside of runs, as feeds and reconciliations make them: they keep to the system's rate and its calls at a time,
//! rest while it is down, and tell whether it is. They come one at a time, so they do not wait behind all the runs that
//! the store keeps for the system.

use std::sync::Arc;

use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;
use tombolo_kernel::system::{ActionCall, Outcome};

use super::Engine;
use crate::delivery::{Retry, RetryWish};

/// Why a call outside of runs brought nothing.
#[derive(Debug)]
pub enum Untaken {
    /// It was not made: its system takes none now.
    Rests {
        /// For people.
        why: String,
        /// For how long, milliseconds; none: until somebody changes that.
        for_ms: Option<u64>,
    },
    /// It was made and failed.
    Failed(Failure),
}

impl From<Failure> for Untaken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// For who makes no difference.
impl From<Untaken> for Failure {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Failed(failure) => failure,
            Untaken::Rests { why, for_ms } => Self::Unavailable {
                message: why,
                retry_after_ms: for_ms,
            },
        }
    }
}

impl Engine {
    /// Makes a call to a system when its turn comes, such as reading a page of a feed.
    ///
    /// # Errors
    /// The call's, or that the system rests: then it was not made.
    pub async fn in_turn<T>(
        self: &Arc<Self>,
        system: &str,
        call: impl Future<Output = Outcome<T>>,
    ) -> Result<T, Untaken> {
        let out_of_service = || {
            let why = self.parts.actor.rests(system)?;
            Some(Untaken::Rests { why, for_ms: None })
        };
        if let Some(rests) = out_of_service() {
            return Err(rests);
        }
        let gate = self.gates.of(system);
        let Some(turn) = gate.enter_beside(&*self.parts.clock).await else {
            return Err(Untaken::Rests {
                why: format!("{system} is down"),
                for_ms: gate.breaker.rests_for(self.now()),
            });
        };
        let outcome = call.await;
        if matches!(outcome.result, Err(Failure::Unavailable { .. }))
            && let Some(rests) = out_of_service()
        {
            // It was taken out of service on the way: no fault of the call.
            return Err(rests);
        }
        self.judge(&gate, &outcome.result, turn.is_probe);
        Ok(outcome.result?)
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
        Ok(self.in_turn(system, actor.act(system, call)).await?)
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
