//! The room of the adapter and one person: found by an alias that both the person's id and the server make up, so that
//! two calls, or one that is tried again, never make two rooms.

use serde_json::json;
use tombolo_sdk::Failure;

use crate::content::digest;
use crate::homeserver::Homeserver;
use crate::options::{is_person, server_of};

/// The room where `person` reads what only they shall read; they are invited where they are not in it.
pub(crate) fn room(homeserver: &Homeserver, person: &str) -> Result<String, Failure> {
    if !is_person(person) {
        return Err(Failure::invalid_input(
            "/person",
            format!("found `{person}`, expected a person such as `@mia:example.org`"),
        ));
    }
    let me = homeserver.me()?;
    let name = format!("tombolo-direct-{}", digest(person));
    let alias = format!("#{name}:{}", server_of(me).unwrap_or_default());
    let found = match homeserver.aliased(&alias)? {
        Some(room) => room,
        None => match create(homeserver, person, &name)? {
            Some(room) => return Ok(room),
            // Somebody was faster, most often another call.
            None => homeserver.aliased(&alias)?.ok_or_else(|| {
                Failure::unavailable(format!("the alias `{alias}` came and went"), None)
            })?,
        },
    };
    // An alias can be taken by anybody unless the application service reserves it.
    if homeserver.creator(&found)?.as_deref() != Some(me) {
        return Err(Failure::conflict(format!(
            "the alias `{alias}` stands for a room that somebody else made; remove it, and reserve `#tombolo-direct-.*` in the application service's registration"
        )));
    }
    match homeserver.membership(&found, person)?.as_deref() {
        Some("join" | "invite") => {}
        _ => homeserver.invite(&found, person)?,
    }
    Ok(found)
}

fn create(homeserver: &Homeserver, person: &str, name: &str) -> Result<Option<String>, Failure> {
    // A homeserver invites people that do not exist.
    if !homeserver.knows(person)? {
        return Err(Failure::not_found(format!("there is no person `{person}`")));
    }
    homeserver.create(&json!({
        "preset": "private_chat",
        "is_direct": true,
        "invite": [person],
        "room_alias_name": name,
    }))
}
