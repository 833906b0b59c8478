//! What an adapter offers: actions, hooks, feeds, events.

use serde_json::Value;

use super::{Report, text};
use crate::{Manifest, names};

/// Longest schema, bytes of JSON.
const SCHEMA_BYTES: usize = 64 << 10;

pub(super) fn check(manifest: &Manifest, report: &mut Report) {
    let offers_nothing =
        manifest.actions.is_empty() && manifest.hooks.is_empty() && manifest.feeds.is_empty();
    report.require(manifest.adapter.generic || !offers_nothing, || {
        "found no action, hook or feed, expected at least one; only a generic adapter leaves them to the operator".into()
    });
    report.at("actions", |report| actions(manifest, report));
    report.at("hooks", |report| {
        for (name, hook) in &manifest.hooks {
            summarized(name, "hook", &hook.summary, report);
        }
    });
    report.at("feeds", |report| {
        for (name, feed) in &manifest.feeds {
            summarized(name, "feed", &feed.summary, report);
        }
    });
    report.at("events", |report| {
        report.at("emits", |report| emits(manifest, report))
    });
}

fn summarized(name: &str, what: &str, summary: &str, report: &mut Report) {
    report.at(name, |report| {
        text::name(name, what, report);
        report.at("summary", |report| {
            text::sentence(summary, "summary", report)
        });
    });
}

fn actions(manifest: &Manifest, report: &mut Report) {
    for (name, action) in &manifest.actions {
        report.at(name, |report| {
            text::dotted(name, "action", report);
            report.at("summary", |report| text::sentence(&action.summary, "summary", report));
            for (part, schema) in [("input", &action.input), ("output", &action.output)] {
                if let Some(schema) = schema {
                    report.at(part, |report| self::schema(schema, report));
                }
            }
            report.at("uses", |report| {
                for (index, used) in action.uses.iter().enumerate() {
                    let known = manifest.connections.contains_key(used) || manifest.keys.contains_key(used);
                    report.at(index.to_string(), |report| {
                        report.require(known, || {
                            format!("found {}, expected the name of a connection or key of this manifest", text::quoted(used))
                        });
                    });
                }
            });
        });
    }
}

fn emits(manifest: &Manifest, report: &mut Report) {
    for (name, summary) in &manifest.events.emits {
        report.at(name, |report| {
            report.require(names::is_event_type(name), || {
                format!("found the event type {}, expected ASCII letters, digits, `-` and `_` joined by dots, quoted: `\"order.created\"`", text::quoted(name))
            });
            text::sentence(summary, "summary", report);
        });
    }
}

fn schema(schema: &Value, report: &mut Report) {
    report.require(schema.is_object() || schema.is_boolean(), || {
        "found a value, expected a JSON Schema: a table".into()
    });
    let length = schema.to_string().len();
    report.require(length <= SCHEMA_BYTES, || {
        format!("found a schema of {length} bytes, expected at most {SCHEMA_BYTES}")
    });
    if let Some(reference) = foreign_reference(schema) {
        report.wrong(format!(
            "found `$ref` to {}, expected one inside this schema that begins with `#`: nothing is fetched",
            text::quoted(reference)
        ));
    }
}

/// The first `$ref` (or its kin) that leads out of the schema.
fn foreign_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match value {
            Value::String(target) if is_reference(key) && !target.starts_with('#') => {
                Some(target.as_str())
            }
            other => foreign_reference(other),
        }),
        Value::Array(items) => items.iter().find_map(foreign_reference),
        _ => None,
    }
}

fn is_reference(key: &str) -> bool {
    matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef")
}
