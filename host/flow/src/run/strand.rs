//! One line of steps under way: where it is, what it knows, for what it waits, what it would have to take back.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::failing::{Failing, Taken};
use crate::definition::{Flow, Step};
use crate::expression::{EventDocument, Item};
use crate::json::{Document, Named};
use crate::trace::{self, StepStatus, StepTrace};

/// Serialized with the state; what is of the call under way is not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Strand {
    /// The step it is at.
    pub(super) at: usize,
    /// Results that later expressions look at.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub(super) steps: Named,
    /// What `set` kept.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub(super) vars: Named,
    /// Attempts of the step so far.
    #[serde(default)]
    pub(super) attempts: u32,
    /// So many of them do not count: they met an outage of the system, or a person began the step again.
    #[serde(default)]
    pub(super) excused: u32,
    /// When the step began.
    #[serde(default)]
    pub(super) began_ms: Option<u64>,
    /// For what it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) waiting: Option<Waiting>,
    /// The call or link that is under way.
    #[serde(skip)]
    pub(super) calling: Option<u64>,
    /// Whether a call of the step was begun of which nobody knows the end. Only the same call, made again, tells what came
    /// of it, so it ends first, whatever else happens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unsure: bool,
    /// The same before the call that is under way, which may turn out never to have been made.
    #[serde(skip)]
    pub(super) was_unsure: bool,
    /// An input that a person gave to the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) given: Option<Box<RawValue>>,
    /// What would take back what was done, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) undo: Vec<Taken>,
    /// How many of them there were when the step began.
    #[serde(default)]
    pub(super) mark: usize,
    /// It failed for good and takes back what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
    /// Why `on-failure` runs, as its steps see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Document>,
    /// It failed for good; the flow's own `on-failure` runs, or has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<Failing>,
    /// What could not be taken back, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stuck: Option<String>,
    /// What is under way inside the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inner: Option<Box<Inner>>,
    /// The last result, where it becomes that of a step around.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Box<RawValue>>,
    /// Its item; made again from the list when it is needed.
    #[serde(skip)]
    pub(super) item: Option<Arc<Item>>,
    /// Its story; that of the flow's own steps is kept beside the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) trace: Vec<StepTrace>,
}

/// For what a strand waits.
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
    /// An event.
    Event {
        /// Of these types.
        on: Vec<String>,
        /// The field it is found by, or empty.
        path: String,
        /// What that field must be, or empty.
        key: String,
        /// When it is given up.
        until_ms: Option<u64>,
        /// Whether the log was looked through.
        looked: bool,
    },
    /// A system that is down or has too much to do; no attempt is made meanwhile.
    System {
        /// Which.
        system: String,
        /// When the step is given up.
        until_ms: Option<u64>,
    },
}

/// What is under way inside a step.
#[expect(clippy::large_enum_variant, reason = "kept in a box of its own")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Inner {
    /// Items of an `each`.
    Items(Items),
    /// A called flow.
    Flow(Called),
}

/// Items of an `each`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Items {
    /// The list.
    pub(super) list: Document,
    /// The first that has not begun.
    pub(super) next: usize,
    /// Those under way, and those that cannot take back what they did.
    pub(super) live: Vec<(usize, Strand)>,
    /// Results of those that ended well, where a later step looks at them.
    pub(super) results: Vec<(usize, Document)>,
    /// Those that failed, as their steps saw it.
    pub(super) failed: Vec<(usize, Document)>,
    /// What would take back what ended items did, oldest first.
    pub(super) undo: Vec<Taken>,
}

/// A called flow under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Called {
    /// What it sees as `event.data`.
    pub(super) data: Document,
    pub(super) strand: Strand,
    /// The event it sees; made again when it is needed.
    #[serde(skip)]
    pub(super) event: OnceLock<Arc<EventDocument>>,
}

/// What a strand stands on.
pub(super) struct Ground<'g> {
    pub(super) flow: &'g Flow,
    pub(super) event: &'g EventDocument,
    /// Before the names of its steps: `lines[3].`
    pub(super) prefix: &'g str,
    /// Results and variables of the steps around.
    pub(super) around: Vec<(&'g Named, &'g Named)>,
    pub(super) item: Option<&'g Item>,
    /// The failure that the steps around see.
    pub(super) failure: Option<&'g Document>,
    /// Where its steps end.
    pub(super) end: usize,
    /// It follows a flow's own steps, not those of an `each`.
    pub(super) is_flow: bool,
    /// It is the run's first.
    pub(super) is_root: bool,
    /// It is to be given up.
    pub(super) stop: bool,
}

