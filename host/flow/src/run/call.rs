//! Steps that call an action: input, deadline, the end of an attempt, the next one.

use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

use super::make::{Fault, Move};
use super::{Called, Decision, Waiting, pause_ms};
use crate::definition::{Call, Step};
use crate::trace::{AttemptTrace, StepStatus, cut};

impl Move<'_, '_> {
    pub(super) fn call(&mut self, step: &Step, call: &Call) -> Result<Decision, Fault> {
        let mut input = String::with_capacity(256);
        call.with.write_json(&self.scope(), &mut input)?;
        if input.len() > limits::JSON_BYTES {
            let most = limits::JSON_BYTES;
            return Err(Fault::Message(format!(
                "the input has {} bytes, expected at most {most}",
                input.len()
            )));
        }
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.status = StepStatus::Running;
            if trace.input.is_empty() {
                trace.input = cut(&input);
            }
        }
        self.state.waiting = None;
        Ok(Decision::Call {
            step: self.state.at,
            input,
            attempt: self.state.attempts + 1,
            until_ms: self.deadline(step),
        })
    }

    /// When the step is given up.
    pub(super) fn deadline(&self, step: &Step) -> Option<u64> {
        step.timeout_ms.map(|timeout| {
            self.state
                .began_ms
                .unwrap_or(self.around.now_ms)
                .saturating_add(timeout)
        })
    }

    /// Takes a call's end; `Err` is what to do when the step does not end well now.
    pub(super) fn called(&mut self, step: &Step, called: Called) -> Result<(), Decision> {
        let now = self.around.now_ms;
        self.state.attempts += 1;
        let attempt = self.state.attempts;
        let next_ms = called
            .result
            .as_ref()
            .err()
            .and_then(|failure| self.next_attempt(step, failure));
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.note(attempt, called.outward);
            trace.attempts.push(AttemptTrace {
                at_ms: called.at_ms,
                took_ms: now.saturating_sub(called.at_ms),
                failure: called.result.as_ref().err().cloned(),
                crashed: called.crashed,
                next_ms,
            });
            if next_ms.is_some() {
                trace.status = StepStatus::Waiting;
            }
        }
        match (called.result, next_ms) {
            (Ok(result), _) => {
                self.end(step, step.next, Some(&result));
                if step.kept {
                    self.keep(step, result)
                        .map_err(|fault| self.die(step, &fault.to_string()))?;
                }
                Ok(())
            }
            (Err(_), Some(at_ms)) => {
                self.state.waiting = Some(Waiting::Retry { at_ms });
                Err(Decision::Wait {
                    until_ms: Some(at_ms),
                })
            }
            (Err(failure), None) => Err(self.die(step, &self.last_words(step, &failure))),
        }
    }

    pub(super) fn next_attempt(&self, step: &Step, failure: &Failure) -> Option<u64> {
        if !failure.is_passing() || self.state.attempts >= step.retry.attempts {
            return None;
        }
        let seed = (self.around.run, step.id.as_str());
        let pause = pause_ms(
            step.retry,
            self.state.attempts,
            failure.retry_after_ms(),
            seed,
        );
        let at = self.around.now_ms.saturating_add(pause);
        self.deadline(step)
            .is_none_or(|deadline| at < deadline)
            .then_some(at)
    }

    pub(super) fn last_words(&self, step: &Step, failure: &Failure) -> String {
        let attempts = self.state.attempts;
        match failure.is_passing() {
            true if attempts < step.retry.attempts => {
                format!("{failure} (attempt {attempts}; its timeout leaves no time for another)")
            }
            true => format!("{failure} (attempt {attempts} of {})", step.retry.attempts),
            false => failure.to_string(),
        }
    }
}
