//! `link`: ids of different systems are of one entity; and what can be checked of kinds and systems that flows name.

use tombolo_kernel::limits;

use super::steps::template;
use super::{Flow, NAME_RULE, is_name};
use crate::expression::Template;
use crate::problem::{Place, Problem, did_you_mean};
use crate::yaml::{Node, Reader, Value};

/// Ids that are of one entity.
#[derive(Debug)]
pub struct Link {
    /// The kind of entity: `customer`.
    pub kind: String,
    /// Where the kind stands, for checks.
    pub place: Place,
    /// System, id, and where the system stands; the first keeps its other ids where a person replaces.
    pub ids: Vec<(String, Template, Place)>,
    /// Who is asked when it contradicts other links.
    pub role: String,
    /// Where the role stands, for checks.
    pub role_place: Place,
}

/// What a site has.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) systems: &'k [String],
    /// `None`: any.
    pub(super) kinds: Option<&'k [String]>,
}

/// Reads what stands under `link`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Link> {
    reader.mapping(node, "link", &["kind", "ids", "role"])?;
    let mut need = |name: &str, expected: &str| {
        let found = node.get(name);
        if found.is_none() {
            let message = format!("link: \"{name}\" is missing, expected {expected}");
            reader.wrong(node.place, message);
        }
        found
    };
    let kind = need("kind", "a kind of entity such as customer");
    let ids = need("ids", "a mapping of systems to ids");
    let role = need(
        "role",
        "the role of who is asked when ids contradict each other",
    );
    let (kind, ids, role) = (kind?, ids?, role?);
    let name = reader.text(kind, "link.kind")?.to_owned();
    if !is_name(&name) {
        let message = format!("link.kind: found \"{name}\", expected {NAME_RULE}");
        reader.wrong(kind.place, message);
    }
    let read_role = reader.text(role, "link.role")?.to_owned();
    Some(Link {
        kind: name,
        place: kind.place,
        ids: read_ids(reader, ids)?,
        role: read_role,
        role_place: role.place,
    })
}

fn read_ids(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<(String, Template, Place)>> {
    let most = limits::LINK_SYSTEMS;
    let entries = match &node.value {
        Value::Map(entries) if (2..=most).contains(&entries.len()) => entries,
        _ => {
            let message = format!(
                "link.ids: found {}, expected the ids of 2 to {most} systems such as {{ crm: ..., erp: ... }}",
                node.describe()
            );
            reader.wrong(node.place, message);
            return None;
        }
    };
    let mut ids = Vec::new();
    for (system, id) in entries {
        if !is_name(&system.text) {
            let message = format!(
                "link.ids: found the system \"{}\", expected {NAME_RULE}",
                system.text
            );
            reader.wrong(system.place, message);
            continue;
        }
        if !matches!(id.value, Value::Text(_) | Value::Number(_)) {
            let message = format!(
                "link.ids.{}: found {}, expected an id",
                system.text,
                id.describe()
            );
            reader.wrong(id.place, message);
            continue;
        }
        let what = format!("link.ids.{}", system.text);
        if let Some(id) = template(reader, id, &what) {
            ids.push((system.text.clone(), id, system.place));
        }
    }
    Some(ids)
}

/// What is wrong with a step's kind and systems.
pub(super) fn check_link(link: &Link, known: Known<'_>) -> Vec<(Place, String)> {
    let kind = unknown_kind(&link.kind, known).map(|why| (link.place, format!("link.kind: {why}")));
    let systems = link.ids.iter().filter_map(|(system, _, place)| {
        let why = unknown_system(system, known)?;
        Some((*place, format!("link.ids: {why}")))
    });
    kind.into_iter().chain(systems).collect()
}

/// What is wrong with kinds and systems that expressions name.
pub(super) fn check_named(flow: &Flow, known: Known<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (named, place) in &flow.named_references {
        let kind = named.kind.as_deref();
        let systems = [&named.system, &named.other].into_iter().flatten();
        let wrong = kind
            .and_then(|kind| unknown_kind(kind, known))
            .into_iter()
            .chain(systems.filter_map(|system| unknown_system(system, known)));
        let problem = |why: String| Problem::new(&flow.file, *place, format!("xref: {why}"));
        problems.extend(wrong.map(problem));
    }
    problems
}

fn unknown_kind(kind: &str, known: Known<'_>) -> Option<String> {
    let kinds = known.kinds?;
    if kinds.iter().any(|one| one == kind) {
        return None;
    }
    let near = did_you_mean(kind, kinds.iter().map(String::as_str));
    Some(format!(
        "found \"{kind}\", expected one of the site's kinds: {}{near}",
        kinds.join(", ")
    ))
}

fn unknown_system(system: &str, known: Known<'_>) -> Option<String> {
    if known.systems.iter().any(|one| one == system) {
        return None;
    }
    let near = did_you_mean(system, known.systems.iter().map(String::as_str));
    let there = match known.systems {
        [] => "the site has none".to_owned(),
        systems => systems.join(", "),
    };
    Some(format!(
        "there is no system \"{system}\"; systems: {there}{near}"
    ))
}
