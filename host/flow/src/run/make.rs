//! One move: what happened is taken in, then steps follow until something must be done outside.

use std::sync::Arc;

use tombolo_kernel::limits;
use tombolo_store::LinkOutcome;

use super::failing::Note;
use super::strand::{Ground, Strand, Waiting};
use super::{Counted, Input, News, Outbox, Surroundings, Wanted};
use crate::definition::{Kind, Step};
use crate::expression::{EvaluationError, EventDocument, Scope};
use crate::json::Document;
use crate::trace::{self, StepStatus, StepTrace, cut};

/// While calls of the run are under way, a system that another of its steps waits for is tried this often.
const LOOK_AGAIN_MS: u64 = 1_000;

/// Why a step cannot go on.
pub(super) enum Fault {
    Expression(EvaluationError),
    Message(String),
    /// As the steps inside it say.
    Inside(Note),
}

impl From<EvaluationError> for Fault {
    fn from(error: EvaluationError) -> Self {
        Self::Expression(error)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Expression(error) => error.fmt(f),
            Self::Message(message) => f.write_str(message),
            Self::Inside(note) => f.write_str(&note.message),
        }
    }
}

/// What came of a step.
pub(super) enum Made {
    /// The strand goes on, wherever it is now.
    On,
    /// Something must happen first.
    Wait,
    /// The strand is over.
    Over(Ended),
}

/// How a strand ended.
pub(super) enum Ended {
    /// With its result, where it has one.
    Well(Option<Document>),
    /// It failed for good; what it did is taken back.
    Badly(Note),
    /// It failed, and what it did cannot be taken back: for people.
    Stuck(String),
}

pub(super) struct Move<'m, 'a> {
    pub(super) around: Surroundings<'a>,
    pub(super) counted: &'m mut Counted,
    pub(super) outbox: &'m mut Outbox,
    /// The call that ended, until its strand takes it.
    pub(super) called: Option<(u64, super::Called)>,
    /// What came of a link, until its strand takes it.
    pub(super) linked: Option<(u64, LinkOutcome)>,
    /// The call that was not made, until its strand takes it.
    pub(super) parked: Option<u64>,
    /// Time has passed: who waits for a system tries it again.
    pub(super) tries_again: bool,
    /// Somebody waits for a system.
    pub(super) needs_system: bool,
    pub(super) news: News,
    pub(super) calls: Vec<Wanted>,
    /// A call is under way, or will be.
    pub(super) calling: bool,
    /// When to come again.
    wake_ms: Option<u64>,
    /// Somebody waits for an event and has not looked through the log.
    pub(super) must_look: bool,
}

impl<'m, 'a> Move<'m, 'a> {
    pub(super) fn new(
        around: Surroundings<'a>,
        input: Input,
        counted: &'m mut Counted,
        outbox: &'m mut Outbox,
    ) -> Self {
        let tries_again = matches!(&input, Input::Woken(_));
        let mut move_ = Self {
            around,
            counted,
            outbox,
            called: None,
            linked: None,
            parked: None,
            tries_again,
            needs_system: false,
            news: News::default(),
            calls: Vec::new(),
            calling: false,
            wake_ms: None,
            must_look: false,
        };
        match input {
            Input::Start => {}
            Input::Called(number, called) => move_.called = Some((number, called)),
            Input::Linked(number, outcome) => move_.linked = Some((number, outcome)),
            Input::Parked(number) => move_.parked = Some(number),
            Input::Woken(news) => move_.news = news,
        }
        move_
    }

    /// When to come again. The log is looked through at once, but not while calls are under way: their end comes first.
    pub(super) fn until_ms(&self) -> Option<u64> {
        if self.must_look && !self.calling {
            return Some(self.around.now_ms);
        }
        if self.needs_system && self.calling {
            // Only a run that waits in the store is called when its system is back.
            let soon = self.around.now_ms.saturating_add(LOOK_AGAIN_MS);
            return Some(self.wake_ms.map_or(soon, |wake| wake.min(soon)));
        }
        self.wake_ms
    }

    pub(super) fn wake_at(&mut self, at_ms: u64) {
        self.wake_ms = Some(self.wake_ms.map_or(at_ms, |wake| wake.min(at_ms)));
    }

