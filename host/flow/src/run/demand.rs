//! The step `check`: what is demanded of the data is looked at all at once, so that a person reads everything that is
//! wrong in one go. What does not hold is invalid input: the step has failed for good, with the paths of the fields.

use tombolo_kernel::failure::{Failure, FieldProblem};

use super::failing::Note;
use super::make::{Fault, Made, Move};
use super::strand::{Ground, Strand};
use crate::definition::{Demand, Step};
use crate::trace::AttemptTrace;

impl Move<'_, '_> {
    pub(super) fn check(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        demands: &[Demand],
    ) -> Result<Made, Fault> {
        let problems: Vec<FieldProblem> = demands
            .iter()
            .filter_map(|demand| self.problem(strand, ground, demand))
            .collect();
        if problems.is_empty() {
            self.end(strand, ground, step, step.next, None)?;
            return Ok(Made::On);
        }
        let failure = Failure::InvalidInput { problems };
        let note = Note::of(ground.address(step), &failure, failure.to_string());
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.attempt(AttemptTrace {
                at_ms: self.around.now_ms,
                took_ms: 0,
                failure: Some(failure),
                crashed: false,
                next_ms: None,
            });
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
