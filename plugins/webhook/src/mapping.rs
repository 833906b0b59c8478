//! From a verified body, or one element of it, to an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tombolo_sdk::json::{Found, Pointers, scalar};
use tombolo_sdk::{Event, Failure, Inbound};

use crate::options::{Options, TextOr, Unmapped, Verify};
use tombolo_sdk::time;

/// Where an event's parts are.
pub(crate) struct Mapping {
    event_type: Type,
    id: Id,
    subject: Option<Place>,
    time: Option<Place>,
    data: Option<Place>,
}

enum Type {
    Constant(String),
    Said {
        by: Source,
        map: BTreeMap<String, String>,
        prefix: Option<String>,
        unmapped: Unmapped,
    },
}

enum Id {
    /// What the scheme knows; for Slack the event's own id first, where the body has one.
    Scheme(Option<Place>),
    /// SHA-256 of the body.
    Body,
    Said(Source),
}

enum Source {
    Body(Place),
    Header(String),
}

struct Place {
    slot: usize,
    pointer: String,
}

/// What an event's parts may come from besides the body.
pub(crate) struct Origin<'a> {
    pub(crate) inbound: &'a Inbound,
    /// What the scheme, or the body as a whole, is known by.
    pub(crate) id: Option<String>,
    /// Which element of `each`.
    pub(crate) index: Option<usize>,
}

impl Mapping {
    pub(crate) fn compile(options: &Options, pointers: &mut Pointers) -> Result<Self, String> {
        let event_type = match &options.r#type {
            TextOr::Text(constant) => Type::Constant(constant.clone()),
            TextOr::Long(long) => {
                let by = match (&long.pointer, &long.header) {
                    (Some(pointer), None) => Source::Body(Place::compile("type.pointer", pointer, pointers)?),
                    (None, Some(header)) => Source::Header(header.to_ascii_lowercase()),
                    _ => return Err("type: expected either `pointer` or `header`, which say where the sender's type is".to_owned()),
                };
                Type::Said {
                    by,
                    map: long.map.clone(),
                    prefix: long.prefix.clone(),
                    unmapped: long.unmapped,
                }
            }
        };
        let id = match &options.id {
            None if matches!(options.verify, Verify::Slack) && options.each.is_none() => {
                Id::Scheme(Some(Place {
                    slot: pointers.add_member("event_id"),
                    pointer: "/event_id".to_owned(),
                }))
            }
            None => Id::Scheme(None),
            Some(TextOr::Text(text)) if text == "body" => Id::Body,
            Some(TextOr::Text(pointer)) => {
                Id::Said(Source::Body(Place::compile("id", pointer, pointers)?))
            }
            Some(TextOr::Long(long)) => Id::Said(Source::Header(long.header.to_ascii_lowercase())),
        };
        let mut place = |name: &str, pointer: &Option<String>| {
            pointer
                .as_deref()
                .map(|pointer| Place::compile(name, pointer, pointers))
                .transpose()
        };
        let subject = place("subject", &options.subject)?;
        let time = place("time", &options.time)?;
        let data = place("data", &options.data)?;
        Ok(Self {
            event_type,
            id,
            subject,
            time,
            data,
        })
    }

    /// The body's digest, if that is what names the event.
    pub(crate) fn digest(&self, body: &[u8]) -> Option<String> {
        matches!(self.id, Id::Body).then(|| {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let hex = |byte: u8| {
                [
                    char::from(DIGITS[usize::from(byte >> 4)]),
                    char::from(DIGITS[usize::from(byte & 15)]),
                ]
            };
            Sha256::digest(body).into_iter().flat_map(hex).collect()
        })
    }

    /// The event of a body or element; `None` if the operator skips its type.
    pub(crate) fn event(
        &self,
        found: &Found<'_>,
        whole: &str,
        origin: &Origin<'_>,
    ) -> Result<Option<Event>, Failure> {
        let Some(event_type) = self.event_type(found, origin)? else {
            return Ok(None);
        };
        let data = match &self.data {
            Some(place) => found
                .get(place.slot)
                .ok_or_else(|| place.missing("the event's data"))?,
            None => whole,
        };
        let mut event = Event::new(event_type, data.to_owned());
        event.id = self.id(found, origin)?;
        if let Some(place) = &self.subject {
            event.subject = place.text(found)?.map(Cow::into_owned);
        }
        if let Some(place) = &self.time
            && let Some(text) = place.text(found)?
        {
            let time = time::rfc3339(&text).ok_or_else(|| {
                Failure::invalid_input(place.pointer.clone(), "expected a time as RFC 3339 (`2026-11-22T10:00:00Z`) or in seconds or milliseconds since 1970")
            })?;
            event.time = Some(time);
        }
        Ok(Some(event))
    }

    fn event_type(
        &self,
        found: &Found<'_>,
        origin: &Origin<'_>,
    ) -> Result<Option<String>, Failure> {
        let (by, map, prefix, unmapped) = match &self.event_type {
            Type::Constant(constant) => return Ok(Some(constant.clone())),
            Type::Said {
                by,
                map,
                prefix,
                unmapped,
            } => (by, map, prefix, unmapped),
        };
        let value = by.required(found, origin.inbound, "the event's type")?;
        match (map.get(&*value), prefix) {
            (Some(mapped), _) => Ok(Some(mapped.clone())),
            (None, Some(prefix)) => Ok(Some(format!("{prefix}{value}"))),
            (None, None) if map.is_empty() => Ok(Some(value.into_owned())),
            (None, None) if *unmapped == Unmapped::Skip => Ok(None),
            (None, None) => {
                let shown: String = value
                    .chars()
                    .take(80)
                    .flat_map(char::escape_debug)
                    .collect();
                Err(Failure::invalid_input(
                    by.pointer(),
                    format!("the type `{shown}` is not one that this hook maps"),
                ))
            }
        }
    }

    fn id(&self, found: &Found<'_>, origin: &Origin<'_>) -> Result<Option<String>, Failure> {
        let whole = match &self.id {
            Id::Said(source @ Source::Body(_)) => {
                return Ok(Some(
                    source
                        .required(found, origin.inbound, "the event's id")?
                        .into_owned(),
                ));
            }
            Id::Said(source @ Source::Header(_)) => Some(
                source
                    .required(found, origin.inbound, "the event's id")?
                    .into_owned(),
            ),
            Id::Scheme(Some(place)) => match place.text(found)? {
                Some(id) => Some(id.into_owned()),
                None => origin.id.clone(),
            },
            Id::Scheme(None) | Id::Body => origin.id.clone(),
        };
        // One delivery with several events: each needs an id of its own, the same at every delivery.
        Ok(match (whole, origin.index) {
            (Some(id), Some(index)) => Some(format!("{id}/{index}")),
            (id, _) => id,
        })
    }
}

