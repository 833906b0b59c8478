//! When a step fails for good: what was done is taken back in reverse order, then `on-failure` runs.
//!
//! With an `on-failure` of its own the step takes back what was done inside it, those steps run, and the flow goes on
//! behind it. Without, all that the strand did is taken back, the flow's `on-failure` runs, and the strand has failed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tombolo_kernel::failure::Failure;

use super::Called;
use super::call::{Attempt, last_words};
use super::make::{Ended, Fault, Made, Move};
use super::strand::{Ground, Strand, Waiting};
use crate::definition::{Step, Undo};
use crate::delivery::RetryWish;
use crate::json::Document;
use crate::trace::{self, StepStatus, StepTrace, cut};

/// The kind of failure of what is given up because an item beside it failed.
pub(super) const STOPPED: &str = "stopped";

/// What would take a step back: its call, with the input it had been made with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Taken {
    /// The step's name in the run.
    pub(super) step: String,
    pub(super) system: String,
    pub(super) action: String,
    pub(super) input: Box<RawValue>,
    pub(super) retry: RetryWish,
}

/// Why a step failed, as `failure` shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    /// The step's name in the run.
    pub(super) step: String,
    /// The failure's kind; `flow` where the flow itself is at fault, `stopped` for an item beside one that failed.
    pub(super) kind: String,
    /// The system's code.
    #[serde(default)]
    pub(super) code: String,
    /// For people.
    pub(super) message: String,
}

/// A strand that takes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failing {
    pub(super) note: Note,
    /// The step that failed.
    pub(super) at: usize,
    /// How much is left untouched.
    pub(super) mark: usize,
    /// Whether anything was taken back.
    pub(super) took_back: bool,
    /// The input that a person gave to the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) given: Option<Box<RawValue>>,
    /// How often the step was tried.
    #[serde(default)]
    pub(super) attempts: u32,
}

impl Taken {
    pub(super) fn bytes(&self) -> usize {
        self.step.len() + self.system.len() + self.action.len() + self.input.get().len()
    }
}

impl Note {
    pub(super) fn of(step: String, failure: &Failure, message: String) -> Self {
        let code = match failure {
            Failure::Rejected { code, .. } => code.clone(),
            _ => String::new(),
        };
        Self {
            step,
            kind: failure.kind().to_owned(),
            code,
            message,
        }
    }

    /// As expressions see it.
    pub(super) fn document(&self) -> Document {
        // Texts under text keys: writing them into memory does not fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        Document::new(text).unwrap_or_default()
    }

    /// The words of a failure that expressions saw.
    pub(super) fn words_of(document: &Document) -> String {
        serde_json::from_str::<Self>(document.raw().get())
            .map(|note| note.to_string())
            .unwrap_or_default()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step \"{}\": {}", self.step, self.message)
    }
}

impl Move<'_, '_> {
    /// Renders what would take the step back, now that its result is known.
    pub(super) fn note_undo(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        step: &Step,
        undo: &Undo,
    ) -> Result<(), Fault> {
        let mut input = String::new();
        undo.call
            .with
            .write_json(&self.scope(strand, ground), &mut input)
            .map_err(|error| {
                Fault::Message(format!("it was done, and its undo cannot be made: {error}"))
            })?;
        strand.undo.push(Taken {
            step: ground.address(step),
            system: undo.call.system.clone(),
            action: undo.call.action.clone(),
            input: RawValue::from_string(input)
                .map_err(|error| Fault::Message(format!("undo.with: {error}")))?,
            retry: undo.retry,
        });
        Ok(())
    }

    /// The step failed for good.
    pub(super) fn fail(&mut self, strand: &mut Strand, ground: &Ground<'_>, fault: Fault) -> Made {
        let now = self.around.now_ms;
        let Some(step) = ground.flow.program.get(strand.at) else {
            return Made::On;
        };
        if let Some(trace) = strand.step_trace(step.depth) {
            trace.status = StepStatus::Failed;
            trace.ended_ms = Some(now);
        }
        let mut note = match fault {
            Fault::Inside(note) => note,
            other => Note {
                step: ground.address(step),
                kind: "flow".to_owned(),
                code: String::new(),
                message: other.to_string(),
            },
        };
        let (given, attempts) = (strand.given.take(), strand.attempts);
        strand.rest();
        let handled = step.on_failure.is_some() && !ground.stop;
        if let Some(failed) = strand.failed.as_mut().filter(|_| !handled) {
            // The flow's own on-failure failed: both are told, and the first is what counts.
            note.message = format!(
                "{}; then its on-failure failed: {note}",
                failed.note.message
            );
            note.step.clone_from(&failed.note.step);
            failed.note = note.clone();
            return Made::Over(Ended::Badly(note));
        }
        strand.failing = Some(Failing {
            note,
            at: strand.at,
            mark: if handled { strand.mark } else { 0 },
            took_back: false,
            given,
            attempts,
        });
        Made::On
    }

