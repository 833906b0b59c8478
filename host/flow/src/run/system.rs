//! Steps whose system is down or has too much to do: they wait, and no attempt is made or used up meanwhile.

use super::failing::{Note, depth_of_undo};
use super::make::{Fault, Made, Move};
use super::strand::{Ground, Strand, Waiting};
use crate::definition::{Call, Kind};
use crate::trace::StepStatus;

impl Move<'_, '_> {
    /// The strand's call was not made.
    pub(super) fn parked(&mut self, strand: &mut Strand, ground: &Ground<'_>) -> Made {
        strand.unsure = strand.was_unsure;
        let program = &ground.flow.program;
        if let Some(failing) = &strand.failing {
            let depth = depth_of_undo(program.get(failing.at));
            if let Some(system) = strand.undo.last().map(|taken| taken.system.clone()) {
                self.wait_for_system(strand, depth, &system, None);
            }
        } else if let Some(step) = program.get(strand.at)
            && let Kind::Call(Call { system, .. }) = &step.kind
        {
            let deadline = self.deadline(strand, step);
            self.wait_for_system(strand, step.depth, system, deadline);
        }
        Made::Wait
    }

    /// An attempt is made when the system answers again.
    pub(super) fn wait_for_system(
        &mut self,
        strand: &mut Strand,
        depth: usize,
        system: &str,
        until_ms: Option<u64>,
    ) {
        if let Some(trace) = strand.step_trace(depth) {
            trace.status = StepStatus::Waiting;
        }
        strand.waiting = Some(Waiting::System {
            system: system.to_owned(),
            until_ms,
        });
        self.still_waits(until_ms);
    }

    /// Tries again, or gives the step up where its timeout came first.
    pub(super) fn await_system(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        system: &str,
        until_ms: Option<u64>,
    ) -> Made {
        if !self.tries_again {
            self.still_waits(until_ms);
            return Made::Wait;
        }
        if until_ms.is_none_or(|until| self.around.now_ms < until) {
            strand.waiting = None;
            return Made::On;
        }
        let step = ground.flow.program.get(strand.at);
        self.fail(
            strand,
            ground,
            Fault::Inside(Note {
                step: step.map_or_else(String::new, |step| ground.address(step)),
                kind: "unavailable".to_owned(),
                code: String::new(),
                message: format!("its timeout passed while it waited for the system \"{system}\""),
            }),
        )
    }

    fn still_waits(&mut self, until_ms: Option<u64>) {
        self.needs_system = true;
        if let Some(until_ms) = until_ms {
            self.wake_at(until_ms);
        }
    }
}
