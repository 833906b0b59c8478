//! A person changes what a run waits for or failed at: another input, or the result itself. What they said stays in
//! the trace.

use serde_json::value::RawValue;
use tombolo_kernel::limits;

use super::failing::depth_of_undo;
use super::make::{Fault, Move};
use super::strand::{Ground, Inner, Strand, Waiting};
use super::{Input, Outbox, RunState, Surroundings};
use crate::definition::{Kind, Step};
use crate::trace::{self, MendTrace, StepStatus, StepTrace, cut};

/// A change by a person.
#[derive(Debug, Clone)]
pub struct Mend {
    /// The step's name in the run: `stock`, `lines[3].reserve`, `reserve/undo`.
    pub step: String,
    /// What is given.
    pub with: MendWith,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a person gives.
#[derive(Debug, Clone)]
pub enum MendWith {
    /// Another input, JSON: the step is tried again with it.
    Input(Box<RawValue>),
    /// Its result, JSON: the run goes on behind the step.
    Result(Box<RawValue>),
}

impl RunState {
    /// Changes a run that waits or is dead; then it can go on. A step that was answered this way calls nothing.
    ///
    /// # Errors
    /// No such step is waiting or has failed, or it cannot take this; nothing is changed then.
    pub fn mend(
        &mut self,
        surroundings: Surroundings<'_>,
        mend: &Mend,
        outbox: &mut Outbox,
    ) -> Result<(), String> {
        let mut root = std::mem::take(&mut self.root);
        root.trace = std::mem::take(&mut self.trace.steps);
        let mut move_ = Move::new(surroundings, Input::Start, &mut self.counted, outbox);
        let ground = move_.root_ground();
        let mut names = Vec::new();
        let found = move_.mend_at(&mut root, &ground, mend, &mut names);
        self.trace.steps = std::mem::take(&mut root.trace);
        self.root = root;
        match found {
            Some(Ok(())) => {
                self.trace.error = None;
                Ok(())
            }
            Some(Err(message)) => Err(message),
            None => Err(format!(
                "the run does not wait at a step \"{}\" and did not fail there; expected one of: {}",
                mend.step,
                names.join(", ")
            )),
        }
    }
}

impl Move<'_, '_> {
    fn mend_at(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        mend: &Mend,
        names: &mut Vec<String>,
    ) -> Option<Result<(), String>> {
        if strand.stuck.is_some() && strand.inner.is_none() && strand.failing.is_some() {
            let name = format!("{}/undo", strand.undo.last()?.step);
            names.push(name.clone());
            return (name == mend.step).then(|| {
                self.mend_undo(strand, ground, mend);
                Ok(())
            });
        }
        let at = strand.failed.as_ref().map_or(strand.at, |failed| failed.at);
        let step = ground.flow.program.get(at)?;
        let Some(mut inner) = strand.inner.take() else {
            let name = ground.address(step);
            names.push(name.clone());
            return (name == mend.step).then(|| self.mend_step(strand, ground, step, mend));
        };
        let found = match &mut *inner {
            Inner::Items(items) => {
                let mut found = None;
                let mut live = std::mem::take(&mut items.live);
                for (index, strand_inside) in &mut live {
                    let item = items.item(*index);
                    let prefix = Self::item_prefix(ground, step, *index);
                    let inside = Self::item_ground(strand, ground, step, &item, &prefix);
                    found = found.or_else(|| self.mend_at(strand_inside, &inside, mend, names));
                }
                items.live = live;
                found
            }
            Inner::Flow(called) => {
                let mut strand_inside = std::mem::take(&mut called.strand);
                let prefix = Self::flow_prefix(ground, step);
                let inside = Self::flow_ground(self.around, ground, step, called, &prefix);
                let found = inside
                    .and_then(|inside| self.mend_at(&mut strand_inside, &inside, mend, names));
                called.strand = strand_inside;
                found
            }
        };
        strand.inner = Some(inner);
        found
    }

    fn mend_undo(&mut self, strand: &mut Strand, ground: &Ground<'_>, mend: &Mend) {
        let at = strand
            .failing
            .as_ref()
            .map_or(strand.at, |failing| failing.at);
        let depth = depth_of_undo(ground.flow.program.get(at));
        self.note(strand.step_trace(depth), mend);
        strand.stuck = None;
        match &mend.with {
            MendWith::Input(input) => strand.given = Some(input.clone()),
            MendWith::Result(_) => self.is_taken_back(strand),
        }
    }

    fn mend_step(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        mend: &Mend,
    ) -> Result<(), String> {
        if strand
            .failed
            .as_ref()
            .is_some_and(|failed| failed.took_back)
        {
            return Err(format!(
                "what was done before the step \"{}\" was taken back: it cannot go on from there; publish the event \
                 again instead",
                mend.step
            ));
        }
        if matches!(mend.with, MendWith::Input(_)) && !matches!(step.kind, Kind::Call(_)) {
            let (kind, _) = step.kind.words();
            return Err(format!(
                "the step \"{}\" is `{kind}`, which sends no input; expected its result",
                mend.step
            ));
        }
        self.note(trace::last_of(&mut strand.trace, &step.id), mend);
        if strand.failed.take().is_some() {
            strand.at = ground
                .flow
                .program
                .iter()
                .position(|known| std::ptr::eq(known, step))
                .unwrap_or(strand.at);
            strand.failure = None;
            strand.began_ms = None;
        }
        match &mend.with {
            MendWith::Input(input) => {
                strand.given = Some(input.clone());
                strand.waiting = None;
                strand.attempts = 0;
                Ok(())
            }
            MendWith::Result(result) => {
                if let Some(Waiting::Answer { task, .. }) = strand.waiting.take() {
                    self.outbox.withdrawn.push(task);
                }
                let result = Some(result.get().to_owned());
                let ended = self.end(strand, ground, step, step.next, result);
                ended.map_err(|fault: Fault| fault.to_string())
            }
        }
    }

    fn note(&self, trace: Option<&mut StepTrace>, mend: &Mend) {
        let Some(trace) = trace else { return };
        let (what, value) = match &mend.with {
            MendWith::Input(input) => ("input", input),
            MendWith::Result(result) => ("result", result),
        };
        trace.status = StepStatus::Waiting;
        trace.ended_ms = None;
        if trace.mended.len() < limits::MENDS {
            trace.mended.push(MendTrace {
                at_ms: self.around.now_ms,
                by: mend.by.clone(),
                reason: mend.reason.clone(),
                what: what.to_owned(),
                value: cut(value.get()),
            });
        }
    }
}
