//! What a run did, for people: the steps as a tree, attempts, outward calls, times, failures. Every part is bounded.

use serde::{Deserialize, Serialize};
use tombolo_kernel::audit::Outward;
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
    /// Why the run is dead, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a person did about a dead run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// `retried`, `edited`, `discarded`.
    pub what: String,
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
    /// Until a retry or an answer.
    Waiting,
    /// Ended well.
    Done,
    /// Failed for good.
    Failed,
    /// Nobody answered in time; the flow went on.
    TimedOut,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTrace {
    /// Its `id`, else its place such as `2.then.1`.
    pub id: String,
    /// `call`, `if`, `emit`, `set`, `ask`.
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
    /// Steps inside: those of the branch that was taken.
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
    /// Begins a step inside `depth` others.
    pub(crate) fn begin(&mut self, depth: usize, step: StepTrace) {
        let mut level = &mut self.steps;
        for _ in 0..depth {
            if level.is_empty() {
                break;
            }
            let last = level.len() - 1;
            level = &mut level[last].steps;
        }
        level.push(step);
    }

    /// Takes note of what a person did; beyond a bound the oldest makes room.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        if self.repairs.len() >= limits::TRACE_REPAIRS {
            self.repairs.remove(0);
        }
        self.repairs.push(repair);
    }

    /// The step begun last inside `depth` others.
    pub(crate) fn current(&mut self, depth: usize) -> Option<&mut StepTrace> {
        let mut level = &mut self.steps;
        for _ in 0..depth {
            level = &mut level.last_mut()?.steps;
        }
        level.last_mut()
    }
}

impl StepTrace {
    /// Takes note of an attempt; beyond a bound the last one makes room.
    pub(crate) fn attempt(&mut self, attempt: AttemptTrace) {
        if self.attempts.len() >= limits::TRACE_ATTEMPTS {
            self.attempts.pop();
        }
        self.attempts.push(attempt);
    }

    /// Takes note of what left, up to a bound.
    pub(crate) fn note(&mut self, attempt: u32, outward: Vec<Outward>) {
        if let Some(last) = outward.last() {
            self.adapter.clone_from(&last.digest);
        }
        let room = limits::TRACE_CALLS.saturating_sub(self.calls.len());
        self.calls
            .extend(outward.into_iter().take(room).map(|outward| CallTrace {
                attempt,
                capability: outward.capability,
                target: outward.target,
                what: outward.what,
                outcome: outward.outcome,
                denied: outward.denied,
                micros: outward.micros,
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
        let mut trace = RunTrace::default();
        trace.begin(0, step("1"));
        trace.begin(0, step("2"));
        trace.begin(1, step("2.then.1"));
        assert_eq!(trace.steps[1].steps[0].id, "2.then.1");
        assert_eq!(
            trace.current(1).map(|step| step.id.as_str()),
            Some("2.then.1")
        );
    }
}