    /// Gives the strand up because an item beside it failed. What is under way inside it is given up first.
    pub(super) fn stop(&mut self, strand: &mut Strand, ground: &Ground<'_>) {
        if let Some(Waiting::Answer { task, .. }) = strand.waiting.take() {
            self.outbox.withdrawn.push(task);
        }
        let step = ground.flow.program.get(strand.at);
        if let Some(step) = step.filter(|_| strand.began_ms.is_some())
            && let Some(trace) = strand.step_trace(step.depth)
        {
            trace.status = StepStatus::Stopped;
            trace.ended_ms = Some(self.around.now_ms);
        }
        strand.rest();
        strand.given = None;
        strand.failing = Some(Failing {
            note: Note {
                step: step.map_or_else(String::new, |step| ground.address(step)),
                kind: STOPPED.to_owned(),
                code: String::new(),
                message: "stopped because another item failed".to_owned(),
            },
            at: strand.at,
            mark: 0,
            took_back: false,
            given: None,
            attempts: 0,
        });
    }

    /// Takes back the last thing that was done; with nothing left, `on-failure` runs or the strand has failed.
    pub(super) fn take_back(&mut self, strand: &mut Strand, ground: &Ground<'_>) -> Made {
        let program = &ground.flow.program;
        let Some(failing) = strand.failing.take() else {
            return Made::On;
        };
        let step = program.get(failing.at);
        if strand.undo.len() > failing.mark
            && let Some(taken) = strand.undo.last().cloned()
        {
            strand.failing = Some(failing);
            self.begin_undo(strand, depth_of_undo(step), &taken);
            let input = strand.given.as_ref().unwrap_or(&taken.input);
            let input = input.get().to_owned();
            let name = format!("{}/undo", taken.step);
            let of = (&*taken.system, &*taken.action);
            self.want(strand, name, of, input, taken.retry, None);
            return Made::Wait;
        }
        let handler = step.and_then(|step| step.on_failure);
        let closes = ground.is_flow && ground.flow.closing_at < program.len();
        match handler {
            Some(handler) if !ground.stop => {
                strand.failure = Some(failing.note.document());
                strand.at = handler;
                Made::On
            }
            _ if closes && strand.failed.is_none() && !ground.stop => {
                strand.failure = Some(failing.note.document());
                strand.at = ground.flow.closing_at;
                strand.failed = Some(failing);
                Made::On
            }
            _ => {
                let note = failing.note.clone();
                strand.failed = Some(failing);
                Made::Over(Ended::Badly(note))
            }
        }
    }

    fn begin_undo(&mut self, strand: &mut Strand, depth: usize, taken: &Taken) {
        if strand.began_ms.is_some() {
            return;
        }
        let now = self.around.now_ms;
        strand.began_ms = Some(now);
        let step = StepTrace {
            id: taken.step.clone(),
            kind: "undo".to_owned(),
            what: format!("{}.{}", taken.system, taken.action),
            started_ms: now,
            input: cut(taken.input.get()),
            ..StepTrace::default()
        };
        trace::begin(&mut strand.trace, depth, step);
    }

    /// The call that takes something back ended.
    pub(super) fn took_back(
        &mut self,
        strand: &mut Strand,
        ground: &Ground<'_>,
        called: Called,
    ) -> Made {
        let (Some(failing), Some(taken)) = (strand.failing.clone(), strand.undo.last().cloned())
        else {
            return Made::On;
        };
        let depth = depth_of_undo(ground.flow.program.get(failing.at));
        let name = format!("{}/undo", taken.step);
        let attempt = Attempt {
            depth,
            system: &taken.system,
            address: &name,
            retry: taken.retry.over(called.policy),
            deadline: None,
        };
        let ended = self.attempt(strand, &attempt, called);
        let counted = strand.counted();
        let (status, made) = match ended {
            Err(None) => return Made::Wait,
            Ok(_) => {
                self.is_taken_back(strand);
                (StepStatus::Done, Made::On)
            }
            Err(Some(failure)) => {
                let words = last_words(counted, attempt.retry, &failure);
                let left: Vec<String> = strand
                    .undo
                    .iter()
                    .rev()
                    .map(|taken| format!("\"{}\"", taken.step))
                    .collect();
                let message = format!(
                    "{}; the undo of \"{}\" failed: {words}; not taken back: {}",
                    failing.note,
                    taken.step,
                    left.join(", ")
                );
                (StepStatus::Failed, Made::Over(Ended::Stuck(message)))
            }
        };
        let now = self.around.now_ms;
        if let Some(trace) = strand.step_trace(depth) {
            trace.status = status;
            trace.ended_ms = Some(now);
        }
        match status {
            StepStatus::Done => strand.rest(),
            _ => strand.excuse(),
        }
        made
    }

    /// The last thing done is taken back.
    pub(super) fn is_taken_back(&mut self, strand: &mut Strand) {
        strand.undo.pop();
        strand.given = None;
        if let Some(failing) = &mut strand.failing {
            failing.took_back = true;
        }
    }
}

/// What is taken back stands inside the step that failed.
pub(super) fn depth_of_undo(failed: Option<&Step>) -> usize {
    failed.map_or(0, |step| step.depth + 1)
}
