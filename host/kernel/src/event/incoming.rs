//! CloudEvents JSON from outside becomes an event. Nothing that the host vouches for is taken from it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Event, EventError, RESERVED_SOURCES, RESERVED_TYPES};

/// Attributes as they stand in the text; `None` is absent or null.
#[derive(Default)]
struct Incoming<'a> {
    specversion: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    datacontenttype: Option<Cow<'a, str>>,
    data: Option<Box<RawValue>>,
    /// What cannot be taken: attribute and why.
    refused: Option<EventError>,
}

/// Reads without checking values.
pub(super) fn read(text: &[u8], default_time: &str) -> Result<Event, EventError> {
    let incoming: Incoming<'_> = serde_json::from_slice(text).map_err(|error| {
        EventError::new(
            "event",
            format!("found {error}, expected one CloudEvents 1.0 event as a JSON object"),
        )
    })?;
    if let Some(refused) = incoming.refused {
        return Err(refused);
    }
    match incoming.specversion.as_deref() {
        Some("1.0") => {}
        Some(other) => {
            return Err(EventError::new(
                "specversion",
                format!("found `{}`, expected `1.0`", shown(other)),
            ));
        }
        None => return Err(EventError::new("specversion", "found none, expected `1.0`")),
    }
    if let Some(content_type) = incoming.datacontenttype.as_deref() {
        check_content_type(content_type)?;
    }
    let required = |field: &'static str, value: Option<Cow<'_, str>>| {
        value
            .map(Cow::into_owned)
            .ok_or_else(|| EventError::new(field, "found none, expected a text: it is required"))
    };
    let source = required("source", incoming.source)?;
    let is_reserved = |prefix: &str| {
        source
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if RESERVED_SOURCES.iter().any(|prefix| is_reserved(prefix)) {
        let problem = format!(
            "found `{}`, which only this host gives: use the sender's own address or name",
            shown(&source)
        );
        return Err(EventError::new("source", problem));
    }
    let kind = required("type", incoming.kind)?;
    if kind.starts_with(RESERVED_TYPES) {
        let problem = format!(
            "found `{}`, with which only this host speaks of itself: use a type of the sender's own",
            shown(&kind)
        );
        return Err(EventError::new("type", problem));
    }
    Ok(Event {
        id: required("id", incoming.id)?,
        source,
        kind,
        subject: incoming.subject.map(Cow::into_owned),
        time: incoming
            .time
            .map_or_else(|| default_time.to_owned(), Cow::into_owned),
        data: incoming.data.unwrap_or_else(|| RawValue::NULL.to_owned()),
        hops: 0,
        cause: None,
        root: None,
    })
}

/// `application/json`, any other `.../json`, or a `+json` type, with whatever parameters.
fn check_content_type(text: &str) -> Result<(), EventError> {
    let media_type = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_json = media_type.split_once('/').is_some_and(|(kind, subtype)| {
        !kind.is_empty() && (subtype == "json" || subtype.ends_with("+json"))
    });
    if is_json {
        return Ok(());
    }
    let problem = format!(
        "found `{}`, expected `application/json`: send the data as JSON",
        shown(text)
    );
    Err(EventError::new("datacontenttype", problem))
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

// === impl Deserialize ===

impl<'de: 'a, 'a> Deserialize<'de> for Incoming<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IncomingVisitor)
    }
}

struct IncomingVisitor;

impl<'de> Visitor<'de> for IncomingVisitor {
    type Value = Incoming<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut incoming = Incoming::default();
        let mut has_data = false;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let target = match &*name {
                "specversion" => &mut incoming.specversion,
                "id" => &mut incoming.id,
                "source" => &mut incoming.source,
                "type" => &mut incoming.kind,
                "subject" => &mut incoming.subject,
                "time" => &mut incoming.time,
                "datacontenttype" => &mut incoming.datacontenttype,
                "data" => {
                    if std::mem::replace(&mut has_data, true) {
                        return Err(A::Error::custom("`data` twice"));
                    }
                    incoming.data = Some(map.next_value()?);
                    continue;
                }
                "dataschema" => {
                    map.next_value::<Option<Text<'de>>>()?;
                    continue;
                }
                other => {
                    // An attribute that is null is absent (CloudEvents JSON format, section 2.2).
                    if map.next_value::<&RawValue>()?.get() != "null" {
                        incoming.refused.get_or_insert_with(|| refusal(other));
                    }
                    continue;
                }
            };
            if target.is_some() {
                return Err(A::Error::custom(format_args!("`{}` twice", shown(&name))));
            }
            *target = map
                .next_value::<Option<Text<'de>>>()?
                .map(|Text(text)| text);
        }
        Ok(incoming)
    }
}

/// A string that borrows from the text where it has no escapes; serde's own `Cow` always copies.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

fn refusal(name: &str) -> EventError {
    match name {
        "data_base64" => EventError::new(
            "data_base64",
            "binary data is not taken: send JSON in `data`",
        ),
        "tombolohops" => EventError::new("tombolohops", "only this host sets it: leave it out"),
        "tombolocause" => EventError::new("tombolocause", "only this host sets it: leave it out"),
        "tomboloroot" => EventError::new("tomboloroot", "only this host sets it: leave it out"),
        other => EventError::new(
            "event",
            format!(
                "found the extension attribute `{}`, which is not kept here: put it into `data`",
                shown(other)
            ),
        ),
    }
}
