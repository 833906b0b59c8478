//! Steps that need nothing from outside: `if`, `choose`, `set`, `emit`, `return`, `fail`.

use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;

use super::emitted_id;
use super::make::{Ended, Fault, Made, Move, document};
use super::strand::{Ground, Strand};
use crate::definition::{Case, Emit, Step};
use crate::expression::{Expression, Template};
use crate::json::{Document, write_string};
use crate::trace::cut;

impl Move<'_, '_> {
    pub(super) fn branch(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        condition: &Expression,
        then_at: usize,
        else_at: usize,
    ) -> Result<Made, Fault> {
        let taken = condition.condition(&self.scope(strand, ground))?;
        let (next, word) = if taken {
            (then_at, "true")
        } else {
            (else_at, "false")
        };
        self.end(strand, ground, step, next, Some(word.to_owned()))?;
        Ok(Made::On)
    }

    pub(super) fn choose(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        cases: &[Case],
        otherwise_at: usize,
    ) -> Result<Made, Fault> {
        let mut taken = (otherwise_at, "\"otherwise\"".to_owned());
        for (case, number) in cases.iter().zip(1..) {
            if case.when.condition(&self.scope(strand, ground))? {
                taken = (case.at, format!("\"case {number}\""));
                break;
            }
        }
        let (next, word) = taken;
        self.end(strand, ground, step, next, Some(word))?;
        Ok(Made::On)
    }

    pub(super) fn set(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        values: &[(String, Template)],
    ) -> Result<Made, Fault> {
        for (name, value) in values {
            let mut text = String::new();
            value.write_json(&self.scope(strand, ground), &mut text)?;
            let document = Document::new(text)
                .map_err(|error| Fault::Message(format!("vars.{name}: {error}")))?;
            strand.vars.set(name, document);
        }
        self.check_size(strand)?;
        self.end(strand, ground, step, step.next, None)?;
        Ok(Made::On)
    }

    pub(super) fn emit(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        emit: &Emit,
    ) -> Result<Made, Fault> {
        let hops = self.may_emit(emit)?;
        let mut data = String::new();
        emit.data
            .write_json(&self.scope(strand, ground), &mut data)?;
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.input = cut(&data);
        }
        let subject = match &emit.subject {
            Some(subject) => {
                let mut text = String::new();
                subject.write_text(&self.scope(strand, ground), &mut text)?;
                Some(text).filter(|text| !text.is_empty())
            }
            None => None,
        };
        let event = Event {
            id: emitted_id(self.around.run, &ground.address(step)),
            source: format!("/flows/{}", self.around.flow.name),
            kind: emit.kind.clone(),
            subject,
            time: rfc3339(self.around.now_ms),
            data: serde_json::value::RawValue::from_string(data)
                .map_err(|error| Fault::Message(format!("emit.data: {error}")))?,
            hops,
            cause: Some(self.around.run.to_owned()),
            root: Some(self.around.event.root()),
        };
        event
            .check()
            .map_err(|error| Fault::Message(format!("emit: {error}")))?;
        if !(self.around.take_room)() {
            return Err(self.no_room(emit));
        }
        let mut result = String::from("{\"id\":");
        write_string(&event.id, &mut result);
        result.push('}');
        self.outbox.emitted.push(event);
        self.counted.emitted += 1;
        self.end(strand, ground, step, step.next, Some(result))?;
        Ok(Made::On)
    }

    /// Storms end here: too far from the first cause, or too many from one run.
    fn may_emit(&self, emit: &Emit) -> Result<u16, Fault> {
        let hops = self.around.event.event.hops.saturating_add(1);
        if hops > limits::HOPS {
            let most = limits::HOPS;
            return Err(Fault::Message(format!(
                "the event \"{}\" would be the {hops}th that came from another, expected at most {most}: flows react to \
                 each other in a circle",
                emit.kind
            )));
        }
        let most = limits::EMITS_PER_RUN;
        if self.counted.emitted >= most {
            return Err(Fault::Message(format!(
                "the event \"{}\" would be the {}th that this run emits, expected at most {most}: put what belongs \
                 together into one event",
                emit.kind,
                most + 1
            )));
        }
        Ok(hops)
    }

    /// And here: too many that came of one event, through whichever runs.
    fn no_room(&self, emit: &Emit) -> Fault {
        let most = limits::DESCENDANTS;
        Fault::Message(format!(
            "the event \"{}\" would be number {} of those that came of event {}, expected at most {most}: flows emit too \
             many, or react to each other in a circle; put what belongs together into one event, or publish it in parts",
            emit.kind,
            most + 1,
            self.around.event.root()
        ))
    }

    pub(super) fn return_(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        value: &Template,
    ) -> Result<Made, Fault> {
        let mut text = String::new();
        value.write_json(&self.scope(strand, ground), &mut text)?;
        let result = document(text.clone())?;
        self.end(strand, ground, step, step.next, Some(text))?;
        Ok(Made::Over(Ended::Well(Some(result))))
    }

    pub(super) fn fail_on_purpose(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        words: &Template,
    ) -> Result<Made, Fault> {
        let mut text = String::new();
        words.write_text(&self.scope(strand, ground), &mut text)?;
        Err(Fault::Message(text))
    }
}