impl Source {
    fn required<'a>(
        &self,
        found: &Found<'a>,
        inbound: &'a Inbound,
        what: &str,
    ) -> Result<Cow<'a, str>, Failure> {
        match self {
            Self::Body(place) => place.text(found)?.ok_or_else(|| place.missing(what)),
            Self::Header(name) => match inbound.header(name) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => Err(Failure::invalid_input(
                    "",
                    format!("the header `{name}` is missing; {what} is taken from it"),
                )),
            },
        }
    }

    fn pointer(&self) -> &str {
        match self {
            Self::Body(place) => &place.pointer,
            Self::Header(_) => "",
        }
    }
}

impl Place {
    fn compile(name: &str, pointer: &str, pointers: &mut Pointers) -> Result<Self, String> {
        let slot = pointers
            .add(pointer)
            .map_err(|problem| format!("{name}: {problem}"))?;
        Ok(Self {
            slot,
            pointer: pointer.to_owned(),
        })
    }

    /// The text there, if anything but null is.
    fn text<'a>(&self, found: &Found<'a>) -> Result<Option<Cow<'a, str>>, Failure> {
        match found.get(self.slot) {
            None | Some("null") => Ok(None),
            Some(raw) => match scalar(raw) {
                Some(text) => Ok(Some(text)),
                None => Err(Failure::invalid_input(
                    self.pointer.clone(),
                    "expected a text, number or boolean",
                )),
            },
        }
    }

    fn missing(&self, what: &str) -> Failure {
        Failure::invalid_input(
            self.pointer.clone(),
            format!("is missing; {what} is taken from it"),
        )
    }
}
