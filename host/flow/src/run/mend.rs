//! A person changes what a run waits for or failed at: the step again, another input, or the result itself. What they
//! said stays in the trace.

use serde_json::value::RawValue;

use super::failing::{Failing, depth_of_undo};
use super::make::{Fault, Move};
use super::strand::{Ground, Inner, Strand, Waiting};
use super::{Input, Outbox, RunState, Surroundings};
use crate::definition::{Kind, Step};
use crate::trace::{self, Repair, StepStatus, StepTrace, cut};

/// A change by a person.
#[derive(Debug, Clone)]
pub struct Mend {
    /// The step's name in the run: `stock`, `lines[3].reserve`, `reserve/undo`; none: the one that failed.
    pub step: Option<String>,
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
    /// Nothing: the step begins again, with all its attempts.
    Again,
    /// The same with this input, JSON.
    Input(Box<RawValue>),
    /// Its result, JSON: the run goes on behind the step.
    Result(Box<RawValue>),
}

impl MendWith {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Again => ("retried", String::new()),
            Self::Input(input) => ("edited", cut(input.get())),
            Self::Result(result) => ("answered", cut(result.get())),
        }
    }
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
        let mut stuck = 0;
        self.root
            .every(&mut |strand| stuck += usize::from(strand.is_stuck()));
        if mend.step.is_none() && stuck > 1 && !matches!(mend.with, MendWith::Again) {
            return Err(format!(
                "{stuck} steps of it could not be taken back; name one: `tombolo run mend` does"
            ));
        }
        let mut root = std::mem::take(&mut self.root);
        root.trace = std::mem::take(&mut self.trace.steps);
        let mut move_ = Move::new(surroundings, Input::Start, &mut self.counted, outbox);
        let ground = move_.root_ground();
        let mut search = Search {
            mend,
            names: Vec::new(),
            found: None,
        };
        move_.mend_at(&mut root, &ground, &mut search);
        self.trace.steps = std::mem::take(&mut root.trace);
        self.root = root;
        let names = search.names.join(", ");
        let Some(found) = search.found else {
            return Err(match &mend.step {
                Some(step) => format!(
                    "the run does not wait at a step \"{step}\" and did not fail there; expected one of: {names}"
                ),
                None => "it is at no step that could begin again".to_owned(),
            });
        };
        let step = found?;
        let (what, value) = mend.with.words();
        self.trace.error = None;
        self.trace.repaired(Repair {
            what: what.to_owned(),
            step,
            value,
            by: mend.by.clone(),
            reason: mend.reason.clone(),
            at_ms: surroundings.now_ms,
        });
        Ok(())
    }

    /// The input of the call that failed, if it was one and the flow can write it.
    pub(crate) fn failed_input(&mut self, surroundings: Surroundings<'_>) -> Option<String> {
        let mut undo = None;
        self.root.every(&mut |strand| {
            if strand.is_stuck() && undo.is_none() {
                let taken = strand.undo.last().map(|taken| &taken.input);
                undo = strand
                    .given
                    .as_ref()
                    .or(taken)
                    .map(|input| input.get().to_owned());
            }
        });
        if undo.is_some() {
            return undo;
        }
        let failed = self.root.failed.as_ref()?;
        let step = surroundings.flow.program.get(failed.at)?;
        let Kind::Call(call) = &step.kind else {
            return None;
        };
        let mut outbox = Outbox::default();
        let move_ = Move::new(surroundings, Input::Start, &mut self.counted, &mut outbox);
        let given = failed.given.as_deref();
        move_
            .input(&self.root, &move_.root_ground(), call, given)
            .ok()
    }
}

impl Strand {
    /// It could not take something back.
    fn is_stuck(&self) -> bool {
        self.stuck.is_some() && self.inner.is_none() && self.failing.is_some()
    }
}

/// The step that is to be changed.
struct Search<'m> {
    mend: &'m Mend,
    /// Names of those that could be.
    names: Vec<String>,
    /// The step that was changed, or why it cannot be.
    found: Option<Result<String, String>>,
}

impl Search<'_> {
    fn is_meant(&mut self, name: &str) -> bool {
        self.names.push(name.to_owned());
        match &self.mend.step {
            Some(step) => step == name,
            None => true,
        }
    }
}