    /// The flow's own steps; the error is for people.
    pub(super) fn visit_root(
        &mut self,
        root: &mut Strand,
    ) -> Option<Result<Option<String>, String>> {
        let ground = self.root_ground();
        let mut ended = self.visit(root, &ground);
        // What inner strands keep is not counted with every result.
        if root.inner.is_some() && ended.is_none() {
            let (bytes, most) = (root.bytes(), limits::RUN_STATE_BYTES);
            if bytes > most {
                let message = format!(
                    "what the run keeps of its steps has {bytes} bytes, expected at most {most}"
                );
                ended = Some(Ended::Stuck(message));
            }
        }
        match ended? {
            Ended::Well(result) => Some(Ok(result.map(|result| cut(result.raw().get())))),
            Ended::Badly(note) => Some(Err(note.to_string())),
            Ended::Stuck(message) => Some(Err(message)),
        }
    }

    pub(super) fn root_ground(&self) -> Ground<'a> {
        Ground {
            flow: self.around.flow,
            event: self.around.event,
            prefix: "",
            around: Vec::new(),
            item: None,
            failure: None,
            end: self.around.flow.closing_at,
            is_flow: true,
            is_root: true,
            stop: false,
        }
    }

    /// Lets a strand go on as far as it can; says how it ended, if it did.
    pub(super) fn visit(&mut self, strand: &mut Strand, ground: &Ground<'_>) -> Option<Ended> {
        if let Some(message) = &strand.stuck {
            return Some(Ended::Stuck(message.clone()));
        }
        let mut made = self.take_in(strand, ground);
        loop {
            match made {
                Made::On => {}
                Made::Wait => return None,
                Made::Over(ended) => {
                    if let Ended::Stuck(message) = &ended
                        && strand.inner.is_none()
                    {
                        strand.stuck = Some(message.clone());
                    }
                    return Some(ended);
                }
            }
            made = self.next(strand, ground);
        }
    }

    /// The call that ended, the answer, the event, the time that this strand waits for.
    fn take_in(&mut self, strand: &mut Strand, ground: &Ground<'_>) -> Made {
        if let Some(number) = strand.calling {
            match self.called.take() {
                Some((ended, called)) if ended == number => {
                    strand.calling = None;
                    return self.called(strand, ground, called);
                }
                other => self.called = other,
            }
            if let Some((_, outcome)) = self.linked.take_if(|(linked, _)| *linked == number) {
                strand.calling = None;
                return self.linked(strand, ground, outcome);
            }
            if self.parked.take_if(|parked| *parked == number).is_some() {
                strand.calling = None;
                return self.parked(strand, ground);
            }
            self.calling = true;
            return Made::Wait;
        }
        match strand.waiting.clone() {
            None => Made::On,
            Some(_) if ground.stop && strand.failing.is_none() && !strand.unsure => Made::On,
            Some(Waiting::Retry { at_ms }) if self.around.now_ms < at_ms => {
                self.wake_at(at_ms);
                Made::Wait
            }
            Some(Waiting::Retry { .. }) => {
                strand.waiting = None;
                Made::On
            }
            Some(Waiting::Answer { task, until_ms }) => {
                self.await_answer(strand, ground, task, until_ms)
            }
            Some(Waiting::Event {
                until_ms, looked, ..
            }) => self.await_event(strand, ground, until_ms, looked),
            Some(Waiting::System { system, until_ms }) => {
                self.await_system(strand, ground, &system, until_ms)
            }
        }
    }

    /// One step, or one thing to take back.
    fn next(&mut self, strand: &mut Strand, ground: &Ground<'_>) -> Made {
        if strand.failing.is_some() {
            return self.take_back(strand, ground);
        }
        if ground.stop && strand.inner.is_none() && !strand.unsure {
            self.stop(strand, ground);
            return Made::On;
        }
        let closing = ground.is_flow && strand.failed.is_some();
        let end = if closing {
            ground.flow.program.len()
        } else {
            ground.end
        };
        let Some(step) = ground
            .flow
            .program
            .get(strand.at)
            .filter(|_| strand.at != end)
        else {
            return Made::Over(match strand.failed.take() {
                Some(failed) if closing => {
                    let note = failed.note.clone();
                    strand.failed = Some(failed);
                    Ended::Badly(note)
                }
                _ => Ended::Well(strand.last.take().map(Document::from_raw)),
            });
        };
        if strand.began_ms.is_none() {
            self.begin(strand, step);
        }
        let made = match &step.kind {
            Kind::Call(call) => self.call(strand, ground, step, call),
            Kind::If {
                condition,
                then_at,
                else_at,
            } => self.branch(strand, ground, step, condition, *then_at, *else_at),
            Kind::Choose {
                cases,
                otherwise_at,
            } => self.choose(strand, ground, step, cases, *otherwise_at),
            Kind::Emit(emit) => self.emit(strand, ground, step, emit),
            Kind::Set(values) => self.set(strand, ground, step, values),
            Kind::Ask(ask) => self.ask(strand, ground, step, ask),
            Kind::Link(link) => self.link(strand, ground, step, link),
            Kind::Wait(wait) => self.wait(strand, ground, step, wait),
            Kind::Each(each) => self.each(strand, ground, step, each),
            Kind::Flow(flow) => self.sub_flow(strand, ground, step, flow),
            Kind::Return(value) => self.return_(strand, ground, step, value),
            Kind::Fail(words) => self.fail_on_purpose(strand, ground, words),
            Kind::Check => self
                .end(strand, ground, step, step.next, None)
                .map(|()| Made::On),
        };
        made.unwrap_or_else(|fault| self.fail(strand, ground, fault))
    }

    pub(super) fn begin(&mut self, strand: &mut Strand, step: &Step) {
        let (kind, what) = step.kind.words();
        strand.began_ms = Some(self.around.now_ms);
        strand.mark = strand.undo.len();
        trace::begin(
            &mut strand.trace,
            step.depth,
            StepTrace {
                id: step.id.clone(),
                kind: kind.to_owned(),
                what,
                branch: step.branch.clone(),
                started_ms: self.around.now_ms,
                ..StepTrace::default()
            },
        );
    }

    /// Ends the step well: keeps its result where a later one looks at it, and what would take it back; moves to
    /// `next`.
    pub(super) fn end(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        next: usize,
        result: Option<String>,
    ) -> Result<(), Fault> {
        let now = self.around.now_ms;
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Done;
            trace.ended_ms = Some(now);
            trace.result = result.as_deref().map(cut).unwrap_or_default();
        }
        if let Some(result) = result {
            self.keep(strand, ground, step, result)?;
        }
        if let Some(undo) = &step.undo {
            self.note_undo(strand, ground, step, undo)?;
        }
        self.check(strand, ground, step)?;
        strand.at = next;
        strand.rest();
        strand.given = None;
        Ok(())
    }

    fn keep(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        result: String,
    ) -> Result<(), Fault> {
        let returned =
            !ground.is_root && !matches!(step.kind, Kind::If { .. } | Kind::Choose { .. });
        if !step.kept && !returned {
            return Ok(());
        }
        let document = document(result)?;
        if returned {
            strand.last = Some(document.raw().to_owned());
        }
        if step.kept {
            strand.steps.set(&step.id, document);
            self.check_size(strand)?;
        }
        Ok(())
    }

    pub(super) fn scope<'s>(&'s self, strand: &'s Strand, ground: &'s Ground<'_>) -> Scope<'s> {
        let mut scope = Scope::new(ground.event, &strand.steps, &strand.vars, self.around.run)
            .with_tables(Arc::clone(&self.around.flow.tables))
            .with_references(self.around.references);
        scope.around = ground.around.clone();
        scope.item = ground.item;
        scope.failure = strand.failure.as_ref().or(ground.failure);
        scope.began = Some(self.around.event);
        scope
    }

    pub(super) fn check_size(&self, strand: &Strand) -> Result<(), Fault> {
        let bytes = strand.steps.bytes() + strand.vars.bytes();
        if bytes <= limits::RUN_STATE_BYTES {
            return Ok(());
        }
        let most = limits::RUN_STATE_BYTES;
        Err(Fault::Message(format!(
            "the results that later steps need have {bytes} bytes, expected at most {most}"
        )))
    }

    /// Whether a strand, or one inside it, waits for this event.
    pub(super) fn hears(&self, root: &Strand, event: &Arc<EventDocument>) -> bool {
        self.hears_at(root, &self.root_ground(), event)
    }
}

/// A result as it is kept.
pub(super) fn document(result: String) -> Result<Document, Fault> {
    Document::new(result).map_err(|error| {
        Fault::Message(format!(
            "the result is not JSON: {error}; it is the adapter's fault"
        ))
    })
}