impl Ground<'_> {
    /// The step's name in the run.
    pub(super) fn address(&self, step: &Step) -> String {
        format!("{}{}", self.prefix, step.id)
    }
}

impl Strand {
    /// One that begins at a step.
    pub(super) fn at(at: usize) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// It and all inside it.
    pub(super) fn every<'s>(&'s self, look: &mut dyn FnMut(&'s Strand)) {
        look(self);
        match self.inner.as_deref() {
            Some(Inner::Items(items)) => {
                items.live.iter().for_each(|(_, strand)| strand.every(look))
            }
            Some(Inner::Flow(called)) => called.strand.every(look),
            None => {}
        }
    }

    /// Forgets the attempts of its step.
    pub(super) fn rest(&mut self) {
        self.began_ms = None;
        self.attempts = 0;
        self.excused = 0;
        self.waiting = None;
        self.unsure = false;
    }

    /// All attempts come anew; those before are still numbered.
    pub(super) fn excuse(&mut self) {
        self.excused = self.attempts;
        self.waiting = None;
    }

    /// Attempts that count.
    pub(super) fn counted(&self) -> u32 {
        self.attempts.saturating_sub(self.excused)
    }

    /// Bytes of what it keeps.
    pub(super) fn bytes(&self) -> usize {
        let of = |taken: &[Taken]| taken.iter().map(Taken::bytes).sum::<usize>();
        let inner = match self.inner.as_deref() {
            Some(Inner::Items(items)) => {
                let kept = items.results.iter().chain(&items.failed);
                let kept: usize = kept.map(|(_, one)| one.raw().get().len()).sum();
                let live: usize = items.live.iter().map(|(_, strand)| strand.bytes()).sum();
                items.list.raw().get().len() + kept + live + of(&items.undo)
            }
            Some(Inner::Flow(called)) => called.data.raw().get().len() + called.strand.bytes(),
            None => 0,
        };
        let last = self.last.as_ref().map_or(0, |last| last.get().len());
        self.steps.bytes() + self.vars.bytes() + of(&self.undo) + last + inner
    }

    /// Adds the stories of what is under way inside to that of the step.
    pub(super) fn tell_inner(&self, steps: &mut [StepTrace]) {
        let Some(step) = open_step(steps) else { return };
        match self.inner.as_deref() {
            Some(Inner::Items(items)) => {
                for (index, strand) in &items.live {
                    let mut node = item_node(*index, strand, StepStatus::Running);
                    strand.tell_inner(&mut node.steps);
                    step.steps.push(node);
                }
                step.steps.sort_by_key(|step| item_index(&step.id));
            }
            Some(Inner::Flow(called)) => {
                step.steps.clone_from(&called.strand.trace);
                called.strand.tell_inner(&mut step.steps);
            }
            None => {}
        }
    }

    /// Takes out of a story that was written what [`Self::tell_inner`] had added.
    pub(super) fn untell_inner(&self, steps: &mut [StepTrace]) {
        let Some(step) = open_step(steps) else { return };
        match self.inner.as_deref() {
            Some(Inner::Items(_)) => step
                .steps
                .retain(|node| node.kind != "item" || node.ended_ms.is_some()),
            Some(Inner::Flow(_)) => step.steps.clear(),
            None => {}
        }
    }

    /// The story of the step it is at.
    pub(super) fn step_trace(&mut self, depth: usize) -> Option<&mut StepTrace> {
        trace::current(&mut self.trace, depth)
    }
}

/// The step that holds what is under way: the deepest of the last ones that has not ended.
fn open_step(steps: &mut [StepTrace]) -> Option<&mut StepTrace> {
    let last = steps.last_mut()?;
    let deeper = last.steps.last().is_some_and(|step| step.kind != "item");
    if last.ended_ms.is_some() && deeper {
        return open_step(&mut last.steps);
    }
    Some(last)
}

/// An item in the tree of its `each`.
pub(super) fn item_node(index: usize, strand: &Strand, status: StepStatus) -> StepTrace {
    let steps = strand.trace.clone();
    let started_ms = steps.first().map_or(0, |step| step.started_ms);
    StepTrace {
        id: format!("[{index}]"),
        kind: "item".to_owned(),
        status,
        started_ms,
        ended_ms: None,
        steps,
        ..StepTrace::default()
    }
}

fn item_index(id: &str) -> usize {
    id.trim_matches(['[', ']']).parse().unwrap_or(usize::MAX)
}
