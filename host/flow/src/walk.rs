//! A flow gone through with an event, without doing anything: the state machine asks for calls, whoever walks answers
//! them. Nothing is written; links are taken for made, people's answers are those of the run as it was recorded.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tombolo_kernel::failure::Failure;
use tombolo_store::{LinkOutcome, TaskAnswer, TaskRow};

use crate::definition::{Flow, Kind, Step};
use crate::delivery::RetryWish;
use crate::engine::judge;
use crate::expression::{Counterparts, EventDocument, Expression};
use crate::run::{Called, Decision, Input, News, Outbox, RunState, Surroundings, Wanted};
use crate::trace::{RunTrace, StepStatus, StepTrace};

/// Moves of one walk: more is a flow that goes round in circles.
const MOVES: usize = 100_000;

/// Where a walk begins.
#[derive(Clone, Copy)]
pub struct Ground<'w> {
    /// What is gone through.
    pub flow: &'w Arc<Flow>,
    /// Its event.
    pub event: &'w EventDocument,
    /// The run it would be.
    pub run: &'w str,
    /// What the run did when it was carried out before; empty where nothing is known.
    pub before: &'w RunTrace,
    /// Where expressions look up cross-references.
    pub references: &'w Arc<dyn Counterparts>,
    /// Milliseconds since the epoch.
    pub now_ms: u64,
}

/// Under way through a flow.
pub struct Walk<'w> {
    ground: Ground<'w>,
    state: RunState,
    outbox: Outbox,
    open: VecDeque<Wanted>,
    input: Option<Input>,
    links: Vec<String>,
    moves: usize,
    /// Steps whose results nobody knows: `{}` stands for them.
    unknown: BTreeSet<String>,
}

/// Where it has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// This would be called; to be answered.
    Call(Wanted),
    /// How the run would end, or for what it would wait.
    End(String),
}

/// A step that cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The step.
    pub step: String,
    /// The step whose result it needs and nobody knows.
    pub needs: String,
}

/// Whether a flow means an event.
///
/// # Errors
/// What it cannot judge, and why.
pub fn is_meant(ground: Ground<'_>) -> Result<bool, String> {
    let judged = judge(ground.flow, ground.event, ground.run, ground.references);
    judged.map(|lane| lane.is_some())
}

/// Every step of a flow, and of those it calls, that calls an action of this system, or takes one back by it: its id
/// and the action.
#[must_use]
pub fn calls_of<'f>(flow: &'f Flow, system: &str) -> Vec<(&'f str, &'f str)> {
    let steps = every_step(flow).flat_map(|step| {
        let call = match &step.kind {
            Kind::Call(call) => Some(call),
            _ => None,
        };
        let undo = step.undo.as_ref().map(|undo| &undo.call);
        call.into_iter().chain(undo).map(|call| (&*step.id, call))
    });
    steps
        .filter(|(_, call)| call.system == system)
        .map(|(id, call)| (id, &*call.action))
        .collect()
}

fn every_step(flow: &Flow) -> impl Iterator<Item = &Step> {
    let parts = flow.parts.values().flat_map(|part| &part.program);
    flow.program.iter().chain(parts)
}

impl<'w> Walk<'w> {
    /// At the first step.
    #[must_use]
    pub fn new(ground: Ground<'w>) -> Self {
        Self {
            ground,
            state: RunState::default(),
            outbox: Outbox::default(),
            open: VecDeque::new(),
            input: Some(Input::Start),
            links: Vec::new(),
            moves: 0,
            unknown: BTreeSet::new(),
        }
    }

