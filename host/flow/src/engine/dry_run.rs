//! What a flow would do with an event, without doing it: the state machine with results that were recorded when the event
//! was carried out before, and `{}` where none was. Reaches no system and writes nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use tombolo_store::{LinkOutcome, TaskAnswer, TaskRow};

use crate::definition::Flow;
use crate::delivery::RetryWish;
use crate::expression::{Counterparts, EventDocument};
use crate::run::{Called, Decision, Input, News, Outbox, RunState, Surroundings, Wanted};
use crate::trace::{RunTrace, StepTrace};

/// Moves of one: more is a flow that goes round in circles.
const MOVES: usize = 100_000;

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The run it would be.
    pub run: String,
    /// In order.
    pub calls: Vec<DryCall>,
    /// Types of the events it would emit.
    pub emits: Vec<String>,
    /// Links it would make: `customer: crm C-7, erp 10042`.
    pub links: Vec<String>,
    /// How it would end, or for what it would wait.
    pub ends: String,
}

/// A call that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryCall {
    /// The step.
    pub step: String,
    /// `erp.item.stock`.
    pub what: String,
    /// JSON.
    pub input: String,
    /// Whether its result was recorded before; else `{}` was assumed.
    pub recorded: bool,
}

/// Goes through the flow. `before`: what the event's run did when it came.
pub(super) fn tried(
    flow: &Arc<Flow>,
    event: &EventDocument,
    (run, references): (String, &Arc<dyn Counterparts>),
    before: &RunTrace,
    now_ms: u64,
) -> DryRun {
    let (mut state, mut outbox) = (RunState::default(), Outbox::default());
    let mut dry = DryRun {
        run,
        calls: Vec::new(),
        emits: Vec::new(),
        links: Vec::new(),
        ends: "it goes round in circles".to_owned(),
    };
    let mut input = Input::Start;
    let mut open: VecDeque<Wanted> = VecDeque::new();
    for _ in 0..MOVES {
        let asked = outbox.tasks.len();
        let surroundings = Surroundings {
            flow,
            event,
            run: &dry.run,
            now_ms,
            new_task: &|_| format!("task-{asked}"),
            references,
        };
        let calls = match state.decide(surroundings, input, &mut outbox) {
            Decision::Done => {
                dry.ends = "done".to_owned();
                break;
            }
            Decision::Dead => {
                let error = state.trace.error.clone().unwrap_or_default();
                dry.ends = format!("dead: {error}");
                break;
            }
            Decision::Go { calls, .. } => calls,
        };
        open.extend(calls);
        if let Some(wanted) = outbox.links.pop() {
            // Nothing is written: a link is taken for made.
            let ids = wanted.link.ids.iter().map(ToString::to_string);
            let ids: Vec<String> = ids.collect();
            dry.links
                .push(format!("{}: {}", wanted.link.kind, ids.join(", ")));
            input = Input::Linked(wanted.number, LinkOutcome::Known);
            continue;
        }
        if let Some(wanted) = open.pop_front() {
            let result = recorded(before, &wanted.step);
            dry.calls.push(DryCall {
                what: format!("{}.{}", wanted.system, wanted.action),
                input: wanted.input,
                recorded: result.is_some(),
                step: wanted.step,
            });
            let called = Called {
                result: Ok(result.unwrap_or("{}").to_owned()),
                at_ms: now_ms,
                crashed: false,
                outward: Vec::new(),
                outage: false,
                policy: RetryWish::default(),
            };
            input = Input::Called(wanted.call, called);
            continue;
        }
        match answers(&state, &outbox, before) {
            Ok(answers) => {
                input = Input::Woken(News {
                    answers,
                    ..News::default()
                });
            }
            Err(waits) => {
                dry.ends = waits;
                break;
            }
        }
    }
    let emitted = outbox.emitted.into_iter();
    dry.emits = emitted.map(|event| event.kind).collect();
    dry
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
