//! What a run did, for people: the steps as a tree, attempts, outward calls, times, failures. Every part is bounded.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tombolo_kernel::audit::AuditRecord;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

/// A run's story. Steps that were not reached are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTrace {
    /// In their order.
    #[serde(default)]
    pub steps: Vec<StepTrace>,
    /// What people did about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// What the flow returned, JSON, cut.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// Why the run is dead, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a person did about a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// `retried`, `edited`, `answered`, `moved`, `discarded`.
    pub what: String,
    /// The step's name in the run; empty: the run as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// What was given: an input or a result, JSON, cut; the digest of the flow's version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Begun.
    #[default]
    Running,
    /// Until a retry, an answer or an event, or until its system is back.
    Waiting,
    /// Ended well.
    Done,
    /// Failed for good.
    Failed,
    /// Nobody answered, or nothing came, in time; the flow went on.
    TimedOut,
    /// Given up because an item beside it failed.
    Stopped,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTrace {
    /// Its `id`, else its place such as `2.then.1`.
    pub id: String,
    /// The key of the step in its file; `item` for an item of an `each`, `undo` for what takes a step back.
    pub kind: String,
    /// `erp.item.stock`, the event's type, the role asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// How it stands.
    pub status: StepStatus,
    /// The branch of the `if` around it: `then`, `else`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Milliseconds since the epoch.
    pub started_ms: u64,
    /// Milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// Calls of the action, failed ones and the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptTrace>,
    /// Digest of the adapter through which anything left: `sha256:...`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub adapter: String,
    /// What left the host on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallTrace>,
    /// The input, JSON, cut.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub input: String,
    /// The result, JSON, cut.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// Steps inside: of the branch that was taken, of the items, of the flow that was called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepTrace>,
}

/// One call of the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptTrace {
    /// When it began, milliseconds since the epoch.
    pub at_ms: u64,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// How it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The adapter broke: a trap, a limit, the deadline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crashed: bool,
    /// When the next attempt is due, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
}

/// One thing that left the host, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTrace {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// `http`, `sql`, `keys`, `store`, `actions`.
    pub capability: String,
    /// Connection, key or system.
    pub target: String,
    /// `GET /orders/7`, a statement's name.
    pub what: String,
    /// `200`, `ok`, `denied: ...`, `timeout`.
    pub outcome: String,
    /// Refused; nothing left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub denied: bool,
    /// Microseconds.
    pub micros: u64,
}

impl RunTrace {
    /// Takes note of what a person did; beyond a bound the oldest makes room.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        if self.repairs.len() >= limits::TRACE_REPAIRS {
            self.repairs.remove(0);
        }
        self.repairs.push(repair);
    }
}

/// The step that failed last: the innermost.
pub(crate) fn failed(steps: &[StepTrace]) -> Option<&StepTrace> {
    steps.iter().rev().find_map(|step| {
        failed(&step.steps).or((step.status == StepStatus::Failed).then_some(step))
    })
}

/// Begins a step inside `depth` others.
pub(crate) fn begin(steps: &mut Vec<StepTrace>, depth: usize, step: StepTrace) {
    let mut level = steps;
    for _ in 0..depth {
        if level.is_empty() {
            break;
        }
        let last = level.len() - 1;
        level = &mut level[last].steps;
    }
    level.push(step);
}

/// The step begun last inside `depth` others.
pub(crate) fn current(steps: &mut [StepTrace], depth: usize) -> Option<&mut StepTrace> {
    let mut level = steps;
    for _ in 0..depth {
        level = &mut level.last_mut()?.steps;
    }
    level.last_mut()
}

/// The step of this name that was begun last; those inside items are not looked at.
pub(crate) fn last_of<'t>(steps: &'t mut [StepTrace], id: &str) -> Option<&'t mut StepTrace> {
    let own = |step: &StepTrace| step.kind != "undo" && step.kind != "item";
    if let Some(at) = steps.iter().rposition(|step| own(step) && step.id == id) {
        return steps.get_mut(at);
    }
    let inside = steps.iter_mut().rev().filter(|step| own(step));
    inside
        .into_iter()
        .find_map(|step| last_of(&mut step.steps, id))
}

impl StepTrace {
    /// The system that it called; none where it called a flow, or nothing.
    pub(crate) fn system(&self) -> Option<&str> {
        let calls = matches!(self.kind.as_str(), "call" | "undo");
        let (system, _) = self.what.split_once('.').filter(|_| calls)?;
        (system != "flow").then_some(system)
    }

    /// How its last attempt failed.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.attempts.last()?.failure.as_ref()
    }

    /// Takes note of an attempt; beyond a bound the last one makes room.
    pub(crate) fn attempt(&mut self, attempt: AttemptTrace) {
        if self.attempts.len() >= limits::TRACE_ATTEMPTS {
            self.attempts.pop();
        }
        self.attempts.push(attempt);
    }

    /// Takes note of what left, up to a bound.
    pub(crate) fn note(&mut self, attempt: u32, outward: &[Arc<AuditRecord>]) {
        if let Some(last) = outward.last() {
            self.adapter = last.bearer.adapter.to_string();
        }
        let room = limits::TRACE_CALLS.saturating_sub(self.calls.len());
        self.calls
            .extend(outward.iter().take(room).map(|record| CallTrace {
                attempt,
                capability: record.kind.name().to_owned(),
                target: record.target.clone(),
                what: record.what.clone(),
                outcome: record.status.clone(),
                denied: record.is_denied(),
                micros: record.micros,
            }));
    }
}

/// At most [`limits::TRACE_BYTES`] of a text, with a word about what was cut.
#[must_use]
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= limits::TRACE_BYTES {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limits::TRACE_BYTES);
    format!("{}... ({} bytes in all)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_letter() {
        assert_eq!(cut("short"), "short");
        let long = "é".repeat(limits::TRACE_BYTES);
        let cut = cut(&long);
        assert!(
            cut.len() < limits::TRACE_BYTES + 40 && cut.ends_with("(4096 bytes in all)"),
            "{cut}"
        );
    }

    #[test]
    fn steps_begin_inside_the_step_before() {
        let step = |id: &str| StepTrace {
            id: id.into(),
            ..StepTrace::default()
        };
        let mut steps = Vec::new();
        begin(&mut steps, 0, step("1"));
        begin(&mut steps, 0, step("2"));
        begin(&mut steps, 1, step("2.then.1"));
        assert_eq!(steps[1].steps[0].id, "2.then.1");
        assert_eq!(
            current(&mut steps, 1).map(|step| step.id.as_str()),
            Some("2.then.1")
        );
    }
}
