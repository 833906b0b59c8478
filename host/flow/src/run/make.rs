//! One move: what happened is taken in, then steps follow until something must be done outside.

use std::sync::Arc;

use tombolo_kernel::limits;
use tombolo_store::TaskAnswer;

use super::{Decision, Input, Outbox, RunState, Surroundings, Waiting};
use crate::definition::{Kind, Step};
use crate::expression::{EvaluationError, Scope};
use crate::json::Document;
use crate::trace::{StepStatus, StepTrace, cut};

/// Why a step cannot go on.
pub(super) enum Fault {
    Expression(EvaluationError),
    Message(String),
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
        }
    }
}

pub(super) struct Move<'m, 'a> {
    pub(super) state: &'m mut RunState,
    pub(super) around: Surroundings<'a>,
    pub(super) outbox: &'m mut Outbox,
}

impl<'a> Move<'_, 'a> {
    pub(super) fn make(mut self, input: Input) -> Decision {
        let Some(step) = self.around.flow.program.get(self.state.at) else {
            return Decision::Done;
        };
        match input {
            Input::Start => {}
            Input::Called(called) => {
                if let Err(decision) = self.called(step, called) {
                    return decision;
                }
            }
            Input::Parked => return self.wait_for_system(step),
            Input::Answered(answer) => self.answered(step, &answer, false),
            Input::Woken => match self.state.waiting.take() {
                Some(Waiting::Answer { task, until_ms }) => {
                    if until_ms.is_none_or(|until| self.around.now_ms < until) {
                        self.state.waiting = Some(Waiting::Answer { task, until_ms });
                        return Decision::Wait { until_ms };
                    }
                    self.outbox.withdrawn.push(task);
                    self.answered(
                        step,
                        &TaskAnswer {
                            answer: String::new(),
                            by: String::new(),
                            comment: String::new(),
                            at_ms: self.around.now_ms,
                        },
                        true,
                    );
                }
                Some(Waiting::Retry { at_ms }) if self.around.now_ms < at_ms => {
                    self.state.waiting = Some(Waiting::Retry { at_ms });
                    return Decision::Wait {
                        until_ms: Some(at_ms),
                    };
                }
                Some(Waiting::System { system, until_ms })
                    if until_ms.is_some_and(|until| until <= self.around.now_ms) =>
                {
                    return self.gave_up_on(step, &system);
                }
                _ => {}
            },
        }
        self.go_on()
    }

    pub(super) fn go_on(&mut self) -> Decision {
        while let Some(step) = self.around.flow.program.get(self.state.at) {
            if self.state.began_ms.is_none() {
                self.begin(step);
            }
            let decision = match &step.kind {
                Kind::Call(call) => self.call(step, call).map(Some),
                Kind::If {
                    condition,
                    then_at,
                    else_at,
                } => self.branch(step, condition, *then_at, *else_at),
                Kind::Emit(emit) => self.emit(step, emit),
                Kind::Set(values) => self.set(step, values),
                Kind::Ask(ask) => self.ask(step, ask).map(Some),
            };
            match decision {
                Ok(None) => {}
                Ok(Some(decision)) => return decision,
                Err(fault) => return self.die(step, &fault.to_string()),
            }
        }
        Decision::Done
    }

    pub(super) fn begin(&mut self, step: &Step) {
        let (kind, what) = match &step.kind {
            Kind::Call(call) => ("call", format!("{}.{}", call.system, call.action)),
            Kind::If { condition, .. } => ("if", condition.source().to_owned()),
            Kind::Emit(emit) => ("emit", emit.kind.clone()),
            Kind::Set(_) => ("set", String::new()),
            Kind::Ask(ask) => ("ask", ask.role.clone()),
        };
        self.state.began_ms = Some(self.around.now_ms);
        self.state.attempts = 0;
        self.state.excused = 0;
        self.state.trace.begin(
            step.depth,
            StepTrace {
                id: step.id.clone(),
                kind: kind.to_owned(),
                what,
                branch: step.branch.map(str::to_owned),
                started_ms: self.around.now_ms,
                ..StepTrace::default()
            },
        );
    }

    /// Ends the step well and moves to `next`.
    pub(super) fn end(&mut self, step: &Step, next: usize, result: Option<&str>) {
        let now = self.around.now_ms;
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.status = StepStatus::Done;
            trace.ended_ms = Some(now);
            trace.result = result.map(cut).unwrap_or_default();
        }
        self.state.at = next;
        self.state.began_ms = None;
        self.state.attempts = 0;
        self.state.excused = 0;
        self.state.given = None;
        self.state.waiting = None;
    }

    pub(super) fn die(&mut self, step: &Step, why: &str) -> Decision {
        let now = self.around.now_ms;
        if let Some(trace) = self.state.trace.current(step.depth) {
            trace.status = StepStatus::Failed;
            trace.ended_ms = Some(now);
        }
        self.state.trace.error = Some(format!("step \"{}\": {why}", step.id));
        Decision::Dead
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::new(
            self.around.event,
            &self.state.steps,
            &self.state.vars,
            self.around.run,
        )
        .with_tables(Arc::clone(&self.around.flow.tables))
    }

    pub(super) fn keep(&mut self, step: &Step, result: String) -> Result<(), Fault> {
        let document = Document::new(result).map_err(|error| {
            Fault::Message(format!(
                "the result is not JSON: {error}; it is the adapter's fault"
            ))
        })?;
        self.state.steps.set(&step.id, document);
        self.check_size()
    }

    pub(super) fn check_size(&self) -> Result<(), Fault> {
        let bytes = self.state.steps.bytes() + self.state.vars.bytes();
        if bytes <= limits::RUN_STATE_BYTES {
            return Ok(());
        }
        let most = limits::RUN_STATE_BYTES;
        Err(Fault::Message(format!(
            "the results that later steps need have {bytes} bytes, expected at most {most}"
        )))
    }
}
