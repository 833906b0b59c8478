//! One hook: a message becomes an event, by templates over its topic, headers and payload.

use tombolo_sdk::feed::{EventOptions, EventTemplate};
use tombolo_sdk::json::push_string;
use tombolo_sdk::template::Draft;
use tombolo_sdk::{Failure, Inbound, Reception};

/// A hook's `do` as the operator writes it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    #[serde(default)]
    format: Format,
    event: EventOptions,
}

/// What a payload is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    #[default]
    Json,
    /// One string.
    Text,
}

/// A hook's `do`, made ready.
pub(crate) struct Hook {
    format: Format,
    event: EventTemplate,
}

impl Hook {
    pub(crate) fn compile(options: Options) -> Result<Self, String> {
        let payload = Draft::Text("{payload}".to_owned());
        let event = options.event.or("{/headers/message-id?}", payload);
        Ok(Self {
            format: options.format,
            event: EventTemplate::compile(&event)?,
        })
    }

    pub(crate) fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        if inbound.method != "MESSAGE" {
            return Err(Failure::not_offered(
                "this hook takes messages of a broker only; give it `from` in the system file",
            ));
        }
        let message = self.message(&inbound)?;
        Ok(Reception::of(vec![self.event.event(&message)?]))
    }

    /// `{"topic": "plant/p4/alarm", "parts": ["plant", "p4", "alarm"], "headers": {...}, "payload": ...}`.
    fn message(&self, inbound: &Inbound) -> Result<String, Failure> {
        let text = inbound.text()?;
        let mut out = String::with_capacity(text.len() + 256);
        out.push_str("{\"topic\":");
        push_string(&mut out, &inbound.url);
        out.push_str(",\"parts\":[");
        for (index, part) in inbound.url.split(['/', '.']).enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_string(&mut out, part);
        }
        out.push_str("],\"headers\":{");
        for (index, (name, value)) in inbound.headers.iter().enumerate() {
            if inbound.headers[..index]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                continue;
            }
            if index > 0 {
                out.push(',');
            }
            push_string(&mut out, name);
            out.push(':');
            push_string(&mut out, value);
        }
        out.push_str("},\"payload\":");
        match self.format {
            Format::Text => push_string(&mut out, text),
            Format::Json => {
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    return Err(Failure::invalid_input(
                        "",
                        format!(
                            "the payload is no JSON: {error}; if it is plain text, declare `format: text`"
                        ),
                    ));
                }
                out.push_str(text.trim());
            }
        }
        out.push('}');
        Ok(out)
    }
}
