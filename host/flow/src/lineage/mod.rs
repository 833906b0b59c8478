//! Where a value that a run sent came from: for every field of every call and emitted event, the expression that made
//! it, and the fields of the event, results of steps, variables, value maps and cross-references that the expression looks
//! at, and what is behind those. A `link` sends ids to the site's cross-references.
//!
//! It is read from the definition the run ran on, not recorded with every run: what a field is made of is the same for
//! all runs of a version, and the run's trace has the values. The trace also says which steps were reached, and what
//! a person put in an input's place.

mod behind;
mod names;
mod reached;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use self::behind::Sight;
use self::reached::{reached, unnumbered};
use crate::definition::{Call, Flow, Kind};
use crate::expression::Template;
use crate::trace::{Repair, RunTrace};

/// Where one field came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The step that sends it: `stock`, `lines[].reserve` for every item, `part.stock` inside a called flow,
    /// `reserve/undo`.
    pub step: String,
    /// `crm.lead.add`, or the emitted event's type.
    pub to: String,
    /// JSON pointer into what is sent (RFC 6901); empty for all of it.
    pub field: String,
    /// As it is written in the flow; JSON where it is no expression.
    pub expression: String,
    /// `event.data.part`, `steps.stock.on_hand`, `vars.x`, `tables/intent.csv`, `xref(customer, crm, erp)`, `with.sku` of
    /// what the flow was called with; empty for what the flow itself says.
    pub from: Vec<String>,
    /// What results, variables, items and `with` among these were made of in turn, back to the event.
    pub behind: Vec<String>,
}

/// Where a run's values came from.
#[derive(Debug, Serialize)]
pub struct Lineage {
    /// Digest of the adapter that carried a step out, by step.
    pub adapters: BTreeMap<String, String>,
    /// Of the steps that the run reached.
    pub origins: Vec<Origin>,
}

/// The origins of everything that a run sent, in the order of its flow's steps.
#[must_use]
pub fn of_run(flow: &Flow, trace: &RunTrace) -> Lineage {
    let mut adapters = BTreeMap::new();
    reached(&trace.steps, "", &mut adapters);
    let mut origins = Vec::new();
    add_all(&mut origins, &Sight::of(flow), &|step| {
        adapters.contains_key(step)
    });
    for repair in &trace.repairs {
        edited(&mut origins, repair);
        // Of one item: by the adapter of them all.
        if let Some(adapter) = adapters.get(&unnumbered(&repair.step)).cloned() {
            adapters.insert(repair.step.clone(), adapter);
        }
    }
    adapters.retain(|_, adapter| !adapter.is_empty());
    Lineage { adapters, origins }
}

/// Of one flow, and of those it calls where they were reached.
fn add_all(origins: &mut Vec<Origin>, sight: &Sight<'_>, is_reached: &dyn Fn(&str) -> bool) {
    for (at, step) in sight.flow.program.iter().enumerate() {
        let name = format!("{}{}", sight.prefix_at(at), step.id);
        if !is_reached(&name) {
            continue;
        }
        match &step.kind {
            Kind::Call(call) => add(origins, sight, at, (&name, &called(call), &call.with)),
            Kind::Emit(emit) => add(origins, sight, at, (&name, &emit.kind, &emit.data)),
            Kind::Flow(flow) => {
                let to = format!("flow.{}", flow.name);
                add(origins, sight, at, (&name, &to, &flow.with));
                if let Some(inside) = sight.inside(at) {
                    add_all(origins, &inside, is_reached);
                }
            }
            Kind::Link(link) => {
                for (system, id, _) in &link.ids {
                    let to = format!("xref {}", link.kind);
                    let origin = origin(sight, at, (&name, &to, id), &format!("/{system}"));
                    origins.push(origin);
                }
            }
            _ => {}
        }
        let undo = format!("{name}/undo");
        if let Some(of_undo) = step.undo.as_ref().filter(|_| is_reached(&undo)) {
            let to = called(&of_undo.call);
            add(origins, sight, at, (&undo, &to, &of_undo.call.with));
        }
    }
}

fn called(call: &Call) -> String {
    format!("{}.{}", call.system, call.action)
}

fn add(
    origins: &mut Vec<Origin>,
    sight: &Sight<'_>,
    at: usize,
    (step, to, sent): (&str, &str, &Template),
) {
    fields(sent, "", &mut |field, template| {
        origins.push(origin(sight, at, (step, to, template), field));
    });
}

fn origin(
    sight: &Sight<'_>,
    at: usize,
    (step, to, made_of): (&str, &str, &Template),
    field: &str,
) -> Origin {
    let sources = made_of.expressions();
    let sources: Vec<&str> = sources.into_iter().map(|one| one.source()).collect();
    let (from, behind) = sight.looked_at(at, made_of);
    Origin {
        step: step.to_owned(),
        to: to.to_owned(),
        field: field.to_owned(),
        expression: match made_of.fixed() {
            Some(fixed) => fixed.to_owned(),
            None => sources.join(" ... "),
        },
        from,
        behind,
    }
}

/// What a person gave in place of what the flow makes. Of one item's step the flow's stays beside it, for the others.
fn edited(origins: &mut Vec<Origin>, repair: &Repair) {
    let all = unnumbered(&repair.step);
    let first = origins.iter().position(|origin| origin.step == all);
    let (true, Some(first)) = (repair.what == "edited", first) else {
        return;
    };
    let given = Origin {
        step: repair.step.clone(),
        to: origins[first].to.clone(),
        field: String::new(),
        expression: repair.value.clone(),
        from: vec![format!("edited by {}: {}", repair.by, repair.reason)],
        behind: Vec::new(),
    };
    origins.retain(|origin| origin.step != repair.step);
    origins.insert(first.min(origins.len()), given);
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
                let name = key_of(key).replace('~', "~0").replace('/', "~1");
                fields(value, &format!("{pointer}/{name}"), see);
            }
        }
        Template::Fixed(_) | Template::Value(_) | Template::Text(_) => see(pointer, template),
    }
}

/// A template's key is JSON text with its colon.
fn key_of(key: &str) -> String {
    serde_json::from_str(key.trim_end_matches(':')).unwrap_or_default()
}
