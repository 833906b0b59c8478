//! One hook: verify, read the body, map it.

use tombolo_sdk::json::{Pointers, elements, string};
use tombolo_sdk::{Answer, Event, Failure, Inbound, Reception};

use crate::body::Reader;
use crate::mapping::{Mapping, Origin};
use crate::options::{Format, Options, Verify};
use crate::verify::Scheme;

/// A hook's `do`, made ready.
pub(crate) struct Hook {
    scheme: Scheme,
    reader: Reader,
    /// Into the body: what the mapping needs, or where the array of `each` is.
    pointers: Pointers,
    each: Option<Each>,
    mapping: Mapping,
    handshake: Option<Handshake>,
}

/// One event per element of an array.
struct Each {
    slot: usize,
    pointer: String,
    /// Into one element.
    pointers: Pointers,
}

/// Slack asks a new address to repeat a text (`url_verification`).
struct Handshake {
    kind: usize,
    challenge: usize,
}

impl Hook {
    pub(crate) fn compile(options: Options) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let mut element_pointers = Pointers::new();
        let is_slack = matches!(options.verify, Verify::Slack);
        let is_table = matches!(options.format, Format::Csv(_) | Format::FixedWidth(_));
        let into = if is_table || options.each.is_some() {
            &mut element_pointers
        } else {
            &mut pointers
        };
        let mapping = Mapping::compile(&options, into)?;
        let each = match (options.each, is_table) {
            (Some(_), true) => {
                return Err("each: a table's rows are its elements already; take it out".to_owned());
            }
            (None, true) => Some(String::new()),
            (each, false) => each,
        };
        let each = match each {
            Some(pointer) => {
                let slot = pointers
                    .add(&pointer)
                    .map_err(|problem| format!("each: {problem}"))?;
                Some(Each {
                    slot,
                    pointer,
                    pointers: element_pointers,
                })
            }
            None => None,
        };
        let handshake = (is_slack && matches!(options.format, Format::Json)).then(|| Handshake {
            kind: pointers.add_member("type"),
            challenge: pointers.add_member("challenge"),
        });
        let scheme = Scheme::compile(options.verify, options.tolerance)?;
        Ok(Self {
            scheme,
            reader: Reader::compile(options.format)?,
            pointers,
            each,
            mapping,
            handshake,
        })
    }

    pub(crate) fn receive(&self, mut inbound: Inbound) -> Result<Reception, Failure> {
        let verified = self.scheme.verify(&inbound)?;
        if self.scheme.is_ping(&inbound) {
            return Ok(Reception::answered(Answer::text("pong")));
        }
        let body_digest = self.mapping.digest(&inbound.body);
        let id = body_digest.or(verified.id);
        let body = self
            .reader
            .read(std::mem::take(&mut inbound.body), id.as_deref())?;
        let found = self
            .pointers
            .find(&body.text)
            .map_err(|error| Failure::invalid_input("", format!("the body is no JSON: {error}")))?;
        if let Some(handshake) = &self.handshake {
            let kind = found.get(handshake.kind).and_then(string);
            if let (Some("url_verification"), Some(challenge)) = (
                kind.as_deref(),
                found.get(handshake.challenge).and_then(string),
            ) {
                return Ok(Reception::answered(Answer::text(challenge)));
            }
        }
        let origin = Origin {
            inbound: &inbound,
            id,
            index: None,
        };
        let mut events = match &self.each {
            Some(each) => self.events(each, found.get(each.slot), body.lines.as_deref(), origin)?,
            None => self
                .mapping
                .event(&found, &body.text, &origin)?
                .into_iter()
                .collect(),
        };
        events.extend(body.reports);
        Ok(Reception::of(events))
    }

    fn events(
        &self,
        each: &Each,
        array: Option<&str>,
        lines: Option<&[usize]>,
        mut origin: Origin<'_>,
    ) -> Result<Vec<Event>, Failure> {
        let Some(items) = array.and_then(elements) else {
            return Err(Failure::invalid_input(
                each.pointer.clone(),
                "expected an array, one event for each of its elements",
            ));
        };
        let mut events = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let at = |failure: Failure| match lines.and_then(|lines| lines.get(index)) {
                Some(line) => failure.below(&format!("/line {line}")),
                None => failure.below(&format!("{}/{index}", each.pointer)),
            };
            let found = each
                .pointers
                .find(item)
                .map_err(|error| at(Failure::invalid_input("", error.to_string())))?;
            origin.index = Some(index);
            events.extend(self.mapping.event(&found, item, &origin).map_err(at)?);
        }
        Ok(events)
    }
}
