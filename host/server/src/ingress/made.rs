//! What an adapter made of a message or a page, as events of the log.

use tombolo_kernel::clock::{Millis, new_id, rfc3339};
use tombolo_kernel::event::{Event, EventError};
use tombolo_kernel::system::MadeEvent;

/// The source of a system's events, whatever its adapter says.
pub(crate) fn source(system: &str) -> String {
    format!("/systems/{system}")
}

/// The events, with the system's source, and an id and a time where the adapter gave none.
///
/// # Errors
/// Which event cannot be kept, from 0, and why: then none is.
pub(crate) fn stored(
    system: &str,
    made: Vec<MadeEvent>,
    received_ms: Millis,
) -> Result<Vec<Event>, (usize, EventError)> {
    let now = rfc3339(received_ms);
    let mut events = Vec::with_capacity(made.len());
    for (index, made) in made.into_iter().enumerate() {
        let event = Event {
            id: made.id.unwrap_or_else(|| new_id(received_ms)),
            source: source(system),
            kind: made.kind,
            subject: made.subject,
            time: made.time.unwrap_or_else(|| now.clone()),
            data: made.data,
            hops: 0,
            cause: None,
            root: None,
        };
        event.check().map_err(|error| (index, error))?;
        events.push(event);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tombolo_kernel::limits;

    fn made(id: Option<&str>, data: &str) -> MadeEvent {
        MadeEvent {
            kind: "device.alarm".into(),
            id: id.map(str::to_owned),
            subject: None,
            time: None,
            data: serde_json::value::RawValue::from_string(data.into()).unwrap(),
        }
    }

    #[test]
    fn an_event_gets_the_systems_source_and_what_the_sender_left_out() {
        let events = stored("plant", vec![made(Some("m-1"), "{}"), made(None, "[1]")], 0).unwrap();
        assert_eq!(
            (events[0].id.as_str(), events[0].source.as_str()),
            ("m-1", "/systems/plant")
        );
        assert_eq!(events[0].time, "1970-01-01T00:00:00.000Z");
        assert_eq!(events[1].id.len(), 26);
    }

    #[test]
    fn an_event_that_cannot_be_kept_refuses_all() {
        let long = "x".repeat(limits::EVENT_NAME + 1);
        assert!(matches!(
            stored("plant", vec![made(None, "{}"), made(Some(&long), "{}")], 0),
            Err((1, _))
        ));
    }
}
