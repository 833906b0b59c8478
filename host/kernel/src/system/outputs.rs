//! What an adapter may hand out: checked here before anybody sees it. Pure.

use serde_json::value::RawValue;

use super::{Answer, MadeEvent};
use crate::event::json::{self, JsonProblem};
use crate::grant::ActiveGrant;
use crate::limits;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not in the contract: the instance is dropped.
    Contract(String),
    /// It is not in the grant: the call fails, and the refusal is recorded.
    Denied {
        /// The event's type.
        event: String,
        /// Which item is missing.
        why: String,
    },
}

/// An event as the guest made it.
#[derive(Debug, Clone)]
pub(crate) struct RawEvent {
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) data: String,
}

/// JSON of a result.
pub(crate) fn result(text: String) -> Result<String, Fault> {
    check_json(&text).map_err(|problem| {
        Fault::Contract(format!("its result is not the JSON expected: {problem}"))
    })?;
    Ok(text)
}

/// How many events came.
pub(crate) fn count(events: usize) -> Result<(), Fault> {
    if events <= limits::EVENTS_PER_CALL {
        return Ok(());
    }
    Err(Fault::Contract(format!(
        "it returned {events} events, expected at most {}",
        limits::EVENTS_PER_CALL
    )))
}

/// One event.
pub(crate) fn event(grant: &ActiveGrant, event: RawEvent) -> Result<MadeEvent, Fault> {
    if let Err(denied) = grant.emit(&event.kind) {
        return Err(Fault::Denied {
            event: event.kind,
            why: denied.to_string(),
        });
    }
    name("id", event.id.as_deref())?;
    name("subject", event.subject.as_deref())?;
    if let Some(time) = event
        .time
        .as_deref()
        .filter(|time| time.parse::<jiff::Timestamp>().is_err())
    {
        let found = crate::text::cut(time, 64);
        return Err(Fault::Contract(format!(
            "an event's time is \"{found}\", expected RFC 3339 as 2026-11-22T13:05:00Z"
        )));
    }
    let wrong = |problem: &dyn std::fmt::Display| {
        Fault::Contract(format!(
            "the data of an event {} is not the JSON expected: {problem}",
            event.kind
        ))
    };
    let data = RawValue::from_string(event.data).map_err(|error| wrong(&error))?;
    json::check(data.get(), limits::JSON_BYTES, limits::JSON_DEPTH)
        .map_err(|error| wrong(&error))?;
    Ok(MadeEvent {
        kind: event.kind,
        id: event.id,
        subject: event.subject,
        time: event.time,
        data,
    })
}

/// An answer to a sender.
pub(crate) fn answer(answer: Answer) -> Result<Answer, Fault> {
    let fault = |problem: String| {
        Err(Fault::Contract(format!(
            "its answer to the sender {problem}"
        )))
    };
    if !matches!(answer.status, 200..=299 | 400..=499) {
        return fault(format!(
            "has status {}, expected 200 to 299 or 400 to 499",
            answer.status
        ));
    }
    if answer.body.len() > limits::JSON_BYTES {
        return fault(format!(
            "has {} bytes, expected at most {}",
            answer.body.len(),
            limits::JSON_BYTES
        ));
    }
    let is_visible = |byte: u8| (0x20..0x7f).contains(&byte);
    if answer.content_type.len() > limits::EVENT_NAME
        || !answer.content_type.bytes().all(is_visible)
    {
        return fault("has a content type that is not visible ASCII of at most 256 bytes".into());
    }
    Ok(answer)
}

/// A feed's cursor.
pub(crate) fn cursor(cursor: String) -> Result<String, Fault> {
    if cursor.len() <= limits::CURSOR_BYTES {
        return Ok(cursor);
    }
    Err(Fault::Contract(format!(
        "its cursor has {} bytes, expected at most {}",
        cursor.len(),
        limits::CURSOR_BYTES
    )))
}

fn name(field: &str, value: Option<&str>) -> Result<(), Fault> {
    match value {
        Some(value) if !(1..=limits::EVENT_NAME).contains(&value.len()) => {
            Err(Fault::Contract(format!(
                "an event's {field} has {} bytes, expected 1 to {}",
                value.len(),
                limits::EVENT_NAME
            )))
        }
        _ => Ok(()),
    }
}

/// Checks JSON text: syntax, size and depth.
///
/// # Errors
/// What was found and expected.
pub(crate) fn check_json(text: &str) -> Result<(), JsonProblem> {
    json::check_untrusted(text, limits::JSON_BYTES, limits::JSON_DEPTH)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn json_is_checked_whole() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let cases = [
            (r#"{"a":[1,-2,3.5e3,null,true,"x\u00e4"]}"#.to_owned(), true),
            ("7".to_owned(), true),
            (deep(limits::JSON_DEPTH), true),
            (deep(limits::JSON_DEPTH + 1), false),
            (deep(100_000), false),
            (String::new(), false),
            ("{} {}".to_owned(), false),
            (r#"{"a":1,}"#.to_owned(), false),
            (r#""\ud800""#.to_owned(), false),
            (format!("\"{}\"", "x".repeat(limits::JSON_BYTES)), false),
        ];
        for (text, good) in cases {
            assert_eq!(
                check_json(&text).is_ok(),
                good,
                "{}",
                crate::text::cut(&text, 80)
            );
        }
    }

    #[test]
    fn an_answer_outside_the_contract_is_a_fault() {
        let make = |status, content_type: &str, length| Answer {
            status,
            content_type: content_type.into(),
            body: vec![0; length],
        };
        let cases = [
            (make(200, "text/plain", 3), true),
            (make(422, "application/json", 0), true),
            (make(302, "text/plain", 0), false),
            (make(500, "text/plain", 0), false),
            (make(200, "text/plain\r\nset-cookie: a=b", 0), false),
            (make(200, "text/plain", limits::JSON_BYTES + 1), false),
        ];
        for (given, good) in cases {
            let shown = format!("{} {:?}", given.status, given.content_type);
            assert_eq!(answer(given).is_ok(), good, "{shown}");
        }
    }
}
