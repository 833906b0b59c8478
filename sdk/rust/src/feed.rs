//! Feeds of the generic adapters: a row, as the system gave it, becomes an event; a field of the last row the cursor.

use serde::Deserialize;

use crate::json::{Pointers, push_string, scalar};
use crate::template::{Draft, Template, TextTemplate, Values};
use crate::{Event, Failure, time};

/// How a row becomes an event, as an operator writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventOptions {
    r#type: String,
    id: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    data: Option<Draft>,
}

impl EventOptions {
    /// With these where the operator gave none: an id, and the data.
    #[must_use]
    pub fn or(mut self, id: &str, data: Draft) -> Self {
        self.id.get_or_insert_with(|| id.to_owned());
        self.data.get_or_insert(data);
        self
    }
}

/// How a row becomes an event: templates whose holes name the row's fields.
#[derive(Debug)]
pub struct EventTemplate {
    pointers: Pointers,
    event_type: TextTemplate,
    id: Option<TextTemplate>,
    subject: Option<TextTemplate>,
    time: Option<TextTemplate>,
    data: Option<Template>,
}

impl EventTemplate {
    /// Makes the options ready.
    ///
    /// # Errors
    /// A sentence about the field that cannot be.
    pub fn compile(options: &EventOptions) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let mut text = |name: &str, text: Option<&String>| {
            text.map(|text| TextTemplate::compile(text, &mut pointers))
                .transpose()
                .map_err(|problem| format!("event.{name}: {problem}"))
        };
        let event_type = text("type", Some(&options.r#type))?;
        let id = text("id", options.id.as_ref())?;
        let subject = text("subject", options.subject.as_ref())?;
        let time = text("time", options.time.as_ref())?;
        let data = options
            .data
            .as_ref()
            .map(|draft| Template::compile(draft, &mut pointers))
            .transpose()
            .map_err(|problem| format!("event.data: {problem}"))?;
        Ok(Self {
            event_type: event_type.ok_or("event.type: is missing")?,
            pointers,
            id,
            subject,
            time,
            data,
        })
    }

    /// The event of a row, which is JSON text. Without `data` the row is the data, just as it came.
    ///
    /// # Errors
    /// `invalid-input` with the field that is missing or no time.
    pub fn event(&self, row: &str) -> Result<Event, Failure> {
        let found = self
            .pointers
            .find(row)
            .map_err(|error| Failure::invalid_input("", error.to_string()))?;
        let values = Values::new(&found, "");
        let text = |template: &Option<TextTemplate>| match template {
            Some(template) => template.render(values),
            None => Ok(None),
        };
        let data = match &self.data {
            None => row.to_owned(),
            Some(template) => {
                let mut data = String::new();
                if !template.render(values, &mut data)? {
                    data.push_str("null");
                }
                data
            }
        };
        let event_type = self.event_type.render(values)?.unwrap_or_default();
        let mut event = Event::new(event_type, data);
        event.id = text(&self.id)?;
        event.subject = text(&self.subject)?;
        event.time = match text(&self.time)? {
            None => None,
            Some(text) => Some(time::rfc3339(&text).ok_or_else(|| {
                let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
                Failure::invalid_input(
                    "",
                    format!("the event's time is `{shown}`; expected RFC 3339 (`2026-11-22T10:00:00Z`) or seconds or milliseconds since 1970"),
                )
            })?),
        };
        Ok(event)
    }

    /// The events of rows; a failure says which row.
    ///
    /// # Errors
    /// As [`Self::event`], with the row's place in front of the path.
    pub fn events<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            events.push(
                self.event(row)
                    .map_err(|failure| failure.below(&format!("/{index}")))?,
            );
        }
        Ok(events)
    }
}

/// What fills the holes of a feed's request: `{"cursor": ..., "limit": 500}`. The cursor is null at the beginning.
#[must_use]
pub fn input(cursor: Option<&str>, limit: u32) -> String {
    let mut out = String::from("{\"cursor\":");
    match cursor {
        None => out.push_str("null"),
        Some(cursor) if is_scalar(cursor) => out.push_str(cursor),
        Some(cursor) => push_string(&mut out, cursor),
    }
    out.push_str(&format!(",\"limit\":{limit}}}"));
    out
}

/// A row's value as a cursor: plain text, in quotes only where it would be read as something else than the text it is.
/// `None` for null, objects and arrays.
#[must_use]
pub fn cursor(raw: &str) -> Option<String> {
    let text = scalar(raw)?;
    let is_text = raw.starts_with('"');
    Some(if is_text && is_scalar(&text) {
        raw.to_owned()
    } else {
        text.into_owned()
    })
}

fn is_scalar(text: &str) -> bool {
    matches!(
        serde_json::from_str::<serde_json::Value>(text),
        Ok(serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Bool(_))
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_what_it_was() {
        let table = [
            ("42", "42", "42"),
            ("\"42\"", "\"42\"", "\"42\""),
            (
                "\"2026-01-01T00:00:00Z\"",
                "2026-01-01T00:00:00Z",
                "\"2026-01-01T00:00:00Z\"",
            ),
            (
                "12345678901234567890.10",
                "12345678901234567890.10",
                "12345678901234567890.10",
            ),
            ("\"a\\\"b\"", "a\"b", "\"a\\\"b\""),
        ];
        for (row, kept, back) in table {
            assert_eq!(cursor(row).as_deref(), Some(kept));
            assert_eq!(
                input(Some(kept), 5),
                format!("{{\"cursor\":{back},\"limit\":5}}")
            );
        }
        assert_eq!(cursor("null"), None);
        assert_eq!(input(None, 7), r#"{"cursor":null,"limit":7}"#);
    }

    #[test]
    fn a_row_becomes_an_event() {
        let options = r#"{"type":"order.{state}","id":"{no}@{changed}","subject":"{no}","time":"{changed}","data":{"no":"{no}","sum":"{/total/net}"}}"#;
        let template = EventTemplate::compile(&serde_json::from_str(options).unwrap()).unwrap();
        let row =
            r#"{"no":7,"state":"open","changed":"2026-01-02T03:04:05Z","total":{"net":1.10}}"#;
        let event = template.event(row).unwrap();
        assert_eq!(event.type_, "order.open");
        assert_eq!(event.id.as_deref(), Some("7@2026-01-02T03:04:05Z"));
        assert_eq!(event.subject.as_deref(), Some("7"));
        assert_eq!(event.data, r#"{"no":7,"sum":1.10}"#);
        let failure = template.events([row, r#"{"no":8}"#]).unwrap_err();
        let Failure::InvalidInput(problems) = failure else {
            unreachable!()
        };
        assert!(problems[0].path.starts_with("/1"), "{problems:?}");
    }
}
