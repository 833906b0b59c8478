//! The run as a state machine. Pure: flow, state and what happened go in; the new state, what to do next and what must
//! commit with it come out. It asks no clock, does no I/O, and draws no randomness but the task id it is given.
//!
//! A run is a tree of [strands](strand::Strand): one follows the flow's steps; an `each` has one per item under way,
//! a called flow has one. A move visits all that can go on.

mod ask;
mod backoff;
mod call;
mod demand;
mod each;
mod failing;
mod link;
mod make;
mod mend;
mod steps;
mod strand;
mod sub_flow;
mod system;
mod transfer;
mod wait;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::AuditRecord;
use tombolo_kernel::event::Event;
use tombolo_kernel::failure::Failure;
use tombolo_store::{Link, LinkOutcome, Listen, TaskAnswer, TaskRow};

use crate::definition::Flow;
use crate::delivery::RetryWish;
use crate::expression::{Counterparts, EventDocument};
use crate::trace::RunTrace;

pub use backoff::pause_ms;
use make::Move;
pub use mend::{Mend, MendWith};
use strand::Strand;
pub use strand::Waiting;

/// Where a run stands between two moves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RunState {
    /// The flow's own steps.
    root: Strand,
    /// What is counted over the whole run.
    #[serde(default)]
    counted: Counted,
    /// Its story so far, but for what is under way inside its last step; kept beside the state.
    #[serde(skip)]
    pub trace: RunTrace,
}

/// What is counted over a whole run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Counted {
    /// Events it emitted.
    #[serde(default)]
    emitted: u32,
    /// Events that its `wait` steps found: none is found twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found: Vec<i64>,
    /// Whether it ever listened for events.
    #[serde(default)]
    listened: bool,
    /// Numbers calls, as long as the run is in memory.
    #[serde(skip)]
    calls: u64,
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
    /// Where expressions look up cross-references.
    pub references: &'a Arc<dyn Counterparts>,
    /// Takes room for one event among those that may come of the event from outside; false: there is none left. Asked once
    /// for each event that is emitted.
    pub take_room: &'a dyn Fn() -> bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The run begins, or begins its step again after a restart.
    Start,
    /// The call of this number ended.
    Called(u64, Called),
    /// What came of the link of this number.
    Linked(u64, LinkOutcome),
    /// The call of this number was not made: its system is down or has too much to do.
    Parked(u64),
    /// A time that was waited for has come, or something else it waits for.
    Woken(News),
}

/// What came for a run that waited.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Answers, by task.
    pub answers: Vec<(String, TaskAnswer)>,
    /// Events it may be waiting for, in the order of the log.
    pub events: Vec<Arc<EventDocument>>,
    /// Whether the log was looked through, from the run's own event on.
    pub looked: bool,
    /// Whether this is all that came so far: only then may what waits be given up.
    pub complete: bool,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct Called {
    /// Its result as JSON text, or how it failed.
    pub result: Result<String, Failure>,
    /// When it began, milliseconds since the epoch.
    pub at_ms: u64,
    /// The adapter broke.
    pub crashed: bool,
    /// What left.
    pub outward: Vec<Arc<AuditRecord>>,
    /// It failed because the system is down: the step waits for that, and no attempt is used up.
    pub outage: bool,
    /// The system's own policy, for what the step leaves open.
    pub policy: RetryWish,
}

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Names it in [`Input::Called`].
    pub call: u64,
    /// The step, unique in the run: `stock`, `lines[3].reserve`, `reserve/undo`. Part of the idempotency key.
    pub step: String,
    /// The system.
    pub system: String,
    /// The action.
    pub action: String,
    /// Its input, JSON.
    pub input: String,
    /// From 1.
    pub attempt: u32,
    /// How many before it failed and count.
    pub failed: u32,
    /// What its step says of attempts.
    pub retry: RetryWish,
    /// The call is given up then, milliseconds since the epoch.
    pub until_ms: Option<u64>,
}

/// A link to make, in the commit that keeps the state. What came of it is told by [`Input::Linked`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLink {
    /// Names it in [`Input::Linked`].
    pub number: u64,
    /// The link.
    pub link: Link,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make these calls, beside those that are under way, and the outbox's links. With none under way: keep the state. Come again, at the
    /// latest at the time.
    Go {
        /// To make now.
        calls: Vec<Wanted>,
        /// Milliseconds since the epoch; none: until something comes.
        until_ms: Option<u64>,
    },
    /// Finished.
    Done,
    /// Failed for good.
    Dead,
}

/// What must commit together with the next state.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// Events it made.
    pub emitted: Vec<Event>,
    /// Questions it asks.
    pub tasks: Vec<TaskRow>,
    /// Questions it no longer asks.
    pub withdrawn: Vec<String>,
    /// Links it makes.
    pub links: Vec<WantedLink>,
}

