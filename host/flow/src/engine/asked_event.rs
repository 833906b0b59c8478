//! The event `tombolo.task-asked`: says that a run asks a person something, in the same transaction that opens the task,
//! so that a flow can put the question where people are.

use serde_json::json;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;
use tombolo_store::TaskRow;

use super::Run;

/// Its type.
pub(super) const KIND: &str = "tombolo.task-asked";

/// The event for a task that opens now. Its subject is the task; `data` holds `task`, `role`, `question`, `options`,
/// `until` (RFC 3339, where the question is given up some time), `run`, `flow` and `step`. A question that such an event
/// leads to is not told again.
pub(super) fn event(run: &Run, task: &TaskRow) -> Option<Event> {
    let cause = &run.event.event;
    if cause.kind == KIND {
        return None;
    }
    let data = json!({
        "task": task.id,
        "role": task.role,
        "question": task.question,
        "options": task.options,
        "until": task.until_ms.map(rfc3339),
        "run": run.id,
        "flow": run.flow.name,
        "step": task.step,
    });
    Some(Event {
        id: format!("{}/asked", task.id),
        source: format!("/flows/{}", run.flow.name),
        kind: KIND.to_owned(),
        subject: Some(task.id.clone()),
        time: rfc3339(task.asked_ms),
        data: serde_json::value::to_raw_value(&data).ok()?,
        hops: cause.hops.saturating_add(1).min(limits::HOPS),
        cause: Some(run.id.clone()),
        root: Some(run.event.root()),
    })
}
