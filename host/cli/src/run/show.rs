//! A run as a tree: its event, its steps, each with its attempts and what left the host, with times and errors.

use tombolo_flow::trace::{AttemptTrace, CallTrace, Repair, StepStatus, StepTrace};
use tombolo_store::RunStatus;

use super::{Detail, RunView, status_word};
use crate::event::EventView;
use crate::out::{self, Cell, Table, Tone};
use crate::tree::{self, Node};
use crate::{text, when};

/// How much of an input or a result is shown, characters.
const SHOWN: usize = 100;

/// Prints it.
pub(crate) fn print(detail: &Detail) -> anyhow::Result<()> {
    out::line(run_line(&detail.run))?;
    if let Some(event) = &detail.event {
        out::line(event_line(event))?;
        let data = text::shortened(&event.data.to_string(), 2 * SHOWN).into_owned();
        out::line(format!("  {}", out::tone(text::harmless(&data), Tone::Dim)))?;
    }
    steps(&detail.trace.steps, detail.run.started_ms).print()?;
    for repair in &detail.trace.repairs {
        out::line(repair_line(repair))?;
    }
    if !detail.trace.result.is_empty() {
        let result = text::shortened(&detail.trace.result, 2 * SHOWN);
        out::line(format!("returned {}", text::harmless(&result)))?;
    }
    if let Some(error) = &detail.trace.error {
        out::line(format!(
            "{} {}",
            out::tone("failed for good:", Tone::Bad),
            text::harmless(error)
        ))?;
    }
    if detail.run.status == RunStatus::Dead {
        out::line(text::harmless(&tombolo_flow::advice(&detail.trace)))?;
    }
    Ok(())
}

fn run_line(run: &RunView) -> String {
    let (status, tone) = status_word(run.status);
    let took = when::duration(run.updated_ms.saturating_sub(run.started_ms));
    let lane = if run.lane.is_empty() {
        String::new()
    } else {
        format!("  lane {}", text::harmless(&run.lane))
    };
    format!(
        "run {}  {}  {took}{lane}",
        text::harmless(&run.id),
        out::tone(status, tone)
    )
}

fn event_line(event: &EventView) -> String {
    format!(
        "event {}  {}  {}  from {}  id {}  stored {}",
        event.seq,
        out::tone(text::harmless(&event.kind), Tone::Strong),
        text::harmless(event.subject.as_deref().unwrap_or("-")),
        text::harmless(&event.source),
        text::harmless(&event.id),
        when::moment(event.stored_ms),
    )
}

fn steps(steps: &[StepTrace], run_started: u64) -> Table {
    let mut table = Table::new(&["STEP", "STATUS", "AT", "TOOK", "RESULT"]);
    tree::add(
        &mut table,
        steps
            .iter()
            .map(|step| step_node(step, run_started))
            .collect(),
    );
    table
}

fn step_node(step: &StepTrace, run_started: u64) -> Node {
    let (status, tone) = step_word(step.status);
    let took = step.ended_ms.map_or_else(String::new, |ended| {
        when::duration(ended.saturating_sub(step.started_ms))
    });
    let cells = [
        Cell::new(status, tone),
        offset(step.started_ms, run_started).into(),
        took.into(),
        text::shortened(&step.result, SHOWN).into(),
    ];
    let mut node = Node::leaf(label(step), cells);
    let calls = |attempt: u32| {
        step.calls
            .iter()
            .filter(move |call| call.attempt == attempt)
            .map(call_node)
            .collect::<Vec<_>>()
    };
    // One attempt that went well says nothing that the step does not say.
    if let [AttemptTrace { failure: None, .. }] = step.attempts.as_slice() {
        node.children = step.calls.iter().map(call_node).collect();
    } else {
        for (attempt, number) in step.attempts.iter().zip(1..) {
            let mut below = attempt_node(number, attempt, run_started);
            below.children = calls(number);
            node.children.push(below);
        }
    }
    node.children
        .extend(step.steps.iter().map(|step| step_node(step, run_started)));
    node
}

/// `stock: call erp.item.stock`, `then request: call ...`.
fn label(step: &StepTrace) -> String {
    let branch = step
        .branch
        .as_ref()
        .map_or_else(String::new, |branch| format!("{branch} "));
    // A step without an `id` has its place instead, which the tree shows already.
    let named = !step.id.starts_with(|first: char| first.is_ascii_digit());
    let id = if step.kind == "item" {
        return format!(
            "item {} {}",
            step.id,
            text::shortened(&step.what, SHOWN / 2)
        );
    } else if named {
        format!("{}: ", step.id)
    } else {
        String::new()
    };
    format!("{branch}{id}{} {}", step.kind, step.what)
}