impl Outbox {
    /// Whether nothing waits to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.emitted.is_empty()
            && self.tasks.is_empty()
            && self.withdrawn.is_empty()
            && self.links.is_empty()
    }
}

impl RunState {
    /// Makes one move.
    pub fn decide(
        &mut self,
        surroundings: Surroundings<'_>,
        input: Input,
        outbox: &mut Outbox,
    ) -> Decision {
        self.root.trace = std::mem::take(&mut self.trace.steps);
        let mut move_ = Move::new(surroundings, input, &mut self.counted, outbox);
        let ended = move_.visit_root(&mut self.root);
        let (calls, until_ms) = (std::mem::take(&mut move_.calls), move_.until_ms());
        self.trace.steps = std::mem::take(&mut self.root.trace);
        match ended {
            None => Decision::Go { calls, until_ms },
            Some(Ok(result)) => {
                self.trace.result = result.unwrap_or_default();
                self.trace.error = None;
                Decision::Done
            }
            Some(Err(message)) => {
                self.trace.error = Some(message);
                Decision::Dead
            }
        }
    }

    /// Tasks it waits for.
    #[must_use]
    pub fn tasks(&self) -> Vec<String> {
        let mut tasks = Vec::new();
        self.root.every(&mut |strand| {
            if let Some(Waiting::Answer { task, .. }) = &strand.waiting {
                tasks.push(task.clone());
            }
        });
        tasks
    }

    /// The first system it waits for, if it waits for one.
    #[must_use]
    pub fn waits_for_system(&self) -> Option<&str> {
        let mut found = None;
        self.root.every(&mut |strand| {
            if let Some(Waiting::System { system, .. }) = &strand.waiting {
                found.get_or_insert(system.as_str());
            }
        });
        found
    }

    /// The events it waits for; `None`: it never waited for any.
    #[must_use]
    pub fn listens(&self) -> Option<Vec<Listen>> {
        let mut listens: Vec<Listen> = Vec::new();
        if !self.counted.listened {
            return None;
        }
        self.root.every(&mut |strand| {
            if let Some(Waiting::Event { on, path, key, .. }) = &strand.waiting {
                listens.extend(on.iter().map(|kind| Listen {
                    kind: kind.clone(),
                    path: path.clone(),
                    key: key.clone(),
                }));
            }
        });
        Some(listens)
    }

    /// Whether any of it has failed: undos or an `on-failure` are under way.
    #[must_use]
    pub fn fails(&self) -> bool {
        let mut found = false;
        self.root.every(&mut |strand| {
            found |=
                strand.failing.is_some() || strand.failure.is_some() || strand.failed.is_some();
        });
        found
    }

    /// Whether items of an `each` are under way.
    #[must_use]
    pub fn has_items(&self) -> bool {
        let mut found = false;
        self.root.every(&mut |strand| {
            found |= matches!(strand.inner.as_deref(), Some(strand::Inner::Items(_)));
        });
        found
    }

    /// Whether the time has come for an event that it waits for.
    #[must_use]
    pub fn gives_up(&self, now_ms: u64) -> bool {
        let mut found = false;
        self.root.every(&mut |strand| {
            if let Some(Waiting::Event { until_ms, .. }) = &strand.waiting {
                found |= until_ms.is_some_and(|until| until <= now_ms);
            }
        });
        found
    }

    /// Types for which the log must still be looked through, from the run's own event on.
    #[must_use]
    pub fn looks_for(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        self.root.every(&mut |strand| {
            if let Some(Waiting::Event {
                on, looked: false, ..
            }) = &strand.waiting
            {
                kinds.extend(on.iter().cloned());
            }
        });
        kinds
    }

    /// Whether one of its `wait` steps means this event.
    pub fn hears(&mut self, surroundings: Surroundings<'_>, event: &Arc<EventDocument>) -> bool {
        let mut outbox = Outbox::default();
        let move_ = Move::new(surroundings, Input::Start, &mut self.counted, &mut outbox);
        move_.hears(&self.root, event)
    }

    /// Takes its story back as it was told: what is under way stands in the state and is told from there again.
    pub fn remember(&mut self, mut told: RunTrace) {
        self.root.untell_inner(&mut told.steps);
        self.trace = told;
    }

    /// Its story, with what is under way inside its last step.
    #[must_use]
    pub fn told(&self) -> std::borrow::Cow<'_, RunTrace> {
        if self.root.inner.is_none() {
            return std::borrow::Cow::Borrowed(&self.trace);
        }
        let mut trace = self.trace.clone();
        self.root.tell_inner(&mut trace.steps);
        std::borrow::Cow::Owned(trace)
    }
}

/// The id of the event that a step emits: the same whenever the step runs again.
#[must_use]
pub fn emitted_id(run: &str, step: &str) -> String {
    format!("{run}/{step}")
}

#[cfg(test)]
mod tests;
