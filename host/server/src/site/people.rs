//! `people.yaml`: who is who. Names, roles, and the id that each system knows a person by, so that an answer given in
//! chat is that of a person who may give it.

use std::collections::{BTreeMap, BTreeSet};

use tombolo_flow::problem::did_you_mean;
use tombolo_flow::yaml::Node;
use tombolo_manifest::names::is_name;

use super::fields::{self, At, Fields, Problems, quoted};

/// The file.
pub(crate) const FILE: &str = "people.yaml";

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Person {
    /// For people to read.
    pub name: String,
    /// Which tasks they may answer.
    pub roles: BTreeSet<String>,
    /// By system, the id it knows them by.
    pub ids: BTreeMap<String, String>,
}

/// The people of a site, by the short name that is kept with what they decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People(BTreeMap<String, Person>);

impl People {
    /// Who a system means by an id.
    #[must_use]
    pub fn who(&self, system: &str, id: &str) -> Option<(&str, &Person)> {
        let is = |person: &Person| person.ids.get(system).is_some_and(|known| known == id);
        self.iter().find(|(_, person)| is(person))
    }

    /// Everybody.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Person)> {
        self.0.iter().map(|(name, person)| (name.as_str(), person))
    }
}

/// Reads the file. `systems` are the site's; of `roles` a person has some, where the site names any.
pub(super) fn read(
    node: &Node,
    systems: &[String],
    roles: Option<&[String]>,
    problems: &mut Problems,
) -> People {
    let mut people = BTreeMap::new();
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    let Some(entries) = Fields::any(node, "people.yaml", problems) else {
        return People::default();
    };
    for (key, node) in entries.entries() {
        if !is_name(&key.text) {
            let message = format!(
                "found the person {}, expected lower case letters, digits and `-`, such as mia; `name` has the rest",
                quoted(&key.text)
            );
            problems.add(key.place, message);
        }
        let Some(fields) = Fields::known(node, "a person", &["name", "roles", "ids"], problems)
        else {
            continue;
        };
        let name = fields
            .get("name")
            .and_then(|node| fields::text(node, "name", problems))
            .unwrap_or(&key.text);
        let mut has = BTreeSet::new();
        for (at, role) in fields
            .get("roles")
            .map(|node| fields::texts(node, "roles", problems))
            .unwrap_or_default()
        {
            known(at, "roles", role, roles, problems);
            has.insert(role.to_owned());
        }
        let mut ids = BTreeMap::new();
        for (at, system, id) in read_ids(fields, problems) {
            known(at, "ids", system, Some(systems), problems);
            let place = (system.to_owned(), id.to_owned());
            match taken.get(&place) {
                Some(other) => problems.add(
                    at,
                    format!(
                        "ids: {} has the id {} in {system} already; one id is one person",
                        other,
                        quoted(id)
                    ),
                ),
                None => {
                    taken.insert(place, key.text.clone());
                }
            }
            ids.insert(system.to_owned(), id.to_owned());
        }
        let person = Person {
            name: name.to_owned(),
            roles: has,
            ids,
        };
        people.insert(key.text.clone(), person);
    }
    People(people)
}

fn read_ids<'n>(person: Fields<'n>, problems: &mut Problems) -> Vec<(At, &'n str, &'n str)> {
    let Some(ids) = person
        .get("ids")
        .and_then(|node| Fields::any(node, "ids", problems))
    else {
        return Vec::new();
    };
    ids.entries()
        .filter_map(|(key, node)| {
            let id = fields::text(node, "ids", problems)?;
            Some((key.place, key.text.as_str(), id))
        })
        .collect()
}

fn known(at: At, what: &str, name: &str, of: Option<&[String]>, problems: &mut Problems) {
    if let Some(of) = of.filter(|of| !of.iter().any(|one| one == name)) {
        let near = did_you_mean(name, of.iter().map(String::as_str));
        let message = format!(
            "{what}: found {}, expected one of {}{near}",
            quoted(name),
            of.join(", ")
        );
        problems.add(at, message);
    }
}
