//! `person.find`.

use serde::Deserialize;
use serde_json::json;
use tombolo_kernel::failure::Failure;

use crate::core::Core;
use crate::site::Person;

#[derive(Deserialize)]
pub(super) struct Wanted {
    role: Option<String>,
    system: Option<String>,
    id: Option<String>,
}

/// `{ people: [{ person, name, roles, ids }] }`, by name; everything that is given must agree.
pub(super) fn find(core: &Core, wanted: &Wanted) -> Result<String, Failure> {
    let named = core.named.load();
    let is = |person: &Person| {
        let role = wanted.role.as_ref();
        let known = match (&wanted.system, &wanted.id) {
            (Some(system), Some(id)) => person.ids.get(system) == Some(id),
            (Some(system), None) => person.ids.contains_key(system),
            (None, _) => true,
        };
        known && role.is_none_or(|role| person.roles.contains(role))
    };
    let people: Vec<_> = named
        .people()
        .iter()
        .filter(|(_, person)| is(person))
        .map(|(short, person)| {
            json!({ "person": short, "name": person.name, "roles": person.roles, "ids": person.ids })
        })
        .collect();
    Ok(json!({ "people": people }).to_string())
}
