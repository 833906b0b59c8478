//! The event `tombolo.dead-letter`: says that a run is dead, in the same transaction in which it dies, so that a flow
//! can alert people wherever they are. A run that died of such an event makes none: an alert that fails must not
//! cause the next. Of the runs that die when all that may come of one event has come, only the first are
//! told of ([`limits::DESCENDANTS_DEAD`]).

use serde_json::json;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;

use super::Run;
use crate::trace;

/// Its type.
pub(super) const KIND: &str = "tombolo.dead-letter";

/// The event for a run that ends dead now. Its subject is the run; `data` holds `run`, `flow`, `lane`, `error`, the
/// `event` (`seq`, `id`, `source`, `type`, `subject`), and of the step that failed `step`, `what` and its last
/// `failure` with the paths of the fields that were refused, and `advice`, what to look at first. No input and no data: who may read them asks for the run.
pub(super) fn event(run: &Run, now_ms: u64) -> Option<Event> {
    let cause = &run.event.event;
    if cause.kind == KIND {
        return None;
    }
    let told = run.state.told();
    let step = trace::failed(&told.steps);
    let failure = step.and_then(|step| step.failure());
    let data = json!({
        "run": run.id,
        "flow": run.flow.name,
        "lane": super::lanes::parts(&run.lane).1,
        "error": told.error,
        "event": { "seq": run.event.seq, "id": cause.id, "source": cause.source, "type": cause.kind, "subject": cause.subject },
        "step": step.map(|step| &step.id),
        "what": step.map(|step| &step.what),
        "failure": failure,
        "advice": crate::advice(&told),
    });
    Some(Event {
        // A run that was taken up again may die again.
        id: format!("{}/dead-letter/{now_ms}", run.id),
        source: format!("/flows/{}", run.flow.name),
        kind: KIND.to_owned(),
        subject: Some(run.id.clone()),
        time: rfc3339(now_ms),
        data: serde_json::value::to_raw_value(&data).ok()?,
        hops: cause.hops.saturating_add(1).min(limits::HOPS),
        cause: Some(run.id.clone()),
        root: Some(run.event.root()),
    })
}