impl Move<'_, '_> {
    fn mend_at(&mut self, strand: &mut Strand, ground: &Ground<'_>, search: &mut Search<'_>) {
        if strand.is_stuck() {
            let Some(taken) = strand.undo.last() else {
                return;
            };
            let name = format!("{}/undo", taken.step);
            if search.is_meant(&name) {
                self.mend_undo(strand, ground, &search.mend.with);
                search.found.get_or_insert(Ok(name));
            }
            return;
        }
        let at = strand.failed.as_ref().map_or(strand.at, |failed| failed.at);
        let Some(step) = ground.flow.program.get(at) else {
            return;
        };
        let Some(mut inner) = strand.inner.take() else {
            let name = ground.address(step);
            if search.is_meant(&name) {
                let mended = self.mend_step(strand, ground, step, search.mend);
                search.found = Some(mended.map(|()| name));
            }
            return;
        };
        match &mut *inner {
            Inner::Items(items) => {
                let mut live = std::mem::take(&mut items.live);
                for (index, strand_inside) in &mut live {
                    let item = items.item(*index);
                    let prefix = Self::item_prefix(ground, step, *index);
                    let inside = Self::item_ground(strand, ground, step, &item, &prefix);
                    self.mend_at(strand_inside, &inside, search);
                }
                items.live = live;
            }
            Inner::Flow(called) => {
                let mut strand_inside = std::mem::take(&mut called.strand);
                let prefix = Self::flow_prefix(ground, step);
                if let Some(inside) = Self::flow_ground(self.around, ground, step, called, &prefix)
                {
                    self.mend_at(&mut strand_inside, &inside, search);
                }
                called.strand = strand_inside;
            }
        }
        strand.inner = Some(inner);
    }

    fn mend_undo(&mut self, strand: &mut Strand, ground: &Ground<'_>, with: &MendWith) {
        let at = strand
            .failing
            .as_ref()
            .map_or(strand.at, |failing| failing.at);
        let depth = depth_of_undo(ground.flow.program.get(at));
        let now = self.around.now_ms;
        strand.stuck = None;
        strand.excuse();
        strand.began_ms = Some(now);
        if let Some(trace) = strand.step_trace(depth) {
            trace.status = StepStatus::Running;
            trace.ended_ms = None;
        }
        match with {
            MendWith::Again => {}
            MendWith::Input(input) => strand.given = Some(input.clone()),
            MendWith::Result(result) => {
                if let Some(trace) = strand.step_trace(depth) {
                    trace.status = StepStatus::Done;
                    trace.ended_ms = Some(now);
                    trace.result = cut(result.get());
                }
                strand.rest();
                self.is_taken_back(strand);
            }
        }
    }

    fn mend_step(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        mend: &Mend,
    ) -> Result<(), String> {
        let name = ground.address(step);
        let failed = strand.failed.as_ref();
        if failed.is_some_and(|failed| failed.took_back) {
            return Err(format!(
                "what was done before the step \"{name}\" was taken back: it cannot go on from there; publish the event \
                 again instead"
            ));
        }
        let (kind, _) = step.kind.words();
        match &mend.with {
            MendWith::Input(_) if !matches!(step.kind, Kind::Call(_)) => {
                return Err(format!(
                    "the step \"{name}\" is `{kind}`, which sends no input; expected its result, or the flow mended and \
                     the step tried again"
                ));
            }
            MendWith::Again if failed.is_some() => {
                let told = trace::last_of(&mut strand.trace, &step.id);
                if let Some(message) = told.and_then(|told| final_inside(&told.steps)) {
                    return Err(format!(
                        "{message}, inside the step \"{name}\": it cannot begin again; give its result, or publish the \
                         event again instead"
                    ));
                }
            }
            _ => {}
        }
        if let Some(failed) = strand.failed.take() {
            self.begin_again(strand, step, failed);
        }
        match &mend.with {
            MendWith::Again => strand.excuse(),
            MendWith::Input(input) => {
                strand.given = Some(input.clone());
                strand.excuse();
                if let Some(trace) = strand.step_trace(step.depth) {
                    trace.input.clear();
                }
            }
            MendWith::Result(result) => {
                if let Some(Waiting::Answer { task, .. }) = strand.waiting.take() {
                    self.outbox.withdrawn.push(task);
                }
                let result = Some(result.get().to_owned());
                let ended = self.end(strand, ground, step, step.next, result);
                return ended.map_err(|fault: Fault| fault.to_string());
            }
        }
        Ok(())
    }

    /// Puts a failed strand back to the step at which it failed.
    fn begin_again(&mut self, strand: &mut Strand, step: &Step, failed: Failing) {
        strand.at = failed.at;
        strand.failure = None;
        strand.attempts = failed.attempts;
        strand.given = failed.given;
        let told = strand.step_trace(step.depth);
        // What is told of a call goes on; other steps are told anew, as is one behind which others were told.
        match told.filter(|told| told.id == step.id && matches!(step.kind, Kind::Call(_))) {
            Some(told) => {
                told.status = StepStatus::Running;
                told.ended_ms = None;
                told.input.clear();
                strand.began_ms = Some(self.around.now_ms);
            }
            None => self.begin(strand, step),
        }
    }
}

/// What has happened inside a step for good, if anything has: what was taken back is not done again under the same key,
/// an event that was found is not found again.
fn final_inside(steps: &[StepTrace]) -> Option<&'static str> {
    steps.iter().find_map(|step| match step.kind.as_str() {
        "undo" if step.status == StepStatus::Done => Some("what was done was taken back"),
        "wait" if step.status == StepStatus::Done => Some("an event was waited for and came"),
        _ => final_inside(&step.steps),
    })
}
