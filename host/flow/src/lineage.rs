//! Where a value that a run sent came from: for every field of every call and emitted event, the expression that made
//! it, and the fields of the event, results of steps, variables, value maps and cross-references that the expression looks
//! at. A `link` sends ids to the site's cross-references.
//!
//! It is read from the definition the run ran on, not recorded with every run: what a field is made of is the same for
//! all runs of a version, and the run's trace has the values.

use serde::Serialize;

use crate::definition::{Call, Flow, Kind};
use crate::expression::{Expression, Template};

/// Where one field came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The step that sends it.
    pub step: String,
    /// `crm.lead.add`, or the emitted event's type.
    pub to: String,
    /// JSON pointer into what is sent (RFC 6901); empty for all of it.
    pub field: String,
    /// As it is written in the flow; JSON where it is no expression.
    pub expression: String,
    /// `event.data.part`, `steps.stock.on_hand`, `vars.x`, `tables/intent.csv`, `xref(customer, crm, erp)`; empty for what the flow itself says.
    pub from: Vec<String>,
}

/// The origins of everything a flow sends, in the order of its steps.
#[must_use]
pub fn of(flow: &Flow) -> Vec<Origin> {
    let mut origins = Vec::new();
    for step in &flow.program {
        let sent = match &step.kind {
            Kind::Call(call) => Some((called(call), &call.with)),
            Kind::Flow(flow) => Some((format!("flow.{}", flow.name), &flow.with)),
            Kind::Emit(emit) => Some((emit.kind.clone(), &emit.data)),
            _ => None,
        };
        if let Some((to, sent)) = sent {
            add(&mut origins, &step.id, &to, sent);
        }
        if let Kind::Link(link) = &step.kind {
            for (system, id, _) in &link.ids {
                let (expression, from) = made_of(id);
                origins.push(Origin {
                    step: step.id.clone(),
                    to: format!("xref {}", link.kind),
                    field: format!("/{system}"),
                    expression,
                    from,
                });
            }
        }
        if let Some(undo) = &step.undo {
            let name = format!("{}/undo", step.id);
            add(&mut origins, &name, &called(&undo.call), &undo.call.with);
        }
    }
    origins
}

fn called(call: &Call) -> String {
    format!("{}.{}", call.system, call.action)
}

fn add(origins: &mut Vec<Origin>, step: &str, to: &str, sent: &Template) {
    fields(sent, "", &mut |field, template| {
        let (expression, from) = made_of(template);
        origins.push(Origin {
            step: step.to_owned(),
            to: to.to_owned(),
            field: field.to_owned(),
            expression,
            from,
        });
    });
}

/// Shows every field that is no object or list of the flow's own.
fn fields(template: &Template, pointer: &str, see: &mut dyn FnMut(&str, &Template)) {
    match template {
        Template::List(items) => {
            for (index, item) in items.iter().enumerate() {
                fields(item, &format!("{pointer}/{index}"), see);
            }
        }
        Template::Map(entries) => {
            for (key, value) in entries {
                let name: String =
                    serde_json::from_str(key.trim_end_matches(':')).unwrap_or_default();
                let name = name.replace('~', "~0").replace('/', "~1");
                fields(value, &format!("{pointer}/{name}"), see);
            }
        }
        Template::Fixed(_) | Template::Value(_) | Template::Text(_) => see(pointer, template),
    }
}

fn made_of(template: &Template) -> (String, Vec<String>) {
    if let Some(fixed) = template.fixed() {
        return (fixed.to_owned(), Vec::new());
    }
    let expressions = template.expressions();
    let sources: Vec<&str> = expressions.iter().map(|one| one.source()).collect();
    let mut from: Vec<String> = expressions.into_iter().flat_map(looked_at).collect();
    let mut seen = std::collections::HashSet::new();
    from.retain(|name| seen.insert(name.clone()));
    (sources.join(" ... "), from)
}