    /// Goes on to the next call, or to the end. A call that is not answered stays open, and others come first.
    pub fn go_on(&mut self) -> Stop {
        loop {
            if let Some(input) = self.input.take() {
                if let Some(end) = self.step(input) {
                    return Stop::End(end);
                }
                continue;
            }
            if let Some(wanted) = self.outbox.links.pop() {
                let ids = wanted.link.ids.iter().map(ToString::to_string);
                let ids: Vec<String> = ids.collect();
                self.links
                    .push(format!("{}: {}", wanted.link.kind, ids.join(", ")));
                self.input = Some(Input::Linked(wanted.number, LinkOutcome::Known));
                continue;
            }
            if let Some(wanted) = self.open.pop_front() {
                return Stop::Call(wanted);
            }
            match answers(&self.state, &self.outbox, self.ground.before) {
                Ok(answers) => {
                    self.input = Some(Input::Woken(News {
                        answers,
                        ..News::default()
                    }));
                }
                Err(waits) => return Stop::End(waits),
            }
        }
    }

    /// One move; how the run would end, if it does.
    fn step(&mut self, input: Input) -> Option<String> {
        self.moves += 1;
        if self.moves > MOVES {
            return Some("it goes round in circles".to_owned());
        }
        let Ground {
            flow,
            event,
            run,
            references,
            now_ms,
            ..
        } = self.ground;
        let asked = self.outbox.tasks.len();
        let surroundings = Surroundings {
            flow,
            event,
            run,
            now_ms,
            new_task: &|_| format!("task-{asked}"),
            references,
            take_room: &|| true,
        };
        match self.state.decide(surroundings, input, &mut self.outbox) {
            Decision::Done => Some("done".to_owned()),
            Decision::Dead => {
                let error = self.state.trace.error.clone().unwrap_or_default();
                Some(format!("dead: {error}"))
            }
            Decision::Go { calls, .. } => {
                self.open.extend(calls);
                None
            }
        }
    }

    /// The result of a call as it was recorded before, JSON.
    #[must_use]
    pub fn recorded(&self, wanted: &Wanted) -> Option<&'w str> {
        recorded(self.ground.before, &wanted.step)
    }

    /// Answers a call: with what was recorded before, or if nobody knows, with `{}`.
    pub fn as_recorded(&mut self, wanted: &Wanted) {
        let result = self.recorded(wanted);
        if result.is_none() {
            // A result of steps around it, of an `each` or a flow, is not known either.
            let around = wanted.step.split('.');
            let names = around.map(|name| name.split('[').next().unwrap_or(name).to_owned());
            self.unknown.extend(names);
        }
        self.answer(wanted, Ok(result.unwrap_or("{}").to_owned()));
    }

    /// Answers a call.
    pub fn answer(&mut self, wanted: &Wanted, result: Result<String, Failure>) {
        let called = Called {
            result,
            at_ms: self.ground.now_ms,
            crashed: false,
            outward: Vec::new(),
            outage: false,
            policy: RetryWish::default(),
        };
        self.input = Some(Input::Called(wanted.call, called));
    }

    /// What it knows so far, JSON.
    #[must_use]
    pub fn known(&self) -> String {
        // Our own types, into memory: it does not fail.
        serde_json::to_string(&self.state).unwrap_or_default()
    }

    /// Types of the events it would have emitted.
    pub(crate) fn emits(&self) -> Vec<String> {
        let emitted = self.outbox.emitted.iter();
        emitted.map(|event| event.kind.clone()).collect()
    }

    /// Links it would have made: `customer: crm C-7, erp 10042`.
    pub(crate) fn links(&self) -> &[String] {
        &self.links
    }

    /// The first step so far that went by a result which nobody knows: from there on all is guessed. With `failed`
    /// steps that ended badly are looked at more closely.
    #[must_use]
    pub fn blocked(&self, failed: bool) -> Option<Blocked> {
        if self.unknown.is_empty() {
            return None;
        }
        let mut unknown_vars = BTreeSet::new();
        self.blocked_in(&self.state.told().steps, failed, &mut unknown_vars)
    }

    fn blocked_in(
        &self,
        traces: &[StepTrace],
        failed: bool,
        vars: &mut BTreeSet<String>,
    ) -> Option<Blocked> {
        for trace in traces {
            let steps = every_step(self.ground.flow).filter(|step| step.id == trace.id);
            for step in steps {
                let is_failed = failed && trace.status == StepStatus::Failed;
                let needs = expressions(step, is_failed)
                    .iter()
                    .find_map(|expression| self.needs(expression, vars));
                match (needs, &step.kind) {
                    (None, _) => {}
                    (Some(_), Kind::Set(values)) if !is_failed => {
                        vars.extend(values.iter().map(|(name, _)| name.clone()));
                    }
                    (Some(needs), _) => {
                        let step = step.id.clone();
                        return Some(Blocked { step, needs });
                    }
                }
            }
            let inside = self.blocked_in(&trace.steps, failed, vars);
            if inside.is_some() {
                return inside;
            }
        }
        None
    }

    /// What of that is not known.
    fn needs(&self, expression: &Expression, vars: &BTreeSet<String>) -> Option<String> {
        let references = expression.references();
        if references.all_steps {
            return self.unknown.first().cloned();
        }
        let mut steps = references.steps.iter().map(|(name, _)| name);
        let mut named = references.vars.iter().map(|(name, _)| name);
        let step = steps.find(|name| self.unknown.contains(*name));
        step.or_else(|| named.find(|name| vars.contains(*name)))
            .cloned()
    }
}

