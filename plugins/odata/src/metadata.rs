//! `metadata: check`: what the operator wrote against what the services say of themselves, so that a misspelled name or a
//! wrong type is found before it is met.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use tombolo_sdk::http::Method;
use tombolo_sdk::{Failure, to_json};

use crate::client::Client;
use crate::entity::Entity;
use crate::options::Type;

/// What a service's `$metadata` (EDMX, both versions) says.
#[derive(Debug, Default)]
struct Service {
    /// Entity set to the name of its type.
    sets: BTreeMap<String, String>,
    /// Type to its properties with their types, and navigations without one.
    types: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Key properties of a type, in its order.
    keys: BTreeMap<String, Vec<String>>,
}

/// `{ "entities": 7, "problems": ["..."] }`.
pub(crate) fn check(client: &Client, entities: &[Rc<Entity>]) -> Result<String, Failure> {
    let mut services: BTreeMap<&str, Service> = BTreeMap::new();
    let mut problems = Vec::new();
    for entity in entities {
        let service = match services.entry(&entity.service) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(read(client, &entity.service)?)
            }
        };
        problems.extend(
            of(service, entity)
                .into_iter()
                .map(|problem| format!("{}: {problem}", entity.name)),
        );
    }
    #[derive(serde::Serialize)]
    struct Found {
        entities: usize,
        problems: Vec<String>,
    }
    to_json(&Found {
        entities: entities.len(),
        problems,
    })
}

fn read(client: &Client, service: &str) -> Result<Service, Failure> {
    let request = tombolo_sdk::http::Request::new(
        client.connection(),
        Method::Get,
        format!("{service}/$metadata"),
    )
    .header("accept", "application/xml");
    let response = client.read(&request)?;
    parse(response.text()?).map_err(|problem| {
        Failure::unavailable(
            format!(
                "the system answered {} with metadata that cannot be read: {problem}",
                response.status
            ),
            None,
        )
    })
}

fn parse(text: &str) -> Result<Service, String> {
    let mut reader = Reader::from_str(text);
    let mut service = Service::default();
    let (mut kind, mut in_key) = (None, false);
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let (element, is_open) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(element) => {
                match element.local_name().as_ref() {
                    b"EntityType" | b"ComplexType" => kind = None,
                    b"Key" => in_key = false,
                    _ => {}
                }
                continue;
            }
            Event::DocType(_) => return Err("it has a document type".to_owned()),
            Event::Eof => return Ok(service),
            _ => continue,
        };
        let name = attribute(element, b"Name");
        match (element.local_name().as_ref(), name) {
            (b"EntityType" | b"ComplexType", Some(name)) => {
                service.types.entry(name.clone()).or_default();
                kind = is_open.then_some(name);
            }
            (b"Key", _) => in_key = is_open,
            (b"PropertyRef", Some(name)) if in_key => {
                if let Some(kind) = &kind {
                    service.keys.entry(kind.clone()).or_default().push(name);
                }
            }
            (b"Property", Some(name)) => {
                note(
                    &mut service,
                    kind.as_ref(),
                    name,
                    attribute(element, b"Type"),
                );
            }
            (b"NavigationProperty", Some(name)) => note(&mut service, kind.as_ref(), name, None),
            (b"EntitySet", Some(name)) => {
                let kind = attribute(element, b"EntityType").unwrap_or_default();
                let local = kind.rsplit('.').next().unwrap_or_default();
                service.sets.insert(name, local.to_owned());
            }
            _ => {}
        }
    }
}

fn note(service: &mut Service, kind: Option<&String>, name: String, of: Option<String>) {
    if let Some(kind) = kind {
        service
            .types
            .entry(kind.clone())
            .or_default()
            .insert(name, of);
    }
}

fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    String::from_utf8(attribute.value.into_owned()).ok()
}

/// What does not fit.
fn of(service: &Service, entity: &Entity) -> Vec<String> {
    let Ok(set) = entity.set() else {
        return Vec::new();
    };
    let Some(kind) = service.sets.get(set) else {
        return vec![format!(
            "the service has no set `{set}`; it has {}",
            listed(service.sets.keys())
        )];
    };
    let mut problems = Vec::new();
    if let Some(keys) = service.keys.get(kind)
        && keys.iter().collect::<BTreeSet<_>>() != entity.key.iter().collect()
    {
        let keys = keys.join(", ");
        problems.push(format!(
            "the key of `{set}` is another: write `key: [{keys}]`"
        ));
    }
    let mut names = Vec::new();
    entity.used.all("", &mut names);
    for name in names {
        let mut steps = name.split('/').peekable();
        let first = steps.next().unwrap_or_default();
        let properties = service.types.get(kind);
        let own = properties.and_then(|properties| properties.get(first));
        let Some(own) = own else {
            let known = listed(properties.into_iter().flat_map(BTreeMap::keys));
            problems.push(format!("`{set}` has no `{first}`; it has {known}"));
            continue;
        };
        // Where a navigation leads is said in too many ways; some type must have the property.
        let found = match steps.last() {
            None => vec![own],
            Some(last) => service
                .types
                .values()
                .filter_map(|properties| properties.get(last))
                .collect(),
        };
        let wanted = entity.kind(&name);
        let fits = |of: &&Option<String>| of.as_deref().is_none_or(|of| is(wanted, of));
        if found.is_empty() {
            problems.push(format!("nothing in the service has `{name}`"));
        } else if !found.iter().any(fits) {
            let of = found[0].as_deref().unwrap_or_default();
            let todo = typed(&name, of);
            problems.push(format!("`{name}` is {of}, not {wanted:?}: {todo}"));
        }
    }
    problems
}

/// The first names of many.
fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let known: Vec<_> = names.take(20).map(String::as_str).collect();
    known.join(", ")
}

/// What to write for a property of this type.
fn typed(name: &str, of: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let ours = match of.trim_start_matches("Edm.") {
        "TimeOfDay" => "Time",
        "SByte" => "Int16",
        other => other,
    };
    if serde_json::from_value::<Type>(ours.into()).is_err() {
        return "there is no such type here, take it out of `fields`".to_owned();
    }
    let day = if ours == "DateTime" {
        ", or `Date` where it is a day alone"
    } else {
        ""
    };
    format!("write `{name}: {ours}` under `types`{day}")
}

/// Whether a type of ours is the service's.
fn is(wanted: Type, of: &str) -> bool {
    let Some(of) = of.strip_prefix("Edm.") else {
        return true;
    };
    let wanted = format!("{wanted:?}");
    match of {
        "DateTime" => matches!(&*wanted, "DateTime" | "Date"),
        "TimeOfDay" => wanted == "Time",
        "SByte" => wanted == "Int16",
        other => wanted == other,
    }
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