fn attempt_node(number: u32, attempt: &AttemptTrace, run_started: u64) -> Node {
    let (status, tone) = match &attempt.failure {
        None => ("done", Tone::Good),
        Some(_) if attempt.crashed => ("crashed", Tone::Bad),
        Some(_) => ("failed", Tone::Bad),
    };
    let next = attempt.next_ms.map_or_else(String::new, |next| {
        format!("; next attempt {}", offset(next, run_started))
    });
    let words = attempt
        .failure
        .as_ref()
        .map_or_else(String::new, |failure| format!("{failure}{next}"));
    let cells = [
        Cell::new(status, tone),
        offset(attempt.at_ms, run_started).into(),
        when::duration(attempt.took_ms).into(),
        Cell::new(words, Tone::Bad),
    ];
    Node::leaf(format!("attempt {number}"), cells)
}

/// Who changed what, and why.
fn repair_line(repair: &Repair) -> String {
    let mut words = format!("{} {}", when::moment(repair.at_ms), repair.what);
    if !repair.step.is_empty() {
        words = format!("{words} {}", repair.step);
    }
    words = format!("{words} by {}: {}", repair.by, repair.reason);
    if !repair.value.is_empty() {
        words = format!("{words} ({})", text::shortened(&repair.value, SHOWN));
    }
    text::harmless(&words)
}

fn call_node(call: &CallTrace) -> Node {
    let tone = if call.denied { Tone::Bad } else { Tone::Dim };
    let cells = [
        Cell::new(&call.outcome, tone),
        "".into(),
        when::micros(call.micros).into(),
    ];
    Node::leaf(
        format!("{} {}: {}", call.capability, call.target, call.what),
        cells,
    )
}

fn step_word(status: StepStatus) -> (&'static str, Tone) {
    match status {
        StepStatus::Running => ("running", Tone::Strong),
        StepStatus::Waiting => ("waiting", Tone::Warning),
        StepStatus::Done => ("done", Tone::Good),
        StepStatus::Failed => ("failed", Tone::Bad),
        StepStatus::TimedOut => ("timed out", Tone::Warning),
        StepStatus::Stopped => ("stopped", Tone::Warning),
    }
}

fn offset(at_ms: u64, run_started: u64) -> String {
    format!("+{}", when::duration(at_ms.saturating_sub(run_started)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tree_shows_attempts_only_where_one_failed_and_what_left_below_its_attempt() {
        let sql = json!({ "attempt": 1, "capability": "sql", "target": "db", "what": "stock", "outcome": "ok", "micros": 310 });
        let refused = json!({ "attempt": 1, "capability": "http", "target": "api", "what": "POST /x", "outcome": "503", "micros": 2500 });
        let took = json!({ "attempt": 2, "capability": "http", "target": "api", "what": "POST /x", "outcome": "201", "micros": 1500 });
        let failure =
            json!({ "kind": "unavailable", "message": "busy \u{1b}[2J", "retry_after_ms": null });
        let trace: Vec<StepTrace> = serde_json::from_value(json!([
            { "id": "stock", "kind": "call", "what": "erp.item.stock", "status": "done", "started_ms": 1000, "ended_ms": 1002,
              "attempts": [{ "at_ms": 1000, "took_ms": 2 }], "calls": [sql], "result": "{\"on_hand\":2}" },
            { "id": "2", "kind": "if", "what": "", "status": "running", "started_ms": 1002, "steps": [
                { "id": "2.then.1", "kind": "call", "what": "crm.note", "branch": "then", "status": "done",
                  "started_ms": 1002, "ended_ms": 2010, "calls": [refused, took], "attempts": [
                    { "at_ms": 1002, "took_ms": 3, "failure": failure, "next_ms": 2005 }, { "at_ms": 2005, "took_ms": 5 }] },
            ]},
        ]))
        .unwrap();
        insta::assert_snapshot!(steps(&trace, 1000).lines(false).join("\n"), @r#"
        STEP                           STATUS   AT       TOOK    RESULT
        ├─ stock: call erp.item.stock  done     +0 ms    2 ms    {"on_hand":2}
        │  └─ sql db: stock            ok                310 µs
        └─ if                          running  +2 ms
           └─ then call crm.note       done     +2 ms    1.00 s
              ├─ attempt 1             failed   +2 ms    3 ms    unavailable: busy \u{1b}[2J; next attempt +1.00 s
              │  └─ http api: POST /x  503               2.5 ms
              └─ attempt 2             done     +1.00 s  5 ms
                 └─ http api: POST /x  201               1.5 ms
        "#);
    }
}
