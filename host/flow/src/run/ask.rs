//! `ask`: a question to a person, and its answer.

use tombolo_kernel::limits;
use tombolo_store::{TaskAnswer, TaskRow};

use super::make::{Fault, Made, Move};
use super::strand::{Ground, Strand, Waiting};
use crate::definition::{Ask, Kind, Step};
use crate::json::write_string;
use crate::trace::{StepStatus, cut};

impl Move<'_, '_> {
    pub(super) fn ask(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        ask: &Ask,
    ) -> Result<Made, Fault> {
        let mut question = String::new();
        ask.question
            .write_text(&self.scope(strand, ground), &mut question)?;
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.input = cut(&question);
        }
        let task = TaskRow {
            id: (self.around.new_task)(self.around.now_ms),
            run: self.around.run.to_owned(),
            step: ground.address(step),
            role: ask.role.clone(),
            question,
            options: ask.options.clone(),
            asked_ms: self.around.now_ms,
            until_ms: self.deadline(strand, step),
            closed: None,
            link: None,
        };
        Ok(self.open_task(strand, step, task))
    }

    /// Asks, and waits for the answer.
    pub(super) fn open_task(&mut self, strand: &mut Strand, step: &Step, task: TaskRow) -> Made {
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Waiting;
        }
        let (id, until_ms) = (task.id.clone(), task.until_ms);
        self.outbox.tasks.push(task);
        if let Some(until_ms) = until_ms {
            self.wake_at(until_ms);
        }
        strand.waiting = Some(Waiting::Answer { task: id, until_ms });
        Made::Wait
    }

    /// Goes on with the answer, or when it is given up.
    pub(super) fn await_answer(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        task: String,
        until_ms: Option<u64>,
    ) -> Made {
        let mine = |(of, _): &(String, TaskAnswer)| *of == task;
        let answer = self.news.answers.iter().position(mine);
        let answer = answer.map(|at| self.news.answers.swap_remove(at).1);
        if let Some(answer) = answer {
            return self.answered(strand, ground, &answer, false);
        }
        if !self.news.complete || until_ms.is_none_or(|until| self.around.now_ms < until) {
            if let Some(until_ms) = until_ms {
                self.wake_at(until_ms);
            }
            return Made::Wait;
        }
        self.outbox.withdrawn.push(task);
        let nobody = TaskAnswer {
            answer: String::new(),
            by: String::new(),
            comment: String::new(),
            at_ms: self.around.now_ms,
        };
        self.answered(strand, ground, &nobody, true)
    }

    fn answered(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        answer: &TaskAnswer,
        timed_out: bool,
    ) -> Made {
        let Some(step) = ground.flow.program.get(strand.at) else {
            return Made::On;
        };
        if matches!(step.kind, Kind::Link(_)) {
            let result = Self::link_result(answer, timed_out);
            return self.waited(strand, ground, step, result, timed_out);
        }
        let mut result = String::with_capacity(limits::TRACE_BYTES);
        for (name, value) in [
            ("{\"answer\":", &answer.answer),
            (",\"by\":", &answer.by),
            (",\"comment\":", &answer.comment),
        ] {
            result.push_str(name);
            write_string(value, &mut result);
        }
        result.push_str(&format!(",\"timed_out\":{timed_out}}}"));
        self.waited(strand, ground, step, result, timed_out)
    }

    /// Ends a step that waited.
    pub(super) fn waited(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        result: String,
        timed_out: bool,
    ) -> Made {
        if let Err(fault) = self.end(strand, ground, step, step.next, Some(result)) {
            return self.fail(strand, ground, fault);
        }
        if timed_out && let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::TimedOut;
        }
        Made::On
    }
}
