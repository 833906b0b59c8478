//! Steps that call an action: input, deadline, the end of an attempt, the next one.

use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

use super::make::{Fault, Move};
use super::{Called, Decision, Waiting, pause_ms};
use crate::definition::{Call, Kind, Step};
use crate::delivery::Retry;
use crate::trace::{AttemptTrace, StepStatus, cut};

impl Move<'_, '_> {
    pub(super) fn call(&mut self, step: &Step, call: &Call) -> Result<Decision, Fault> {
        let input = self.input(call)?;
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

    /// What the call is made with: a person's input, else the flow's.
    pub(super) fn input(&self, call: &Call) -> Result<String, Fault> {
        let input = match &self.state.given {
            Some(given) => given.clone(),
            None => {
                let mut input = String::with_capacity(256);
                call.with.write_json(&self.scope(), &mut input)?;
                input
            }
        };
        if input.len() > limits::JSON_BYTES {
            let most = limits::JSON_BYTES;
            return Err(Fault::Message(format!(
                "the input has {} bytes, expected at most {most}",
                input.len()
            )));
        }
        Ok(input)
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
        if called.outage {
            // Those before met the same outage.
            self.state.excused = attempt;
        }
        let retry = step.retry.over(called.policy);
        let next_ms = match &called.result {
            Err(failure) if !called.outage => self.next_attempt(step, retry, failure),
            _ => None,
        };
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.note(attempt, called.outward);
            trace.attempt(AttemptTrace {
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
            (Err(_), None) if called.outage => Err(self.wait_for_system(step)),
            (Err(failure), None) => Err(self.die(step, &self.last_words(retry, &failure))),
        }
    }

    /// The run waits for the step's system; an attempt is made when that answers again.
    pub(super) fn wait_for_system(&mut self, step: &Step) -> Decision {
        let until_ms = self.deadline(step);
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.status = StepStatus::Waiting;
        }
        if let Kind::Call(Call { system, .. }) = &step.kind {
            let system = system.clone();
            self.state.waiting = Some(Waiting::System { system, until_ms });
        }
        Decision::Wait { until_ms }
    }

    /// The step's timeout came before its system did.
    pub(super) fn gave_up_on(&mut self, step: &Step, system: &str) -> Decision {
        let why = format!("its timeout passed while it waited for the system \"{system}\"");
        self.die(step, &why)
    }

    /// Attempts that count.
    fn counted(&self) -> u32 {
        self.state.attempts.saturating_sub(self.state.excused)
    }

    fn next_attempt(&self, step: &Step, retry: Retry, failure: &Failure) -> Option<u64> {
        let counted = self.counted();
        if !failure.is_passing() || counted >= retry.attempts {
            return None;
        }
        let seed = (self.around.run, step.id.as_str());
        let pause = pause_ms(retry, counted, failure.retry_after_ms(), seed);
        let at = self.around.now_ms.saturating_add(pause);
        self.deadline(step)
            .is_none_or(|deadline| at < deadline)
            .then_some(at)
    }

    fn last_words(&self, retry: Retry, failure: &Failure) -> String {
        let counted = self.counted();
        match failure.is_passing() {
            true if counted < retry.attempts => {
                format!("{failure} (attempt {counted}; its timeout leaves no time for another)")
            }
            true => format!("{failure} (attempt {counted} of {})", retry.attempts),
            false => failure.to_string(),
        }
    }
}
