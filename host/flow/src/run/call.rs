//! Steps that call an action: input, deadline, the end of an attempt, the next one.

use serde_json::value::RawValue;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

use super::failing::Note;
use super::make::{Fault, Made, Move};
use super::strand::{Ground, Strand, Waiting};
use super::{Called, Wanted, pause_ms};
use crate::definition::{Call, Kind, Step};
use crate::delivery::{Retry, RetryWish};
use crate::trace::{AttemptTrace, StepStatus, cut};

/// Of what a call is an attempt.
pub(super) struct Attempt<'s> {
    /// Where the step stands in its strand's trace.
    pub(super) depth: usize,
    pub(super) system: &'s str,
    /// The step's name in the run.
    pub(super) address: &'s str,
    pub(super) retry: Retry,
    /// When the step is given up.
    pub(super) deadline: Option<u64>,
}

impl Move<'_, '_> {
    pub(super) fn call(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        call: &Call,
    ) -> Result<Made, Fault> {
        let input = self.input(strand, ground, call, strand.given.as_deref())?;
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Running;
            if trace.input.is_empty() {
                trace.input = cut(&input);
            }
        }
        let until_ms = self.deadline(strand, step);
        self.want(
            strand,
            ground.address(step),
            (&call.system, &call.action),
            input,
            step.retry,
            until_ms,
        );
        Ok(Made::Wait)
    }

    /// What the call is made with: a person's input, else the flow's.
    pub(super) fn input(
        &self,
        strand: &Strand,
        ground: &Ground<'_>,
        call: &Call,
        given: Option<&RawValue>,
    ) -> Result<String, Fault> {
        let input = match given {
            Some(given) => given.get().to_owned(),
            None => {
                let mut input = String::with_capacity(256);
                call.with
                    .write_json(&self.scope(strand, ground), &mut input)?;
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

    /// Asks the engine for an attempt.
    pub(super) fn want(
        &mut self,
        strand: &mut Strand,
        step: String,
        (system, action): (&str, &str),
        input: String,
        retry: RetryWish,
        until_ms: Option<u64>,
    ) {
        self.counted.calls += 1;
        let call = self.counted.calls;
        strand.waiting = None;
        strand.calling = Some(call);
        strand.was_unsure = std::mem::replace(&mut strand.unsure, true);
        self.calling = true;
        self.calls.push(Wanted {
            call,
            step,
            system: system.to_owned(),
            action: action.to_owned(),
            input,
            attempt: strand.attempts + 1,
            failed: strand.counted(),
            retry,
            until_ms,
        });
    }

    /// When the step is given up.
    pub(super) fn deadline(&self, strand: &Strand, step: &Step) -> Option<u64> {
        step.timeout_ms.map(|timeout| {
            strand
                .began_ms
                .unwrap_or(self.around.now_ms)
                .saturating_add(timeout)
        })
    }

    /// Takes a call's end.
    pub(super) fn called(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        called: Called,
    ) -> Made {
        strand.unsure = false;
        if strand.failing.is_some() {
            return self.took_back(strand, ground, called);
        }
        let Some(step) = ground.flow.program.get(strand.at) else {
            return Made::On;
        };
        let deadline = self.deadline(strand, step);
        let address = ground.address(step);
        let Kind::Call(Call { system, .. }) = &step.kind else {
            return Made::On;
        };
        let retry = step.retry.over(called.policy);
        let attempt = Attempt {
            depth: step.depth,
            system,
            address: &address,
            retry,
            deadline,
        };
        let result = self.attempt(strand, &attempt, called);
        match result {
            Ok(result) => match self.end(strand, ground, step, step.next, Some(result)) {
                Ok(()) => Made::On,
                Err(fault) => self.fail(strand, ground, fault),
            },
            Err(None) => Made::Wait,
            Err(Some(failure)) => {
                let message = last_words(strand.counted(), retry, &failure);
                let note = Note::of(address, &failure, message);
                self.fail(strand, ground, Fault::Inside(note))
            }
        }
    }

    /// Notes an attempt's end. Without a failure there is another attempt, for which the strand waits.
    pub(super) fn attempt(
        &mut self,
        strand: &mut Strand,
        of: &Attempt<'_>,
        called: Called,
    ) -> Result<String, Option<Failure>> {
        let now = self.around.now_ms;
        strand.attempts += 1;
        let attempt = strand.attempts;
        if called.outage {
            // Those before met the same outage.
            strand.excused = attempt;
        }
        let counted = strand.counted();
        let failure = called.result.as_ref().err();
        let next_ms = failure.filter(|_| !called.outage).and_then(|failure| {
            if !failure.is_passing() || counted >= of.retry.attempts {
                return None;
            }
            let seed = (self.around.run, of.address);
            let pause = pause_ms(of.retry, counted, failure.retry_after_ms(), seed);
            let at = now.saturating_add(pause);
            of.deadline
                .is_none_or(|deadline| at < deadline)
                .then_some(at)
        });
        if let Some(trace) = strand.step_trace(of.depth) {
            trace.note(attempt, &called.outward);
            trace.attempt(AttemptTrace {
                at_ms: called.at_ms,
                took_ms: now.saturating_sub(called.at_ms),
                failure: failure.cloned(),
                crashed: called.crashed,
                next_ms,
            });
            if next_ms.is_some() {
                trace.status = StepStatus::Waiting;
            }
        }
        match (called.result, next_ms) {
            (Ok(result), _) => Ok(result),
            (Err(_), Some(at_ms)) => {
                strand.waiting = Some(Waiting::Retry { at_ms });
                self.wake_at(at_ms);
                Err(None)
            }
            (Err(_), None) if called.outage => {
                self.wait_for_system(strand, of.depth, of.system, of.deadline);
                Err(None)
            }
            (Err(failure), None) => Err(Some(failure)),
        }
    }
}

pub(super) fn last_words(attempts: u32, retry: Retry, failure: &Failure) -> String {
    match failure.is_passing() {
        true if attempts < retry.attempts => {
            format!("{failure} (attempt {attempts}; its timeout leaves no time for another)")
        }
        true => format!("{failure} (attempt {attempts} of {})", retry.attempts),
        false => failure.to_string(),
    }
}
