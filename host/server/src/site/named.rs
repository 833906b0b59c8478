//! What a site names, held against what people name in requests.

use tombolo_flow::problem::did_you_mean;
use tombolo_manifest::names::is_name;

use super::people::People;
use super::plan::Site;

/// Systems, roles, kinds of entities, people.
#[derive(Debug, Default)]
pub(crate) struct Named {
    systems: Vec<String>,
    roles: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    people: People,
}

impl Named {
    /// Of a site that checks.
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            systems: site.systems.keys().cloned().collect(),
            roles: site.settings.roles.clone(),
            kinds: site.settings.kinds.clone(),
            people: site.people.clone(),
        }
    }

    /// Who is who.
    pub(crate) fn people(&self) -> &People {
        &self.people
    }

    /// Refuses a system that the site does not have.
    pub(crate) fn check_system(&self, what: &str, name: &str) -> Result<(), String> {
        check(what, name, Some(&self.systems), "systems")
    }

    /// Refuses a role that the site does not have, if it names any.
    pub(crate) fn check_role(&self, what: &str, name: &str) -> Result<(), String> {
        check(what, name, self.roles.as_deref(), "roles")
    }

    /// Refuses a kind of entity that the site does not have, if it names any.
    pub(crate) fn check_kind(&self, what: &str, name: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!(
                "{what}: found \"{name}\", expected lower case letters, digits and `-`, such as customer"
            ));
        }
        check(what, name, self.kinds.as_deref(), "kinds")
    }
}

fn check(what: &str, name: &str, known: Option<&[String]>, of: &str) -> Result<(), String> {
    match known {
        Some(known) if !known.iter().any(|one| one == name) => {
            let near = did_you_mean(name, known.iter().map(String::as_str));
            let known = match known {
                [] => "it has none".to_owned(),
                known => known.join(", "),
            };
            Err(format!(
                "{what}: found \"{name}\", expected one of the site's {of}: {known}{near}"
            ))
        }
        _ if name.is_empty() => Err(format!("{what}: found nothing, expected a name")),
        _ => Ok(()),
    }
}
