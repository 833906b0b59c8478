//! The events `tombolo.system-down` and `tombolo.system-up`: say that a system is taken for down, and that it answers
//! again, so that a flow can alert people wherever they are. They go into the log beside the calls that showed it; a host
//! that is killed in between sees the outage anew after its start and says so again.

use serde_json::json;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;

use super::gate::breaker::Outage;

/// The type that says that an outage began.
pub(super) const DOWN: &str = "tombolo.system-down";
/// The type that says that it ended.
pub(super) const UP: &str = "tombolo.system-up";

/// A system is taken for down. Its subject is the system; `data` holds `system`, `since` and `failure` in words.
pub(super) fn down(system: &str, outage: &Outage) -> Option<Event> {
    let data =
        json!({ "system": system, "since": rfc3339(outage.since_ms), "failure": outage.why });
    event(DOWN, system, outage, outage.since_ms, &data)
}

/// It answers again. `data` holds also `seconds` of the outage and `runs`, those that wait and go on now.
pub(super) fn up(system: &str, ended: &Outage, runs: u64, now_ms: u64) -> Option<Event> {
    let seconds = now_ms.saturating_sub(ended.since_ms) / 1_000;
    let data = json!({
        "system": system,
        "since": rfc3339(ended.since_ms),
        "failure": ended.why,
        "seconds": seconds,
        "runs": runs,
    });
    event(UP, system, ended, now_ms, &data)
}

fn event(
    kind: &str,
    system: &str,
    outage: &Outage,
    at_ms: u64,
    data: &serde_json::Value,
) -> Option<Event> {
    Some(Event {
        id: format!("{kind}/{}", outage.since_ms),
        source: format!("/systems/{system}"),
        kind: kind.to_owned(),
        subject: Some(system.to_owned()),
        time: rfc3339(at_ms),
        data: serde_json::value::to_raw_value(data).ok()?,
        hops: 0,
        cause: None,
        root: None,
    })
}
