//! `POST /events`: CloudEvents in the JSON format, one or a batch, all or none.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use tombolo_kernel::audit::Kind;
use tombolo_kernel::clock::rfc3339;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;

use tombolo_store::Appended;

use super::body;
use crate::access::Dimension;
use crate::api::Json;
use crate::api::decided::{Noted, decision};
use crate::api::errors::Refusal;
use crate::api::guard::Caller;
use crate::core::Core;

/// What became of each event.
#[derive(Debug, Serialize)]
struct Published {
    events: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Place {
    id: String,
    source: String,
    seq: i64,
    duplicate: bool,
}

/// Appends what was posted; 202 after it is on disk.
pub(crate) async fn publish(
    caller: Caller,
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Refusal> {
    let _place = core
        .inbound
        .try_acquire()
        .map_err(|_| Refusal::Overloaded)?;
    if core.engine.is_overloaded() {
        return Err(Refusal::Overloaded);
    }
    let shape = Shape::of(&headers)?;
    let content = body::read(&headers, content, limits::INBOUND_BODY).await?;
    let events = events(shape, &content, &rfc3339(core.clock.now_ms()))?;
    for event in &events {
        caller.must_have(&core, Dimension::Types, &event.kind)?;
    }
    let names: Vec<_> = events
        .iter()
        .map(|event| (event.id.clone(), event.source.clone()))
        .collect();
    let appended = if events.is_empty() {
        Vec::new()
    } else {
        let record = decision(&core, Kind::Publish, &caller.name).with_received(content.len());
        let noted = Noted::begin(&core, record);
        let appended = core.publish(events).await.map_err(Into::into);
        noted.end(appended, |appended| places_in_words(appended))?
    };
    let places = names
        .into_iter()
        .zip(appended)
        .map(|((id, source), appended)| Place {
            id,
            source,
            seq: appended.seq,
            duplicate: !appended.fresh,
        });
    Ok((
        StatusCode::ACCEPTED,
        Json(Published {
            events: places.collect(),
        }),
    )
        .into_response())
}

/// `event 7`, `events 7 to 9`: where in the log.
fn places_in_words(appended: &[Appended]) -> String {
    let seqs = || appended.iter().map(|appended| appended.seq);
    match (seqs().min(), seqs().max()) {
        (Some(first), Some(last)) if first < last => format!("events {first} to {last}"),
        (Some(only), _) => format!("event {only}"),
        _ => String::new(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Batch,
    /// `application/json`: what the first character says.
    Seen,
}

impl Shape {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let given = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = given
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/cloudevents+json" => Ok(Self::One),
            "application/cloudevents-batch+json" => Ok(Self::Batch),
            "application/json" => Ok(Self::Seen),
            _ => Err(Refusal::MediaType(format!(
                "content-type: found {essence:?}, expected application/cloudevents+json or application/cloudevents-batch+json"
            ))),
        }
    }
}

fn events(shape: Shape, content: &Bytes, now: &str) -> Result<Vec<Event>, Refusal> {
    let batch = match shape {
        Shape::Batch => true,
        Shape::One => false,
        Shape::Seen => content.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'['),
    };
    if !batch {
        return Ok(vec![event(0, content, now)?]);
    }
    let items: Vec<&RawValue> = serde_json::from_slice(content).map_err(|error| {
        Refusal::Malformed(format!(
            "the body cannot be read as a JSON list of events: {error}"
        ))
    })?;
    if items.len() > limits::EVENT_BATCH {
        return Err(Refusal::Invalid(format!(
            "found {} events, expected at most {} in one batch",
            items.len(),
            limits::EVENT_BATCH
        )));
    }
    items
        .iter()
        .enumerate()
        .map(|(index, item)| event(index, item.get().as_bytes(), now))
        .collect()
}

/// Sources of this host's own systems and the attributes that only the host sets are refused there.
fn event(index: usize, text: &[u8], now: &str) -> Result<Event, Refusal> {
    Event::from_cloudevents_json(text, now).map_err(|error| Refusal::Event(index, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOOD: &str =
        r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","data":{"n":1}}"#;
    const NOW: &str = "2026-01-01T00:00:00.000Z";

    fn read(kind: &str, body: &str) -> Result<usize, (u16, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        Shape::of(&headers)
            .and_then(|shape| events(shape, &Bytes::copy_from_slice(body.as_bytes()), NOW))
            .map(|events| events.len())
            .map_err(|refusal| {
                let told = format!("{refusal:?}");
                (refusal.into_response().status().as_u16(), told)
            })
    }

    #[test]
    fn one_event_a_batch_and_plain_json_are_taken() {
        assert_eq!(
            read("application/cloudevents+json; charset=utf-8", GOOD),
            Ok(1)
        );
        assert_eq!(
            read(
                "application/cloudevents-batch+json",
                &format!("[{GOOD},{GOOD}]")
            ),
            Ok(2)
        );
        assert_eq!(read("application/json", GOOD), Ok(1));
        assert_eq!(read("Application/JSON", &format!(" \n[{GOOD}]")), Ok(1));
        assert_eq!(read("application/cloudevents-batch+json", "[]"), Ok(0));
    }

    #[test]
    fn what_is_wrong_refuses_the_whole_batch_and_names_the_event() {
        let own = GOOD.replace("/shop", "/systems/erp");
        let table = [
            ("text/plain", GOOD.to_owned(), 415, "text/plain"),
            ("application/cloudevents+json", "{".into(), 422, "Event(0"),
            (
                "application/cloudevents-batch+json",
                "{}".into(),
                400,
                "JSON list of events",
            ),
            (
                "application/cloudevents-batch+json",
                format!("[{GOOD},{{}}]"),
                422,
                "Event(1",
            ),
            (
                "application/cloudevents+json",
                own,
                422,
                "which only this host gives",
            ),
            (
                "application/cloudevents-batch+json",
                format!("[{}]", vec!["1"; limits::EVENT_BATCH + 1].join(",")),
                422,
                "at most 1000 in one batch",
            ),
        ];
        for (kind, body, status, part) in table {
            let (found, told) = read(kind, &body).unwrap_err();
            assert_eq!(found, status, "{told}");
            assert!(told.contains(part), "{told}");
        }
    }
}
