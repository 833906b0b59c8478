//! The event: CloudEvents 1.0 (cloudevents.io, JSON format), checked before it is stored.
//!
//! Its data stays the JSON text it came as; only an expression that needs it parses it, once. [`json`] checks such
//! text without building anything.

mod incoming;
pub mod json;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::{EVENT_NAME, HOPS, JSON_BYTES, JSON_DEPTH};

/// Sources that begin so are the host's to give; nobody outside may claim them.
pub const RESERVED_SOURCES: &[&str] = &["/systems", "/flows", "/schedules", "/reconciliations"];
/// Types that begin so say something of the host itself; nobody outside may claim them.
pub const RESERVED_TYPES: &str = "tombolo.";

/// One event. `source` and `id` together are unique in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Unique in its source.
    pub id: String,
    /// Where it happened; for a system of this site `/systems/NAME`, set by the host.
    pub source: String,
    /// `device.alarm`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about, inside the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// RFC 3339; when it happened.
    pub time: String,
    /// JSON, as it came.
    pub data: Box<RawValue>,
    /// How many events caused one another before this one.
    #[serde(default, rename = "tombolohops", skip_serializing_if = "is_zero")]
    pub hops: u16,
    /// The run that emitted it.
    #[serde(rename = "tombolocause", skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The place in the log of the event from outside that it came of; none where it came from outside itself.
    #[serde(rename = "tomboloroot", skip_serializing_if = "Option::is_none")]
    pub root: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(hops: &u16) -> bool {
    *hops == 0
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct EventError {
    /// The attribute.
    pub field: &'static str,
    /// Found, expected.
    pub problem: String,
}

impl EventError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

impl Event {
    /// Checks names, time, hops, and that the data is JSON within [`JSON_BYTES`] and [`JSON_DEPTH`].
    ///
    /// # Errors
    /// The first attribute that is wrong.
    pub fn check(&self) -> Result<(), EventError> {
        check_name("id", &self.id)?;
        check_name("source", &self.source)?;
        check_name("type", &self.kind)?;
        if let Some(subject) = &self.subject {
            check_name("subject", subject)?;
        }
        check_time(&self.time)?;
        if self.hops > HOPS {
            let problem = format!(
                "found {} events that caused one another, expected at most {HOPS}: two flows may be answering each other",
                self.hops
            );
            return Err(EventError::new("tombolohops", problem));
        }
        json::check(self.data.get(), JSON_BYTES, JSON_DEPTH)
            .map_err(|problem| EventError::new("data", problem.to_string()))
    }

    /// Reads one event in the CloudEvents JSON format, as it comes from outside, and checks it.
    ///
    /// `time` is `default_time` and `data` is `null` where they are absent. `dataschema` is accepted and not kept.
    ///
    /// # Errors
    /// What was found and expected. `specversion` must be `1.0`; unknown extension attributes are refused by name, and
    /// so are `data_base64`, a `datacontenttype` that is not JSON, a source under [`RESERVED_SOURCES`], a
    /// type under [`RESERVED_TYPES`], and `tombolohops`, `tombolocause` and `tomboloroot`, which only the host sets.
    pub fn from_cloudevents_json(text: &[u8], default_time: &str) -> Result<Self, EventError> {
        let event = incoming::read(text, default_time)?;
        event.check()?;
        Ok(event)
    }
}

fn check_name(field: &'static str, text: &str) -> Result<(), EventError> {
    if text.is_empty() {
        return Err(EventError::new(
            field,
            "found an empty text, expected at least one character",
        ));
    }
    if text.len() > EVENT_NAME {
        return Err(EventError::new(
            field,
            format!("found {} bytes, expected at most {EVENT_NAME}", text.len()),
        ));
    }
    match text.chars().find(|character| character.is_control()) {
        Some(control) => {
            let problem = format!(
                "found the control character {}, expected printable text",
                control.escape_unicode()
            );
            Err(EventError::new(field, problem))
        }
        None => Ok(()),
    }
}

/// RFC 3339 is narrower than what time libraries read: `T`, seconds and an offset are all required.
fn check_time(text: &str) -> Result<(), EventError> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let shaped = bytes.len() >= 20
        && bytes.len() <= 40
        && bytes[..19].iter().enumerate().all(|(index, byte)| {
            separators
                .iter()
                .find(|(place, _)| *place == index)
                .map_or(byte.is_ascii_digit(), |(_, separator)| {
                    *byte == *separator || (*separator == b'T' && *byte == b't')
                })
        })
        && bytes[19..]
            .iter()
            .all(|byte| byte.is_ascii_digit() || b".:+-Zz".contains(byte));
    if shaped && text.parse::<jiff::Timestamp>().is_ok() {
        return Ok(());
    }
    let found: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    Err(EventError::new(
        "time",
        format!(
            "found `{found}`, expected an RFC 3339 time with its offset, such as `2026-11-22T09:30:00Z`"
        ),
    ))
}

#[cfg(test)]
mod tests;
