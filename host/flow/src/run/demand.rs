//! `check`: what is demanded of the data is looked at all at once, so that a person reads everything that is wrong in
//! one go. What does not hold is invalid input: the step has failed for good, with the paths of the fields. Beside a
//! call the answer is looked at, and beginning the step again asks again.

use tombolo_kernel::failure::{Failure, FieldProblem};

use super::failing::Note;
use super::make::{Fault, Move};
use super::strand::{Ground, Strand};
use crate::definition::{Demand, Step};
use crate::trace::AttemptTrace;

impl Move<'_, '_> {
    /// Looks at what is demanded of a step that has ended well but for this.
    pub(super) fn check(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
    ) -> Result<(), Fault> {
        let problems: Vec<FieldProblem> = step
            .demands
            .iter()
            .filter_map(|demand| self.problem(strand, ground, demand))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        let failure = Failure::InvalidInput { problems };
        let note = Note::of(ground.address(step), &failure, failure.to_string());
        if let Some(trace) = strand.step_trace(step.depth) {
            match trace.attempts.last_mut() {
                Some(attempt) => attempt.failure = Some(failure),
                None => trace.attempt(AttemptTrace {
                    at_ms: self.around.now_ms,
                    took_ms: 0,
                    failure: Some(failure),
                    crashed: false,
                    next_ms: None,
                }),
            }
        }
        Err(Fault::Inside(note))
    }

    /// What is wrong. A condition that has no value does not hold.
    fn problem(
        &self,
        strand: &Strand,
        ground: &Ground<'_>,
        demand: &Demand,
    ) -> Option<FieldProblem> {
        let scope = self.scope(strand, ground);
        let message = match demand.that.condition(&scope) {
            Ok(true) => return None,
            Ok(false) => {
                let mut says = String::new();
                match demand.says.write_text(&scope, &mut says) {
                    Ok(()) => says,
                    Err(error) => format!("{} does not hold ({error})", demand.that.source()),
                }
            }
            Err(error) => error.to_string(),
        };
        Some(FieldProblem {
            path: demand.field.clone(),
            message,
        })
    }
}
