//! `ticket.reply` and `ticket.comment`, and what is written as the profile has it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::api::Api;

/// `entry` of `ticketing/1`.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) id: String,
    pub(crate) ticket: &'a str,
    pub(crate) text: &'a str,
    pub(crate) by: &'a str,
    pub(crate) public: bool,
    pub(crate) at: &'a str,
}

/// Whether a transaction of this type is something that somebody wrote, and then whether the requester sees it.
pub(crate) fn is_public(kind: &str) -> Option<bool> {
    match kind {
        "Create" | "Correspond" => Some(true),
        "Comment" => Some(false),
        _ => None,
    }
}

/// Whether a transaction of this type changes what a ticket of the profile shows.
pub(crate) fn is_change(kind: &str) -> bool {
    matches!(
        kind,
        "Create"
            | "Status"
            | "Set"
            | "Take"
            | "Untake"
            | "Steal"
            | "Give"
            | "Force"
            | "SetWatcher"
            | "AddWatcher"
            | "DelWatcher"
            | "CustomField"
    )
}

/// Writes on a ticket with `correspond` or `comment`, unless this call has done so before.
///
/// # Errors
/// `not-found` if there is no such ticket.
pub(crate) fn write(api: &Api, call: &ActionCall, verb: &str) -> Result<Json, Failure> {
    #[derive(Deserialize)]
    struct Input {
        id: String,
        text: String,
    }
    let input: Input = call.parse()?;
    let (ticket, raw) = api.ticket(&input.id)?;
    api.require_queue(&raw.queue.id)?;
    let key = call.idempotency_key.as_str();
    let id = match api.written_by(&ticket.id, key)? {
        Some(id) => id,
        None => api.write(&ticket.id, verb, &input.text, key)?,
    };
    to_json(&json!({ "id": id }))
}