/// The expressions that decide where a run goes and what it calls; of a step that failed, all it has.
fn expressions(step: &Step, is_failed: bool) -> Cow<'_, [&Expression]> {
    match &step.kind {
        _ if is_failed => step.expressions().into(),
        Kind::Call(call) => call.with.expressions().into(),
        // What it makes is not followed.
        Kind::Emit(_) | Kind::Link(_) | Kind::Return(_) => Cow::Borrowed(&[]),
        _ => step.expressions().into(),
    }
}

/// The answers that were given before, or what it would wait for.
fn answers(
    state: &RunState,
    outbox: &Outbox,
    before: &RunTrace,
) -> Result<Vec<(String, TaskAnswer)>, String> {
    let mut answers = Vec::new();
    let mut waits = None;
    for id in state.tasks() {
        let Some(task) = outbox.tasks.iter().find(|asked| asked.id == id) else {
            continue;
        };
        match given(task, before) {
            Some(answer) => answers.push((id, answer)),
            None => waits = Some(format!("asks {}: {}", task.role, task.question)),
        }
    }
    let listens = state.listens().unwrap_or_default();
    match (answers.is_empty(), waits, listens.first()) {
        (false, _, _) => Ok(answers),
        (true, Some(asks), _) => Err(asks),
        (true, None, Some(listen)) => Err(format!("waits for {}", listen.kind)),
        (true, None, None) => Err("waits".to_owned()),
    }
}

fn given(task: &TaskRow, before: &RunTrace) -> Option<TaskAnswer> {
    let given: serde_json::Value = serde_json::from_str(recorded(before, &task.step)?).ok()?;
    let text = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    Some(TaskAnswer {
        answer: text("answer"),
        by: text("by"),
        comment: text("comment"),
        at_ms: 0,
    })
}

/// The result of a step, as its trace has it, if that is whole. `step` is its name in the run.
fn recorded<'t>(before: &'t RunTrace, step: &str) -> Option<&'t str> {
    recorded_in(&before.steps, "", step)
}

fn recorded_in<'t>(steps: &'t [StepTrace], prefix: &str, name: &str) -> Option<&'t str> {
    steps.iter().find_map(|step| {
        let address = format!("{prefix}{}", step.id);
        let is_it = address == name
            && step.kind != "undo"
            && serde_json::from_str::<serde::de::IgnoredAny>(&step.result).is_ok();
        // Items and called flows name their steps behind themselves; branches do not.
        let inside = match step.kind.as_str() {
            "each" => address,
            "item" => format!("{address}."),
            "call" => format!("{address}."),
            _ => prefix.to_owned(),
        };
        is_it
            .then_some(step.result.as_str())
            .or_else(|| recorded_in(&step.steps, &inside, name))
    })
}
