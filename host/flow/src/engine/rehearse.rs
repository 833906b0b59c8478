//! What a flow would do with an event, without doing it: the state machine with results that were recorded when the event
//! was carried out before, and `{}` where none was. Reaches no system and writes nothing.

use std::sync::Arc;

use serde::Serialize;
use tombolo_kernel::limits;
use tombolo_store::TaskAnswer;

use crate::definition::{Flow, Kind};
use crate::delivery::RetryWish;
use crate::expression::EventDocument;
use crate::run::{Called, Decision, Input, Outbox, RunState, Surroundings, Waiting};
use crate::trace::{RunTrace, StepTrace};

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The run it would be.
    pub run: String,
    /// In order.
    pub calls: Vec<RehearsedCall>,
    /// Types of the events it would emit.
    pub emits: Vec<String>,
    /// How it would end, or for what it would wait.
    pub ends: String,
}

/// A call that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RehearsedCall {
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
pub(super) fn rehearse(
    flow: &Arc<Flow>,
    event: &EventDocument,
    run: String,
    before: &RunTrace,
    now_ms: u64,
) -> Rehearsal {
    let (mut state, mut outbox) = (RunState::default(), Outbox::default());
    let mut rehearsal = Rehearsal {
        run,
        calls: Vec::new(),
        emits: Vec::new(),
        ends: "it goes round in circles".to_owned(),
    };
    let mut input = Input::Start;
    // Every step is decided once, a call and a question once more.
    for _ in 0..2 * limits::FLOW_STEPS {
        let surroundings = Surroundings {
            flow,
            event,
            run: &rehearsal.run,
            now_ms,
            new_task: &|_| String::new(),
        };
        match state.decide(surroundings, input, &mut outbox) {
            Decision::Done => {
                rehearsal.ends = "done".to_owned();
                break;
            }
            Decision::Dead => {
                let error = state.trace.error.clone().unwrap_or_default();
                rehearsal.ends = format!("dead: {error}");
                break;
            }
            Decision::Wait { .. } => match answer(&state, &outbox, before) {
                Ok(answer) => input = Input::Answered(answer),
                Err(waits) => {
                    rehearsal.ends = waits;
                    break;
                }
            },
            Decision::Call {
                step, input: json, ..
            } => {
                let Some(step) = flow.program.get(step) else {
                    break;
                };
                let result = recorded(&before.steps, &step.id);
                let what = match &step.kind {
                    Kind::Call(call) => format!("{}.{}", call.system, call.action),
                    _ => String::new(),
                };
                rehearsal.calls.push(RehearsedCall {
                    step: step.id.clone(),
                    what,
                    input: json,
                    recorded: result.is_some(),
                });
                input = Input::Called(Called {
                    result: Ok(result.unwrap_or("{}").to_owned()),
                    at_ms: now_ms,
                    crashed: false,
                    outward: Vec::new(),
                    outage: false,
                    policy: RetryWish::default(),
                });
            }
        }
    }
    let emitted = outbox.emitted.into_iter();
    rehearsal.emits = emitted.map(|event| event.kind).collect();
    rehearsal
}

/// The answer that was given before, or what it would wait for.
fn answer(state: &RunState, outbox: &Outbox, before: &RunTrace) -> Result<TaskAnswer, String> {
    let Some(Waiting::Answer { task, .. }) = state.waiting() else {
        return Err("waits".to_owned());
    };
    let Some(task) = outbox.tasks.iter().find(|asked| asked.id == *task) else {
        return Err("waits for an answer".to_owned());
    };
    let asks = || format!("asks {}: {}", task.role, task.question);
    let given = recorded(&before.steps, &task.step).ok_or_else(asks)?;
    let given: serde_json::Value = serde_json::from_str(given).map_err(|_| asks())?;
    let text = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    Ok(TaskAnswer {
        answer: text("answer"),
        by: text("by"),
        comment: text("comment"),
        at_ms: 0,
    })
}

/// A step's result as its trace has it, if that is whole.
fn recorded<'t>(steps: &'t [StepTrace], id: &str) -> Option<&'t str> {
    steps.iter().find_map(|step| {
        let is_it =
            step.id == id && serde_json::from_str::<serde::de::IgnoredAny>(&step.result).is_ok();
        is_it
            .then_some(step.result.as_str())
            .or_else(|| recorded(&step.steps, id))
    })
}
