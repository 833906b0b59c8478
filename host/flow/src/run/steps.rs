//! Steps that need nothing from outside to be made: `if`, `set`, `emit`, and the two halves of `ask`.

use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_store::{TaskAnswer, TaskRow};

use super::make::{Fault, Move};
use super::{Decision, Waiting, emitted_id};
use crate::definition::{Ask, Emit, Step};
use crate::expression::{Expression, Template};
use crate::json::{Document, write_string};
use crate::trace::{StepStatus, cut};

impl Move<'_, '_> {
    pub(super) fn branch(
        &mut self,
        step: &Step,
        condition: &Expression,
        then_at: usize,
        else_at: usize,
    ) -> Result<Option<Decision>, Fault> {
        let taken = condition.condition(&self.scope())?;
        self.end(
            step,
            if taken { then_at } else { else_at },
            Some(if taken { "true" } else { "false" }),
        );
        Ok(None)
    }

    pub(super) fn set(
        &mut self,
        step: &Step,
        values: &[(String, Template)],
    ) -> Result<Option<Decision>, Fault> {
        for (name, value) in values {
            let mut text = String::new();
            value.write_json(&self.scope(), &mut text)?;
            let document = Document::new(text)
                .map_err(|error| Fault::Message(format!("vars.{name}: {error}")))?;
            self.state.vars.set(name, document);
        }
        self.check_size()?;
        self.end(step, step.next, None);
        Ok(None)
    }

    pub(super) fn emit(&mut self, step: &Step, emit: &Emit) -> Result<Option<Decision>, Fault> {
        let cause = &self.around.event.event;
        let hops = cause.hops.saturating_add(1);
        if hops > limits::HOPS {
            let most = limits::HOPS;
            return Err(Fault::Message(format!(
                "the event \"{}\" would be the {hops}th that came from another, expected at most {most}: flows react to \
                 each other in a circle",
                emit.kind
            )));
        }
        let mut data = String::new();
        emit.data.write_json(&self.scope(), &mut data)?;
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.input = cut(&data);
        }
        let subject = match &emit.subject {
            Some(subject) => {
                let mut text = String::new();
                subject.write_text(&self.scope(), &mut text)?;
                Some(text).filter(|text| !text.is_empty())
            }
            None => None,
        };
        let event = Event {
            id: emitted_id(self.around.run, &step.id),
            source: format!("/flows/{}", self.around.flow.name),
            kind: emit.kind.clone(),
            subject,
            time: rfc3339(self.around.now_ms),
            data: serde_json::value::RawValue::from_string(data)
                .map_err(|error| Fault::Message(format!("emit.data: {error}")))?,
            hops,
            cause: Some(self.around.run.to_owned()),
        };
        event
            .check()
            .map_err(|error| Fault::Message(format!("emit: {error}")))?;
        let mut result = String::from("{\"id\":");
        write_string(&event.id, &mut result);
        result.push('}');
        self.outbox.emitted.push(event);
        self.end(step, step.next, Some(&result));
        if step.kept {
            self.keep(step, result)?;
        }
        Ok(None)
    }

    pub(super) fn ask(&mut self, step: &Step, ask: &Ask) -> Result<Decision, Fault> {
        let until_ms = self.deadline(step);
        let mut question = String::new();
        ask.question.write_text(&self.scope(), &mut question)?;
        let task = (self.around.new_task)(self.around.now_ms);
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.status = StepStatus::Waiting;
            trace.input = cut(&question);
        }
        self.outbox.tasks.push(TaskRow {
            id: task.clone(),
            run: self.around.run.to_owned(),
            step: step.id.clone(),
            role: ask.role.clone(),
            question,
            options: ask.options.clone(),
            asked_ms: self.around.now_ms,
            until_ms,
            closed: None,
        });
        self.state.waiting = Some(Waiting::Answer { task, until_ms });
        Ok(Decision::Wait { until_ms })
    }

    pub(super) fn answered(&mut self, step: &Step, answer: &TaskAnswer, timed_out: bool) {
        let mut result = String::from("{\"answer\":");
        write_string(&answer.answer, &mut result);
        result.push_str(",\"by\":");
        write_string(&answer.by, &mut result);
        result.push_str(",\"comment\":");
        write_string(&answer.comment, &mut result);
        result.push_str(if timed_out {
            ",\"timed_out\":true}"
        } else {
            ",\"timed_out\":false}"
        });
        let depth = step.depth;
        self.end(step, step.next, Some(&result));
        if timed_out && let Some(trace) = self.state.trace.current(depth) {
            trace.status = StepStatus::TimedOut;
        }
        // Answers are small and were just written as JSON.
        let _ = self.keep(step, result);
    }
}
