//! The `settings` of the system file; README.md has the table.

use std::collections::BTreeMap;

use tombolo_sdk::Failure;

/// The whole of it.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Where questions go that name neither room nor person.
    pub(crate) room: Option<String>,
    /// Whose invitations are accepted: `@mia:example.org`, or `@*:example.org` for everybody of a server.
    pub(crate) join: Vec<String>,
    /// An option's own reaction in place of its number.
    pub(crate) reactions: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.join.iter().find(|who| !is_person(who)) {
            Some(who) => Err(Failure::internal(format!(
                "settings.join in the system file: found `{who}`, expected a person such as `@mia:example.org`, or `@*:example.org`"
            ))),
            None => Ok(()),
        }
    }

    /// Whether it joins where this person invites it.
    pub(crate) fn joins(&self, inviter: &str) -> bool {
        self.join.iter().any(|who| match who.strip_prefix("@*:") {
            Some(server) => server_of(inviter) == Some(server),
            None => who == inviter,
        })
    }
}

/// `@mia:example.org`.
pub(crate) fn is_person(id: &str) -> bool {
    id.starts_with('@') && server_of(id).is_some_and(|server| !server.is_empty())
}

/// The server in an id: what follows the first colon, a port included.
pub(crate) fn server_of(id: &str) -> Option<&str> {
    id.split_once(':').map(|(_, server)| server)
}