fn looked_at(expression: &Expression) -> Vec<String> {
    let tables = expression.references().tables.iter();
    let tables = tables.map(|(name, _)| format!("tables/{name}.csv"));
    let cross = expression.references().cross.iter();
    let cross = cross.map(|(named, _)| named.to_string());
    names(expression.source())
        .into_iter()
        .chain(tables)
        .chain(cross)
        .collect()
}

/// The dotted names of an expression's text that begin with a root, outside its strings.
fn names(source: &str) -> Vec<String> {
    let bare = without_strings(source);
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '?');
    let mut found = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..]
            .find(|letter| !is_name(letter))
            .map_or(rest.len(), |at| start + at);
        // `a ? b : c` without spaces has its question mark before no dot.
        let mut name = rest[start..end].replace(".?", ".");
        let called = rest[end..].starts_with('(');
        if let Some(at) = name.rfind('.').filter(|_| called) {
            name.truncate(at);
        }
        for name in name.split('?') {
            if ROOTS.iter().any(|root| name.starts_with(root)) {
                found.push(name.trim_end_matches('.').to_owned());
            }
        }
        rest = &rest[end..];
    }
    found
}

const ROOTS: [&str; 6] = ["event.", "steps.", "vars.", "run.", "item.", "failure."];

/// The text with every string in it blanked out.
fn without_strings(source: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    source
        .chars()
        .map(|letter| match quote {
            Some(_) if escaped => {
                escaped = false;
                ' '
            }
            Some(open) => {
                escaped = letter == '\\';
                quote = Some(open).filter(|open| *open != letter);
                ' '
            }
            None if matches!(letter, '\'' | '"') => {
                quote = Some(letter);
                ' '
            }
            None => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_are_found_outside_strings_and_without_their_methods() {
        for (source, expected) in [
            ("event.data.part", vec!["event.data.part"]),
            (
                "event.data.a + steps.stock.on_hand",
                vec!["event.data.a", "steps.stock.on_hand"],
            ),
            (
                "event.data.name.lowerAscii() + 'event.data.x'",
                vec!["event.data.name"],
            ),
            (
                "event.data.?note.orValue(vars.none)",
                vec!["event.data.note", "vars.none"],
            ),
            (
                "event.data.a>1?event.data.b:event.subject",
                vec!["event.data.a", "event.data.b", "event.subject"],
            ),
            ("event.data.lines.map(l, l.sku)", vec!["event.data.lines"]),
            ("\"it's \\\" event.id\" + run.id", vec!["run.id"]),
        ] {
            assert_eq!(names(source), expected, "{source}");
        }
    }

    #[test]
    fn every_field_that_is_sent_has_its_origin() {
        let text = "on: a\nsteps:\n  - id: add\n    call: crm.lead.add\n    with:\n      who: \"${event.data.id}\"\n      note: \"From ${event.source} at ${event.time}\"\n      intent: \"${table('intent', event.data.i)}\"\n      erp: \"${xref('customer', 'crm', event.data.id, 'erp')}\"\n      kind: lead\n      tags: [\"${event.subject}\"]\n  - id: known\n    link: { kind: customer, ids: { crm: '${event.data.id}', erp: 7 }, role: r }\n";
        let origins = of(&Flow::parse("flows/f.yaml", text).unwrap());
        let shown: Vec<String> = origins
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}: {}",
                    one.step,
                    one.to,
                    one.field,
                    one.from.join(" ")
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "add crm.lead.add /who: event.data.id",
                "add crm.lead.add /note: event.source event.time",
                "add crm.lead.add /intent: event.data.i tables/intent.csv",
                "add crm.lead.add /erp: event.data.id xref(customer, crm, erp)",
                "add crm.lead.add /kind: ",
                "add crm.lead.add /tags/0: event.subject",
                "known xref customer /crm: event.data.id",
                "known xref customer /erp: ",
            ]
        );
        assert_eq!(origins[4].expression, "\"lead\"");
    }
}
