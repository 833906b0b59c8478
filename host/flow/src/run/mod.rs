//! The run as a state machine. Pure: flow, state and what happened go in; the new state, what to do next and what must
//! commit with it come out. It asks no clock, does no I/O, and draws no randomness but the task id it is given.

mod backoff;
mod call;
mod make;
mod steps;

use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::Outward;
use tombolo_kernel::event::Event;
use tombolo_kernel::failure::Failure;
use tombolo_store::{TaskAnswer, TaskRow};

use crate::definition::{Flow, Kind};
use crate::delivery::RetryWish;
use crate::expression::EventDocument;
use crate::json::Named;
use crate::trace::RunTrace;

pub use backoff::pause_ms;
use make::Move;

/// Where a run stands between two moves.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RunState {
    /// The step it is at.
    at: usize,
    /// Results that later expressions look at.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    steps: Named,
    /// What `set` kept.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    vars: Named,
    /// Attempts of the step so far.
    #[serde(default)]
    attempts: u32,
    /// So many of them do not count: they met an outage of the system.
    #[serde(default)]
    excused: u32,
    /// A person's input for the step, in place of the one the flow writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<String>,
    /// When the step began.
    #[serde(default)]
    began_ms: Option<u64>,
    /// For what it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    /// Its story so far; kept beside the state.
    #[serde(skip)]
    pub trace: RunTrace,
}

/// For what a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiting {
    /// The next attempt.
    Retry {
        /// When.
        at_ms: u64,
    },
    /// An answer.
    Answer {
        /// Of this task.
        task: String,
        /// When it is given up.
        until_ms: Option<u64>,
    },
    /// A system that is down or has too much to do; no attempt is made meanwhile.
    System {
        /// Which.
        system: String,
        /// When the step is given up.
        until_ms: Option<u64>,
    },
}

/// What a move is made from.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the run carries out.
    pub flow: &'a Flow,
    /// Its event.
    pub event: &'a EventDocument,
    /// Its id.
    pub run: &'a str,
    /// Milliseconds since the epoch.
    pub now_ms: u64,
    /// Makes ids of tasks, which cannot be guessed.
    pub new_task: &'a dyn Fn(u64) -> String,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The run begins, or begins its step again after a restart.
    Start,
    /// The call ended.
    Called(Called),
    /// The question was answered.
    Answered(TaskAnswer),
    /// A time that was waited for has come.
    Woken,
    /// The call was not made: its system is down or has too much to do.
    Parked,
}

/// How a call ended.
#[derive(Debug)]
pub struct Called {
    /// Its result as JSON text, or how it failed.
    pub result: Result<String, Failure>,
    /// When it began, milliseconds since the epoch.
    pub at_ms: u64,
    /// The adapter broke.
    pub crashed: bool,
    /// What left.
    pub outward: Vec<Outward>,
    /// It failed because the system is down: the run waits for that, and no attempt is used up.
    pub outage: bool,
    /// The system's own policy, for what the step leaves open.
    pub policy: RetryWish,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Call the action of the step at this place of the program.
    Call {
        /// The step.
        step: usize,
        /// Its input, JSON.
        input: String,
        /// From 1.
        attempt: u32,
        /// The call is given up then, milliseconds since the epoch.
        until_ms: Option<u64>,
    },
    /// Keep the state and come again, at the latest then.
    Wait {
        /// Milliseconds since the epoch; none: until an answer comes.
        until_ms: Option<u64>,
    },
    /// Finished.
    Done,
    /// Failed for good.
    Dead,
}

/// What must commit together with the next state.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Events it made.
    pub emitted: Vec<Event>,
    /// Questions it asks.
    pub tasks: Vec<TaskRow>,
    /// Questions it no longer asks.
    pub withdrawn: Vec<String>,
}

impl Outbox {
    /// Whether nothing waits to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.emitted.is_empty() && self.tasks.is_empty() && self.withdrawn.is_empty()
    }
}

impl RunState {
    /// For what it waits.
    #[must_use]
    pub fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    /// The step it is at.
    #[must_use]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// A dead run goes on with its failed step: all attempts and its time begin anew. `given`: with this input.
    pub(crate) fn begin_again(&mut self, given: Option<String>, now_ms: u64) {
        self.excused = self.attempts;
        self.began_ms = self.began_ms.map(|_| now_ms);
        self.waiting = None;
        self.given = given.or(self.given.take());
    }

    /// The input of the call it is at, if it is at one and the flow can write it.
    pub(crate) fn call_input(&mut self, around: Surroundings<'_>) -> Option<String> {
        let step = around.flow.program.get(self.at)?;
        let Kind::Call(call) = &step.kind else {
            return None;
        };
        let outbox = &mut Outbox::default();
        let state = self;
        Move {
            state,
            around,
            outbox,
        }
        .input(call)
        .ok()
    }

    /// The system it waits for, if it waits for one.
    #[must_use]
    pub fn waits_for_system(&self) -> Option<&str> {
        match &self.waiting {
            Some(Waiting::System { system, .. }) => Some(system),
            _ => None,
        }
    }

    /// Makes one move.
    pub fn decide(
        &mut self,
        surroundings: Surroundings<'_>,
        input: Input,
        outbox: &mut Outbox,
    ) -> Decision {
        let move_ = Move {
            state: self,
            around: surroundings,
            outbox,
        };
        move_.make(input)
    }
}

/// The id of the event that a step emits: the same whenever the step runs again.
#[must_use]
pub fn emitted_id(run: &str, step: &str) -> String {
    format!("{run}/{step}")
}

#[cfg(test)]
mod tests;
