//! `ticket.create`: looked for by its key before it is made, and looked at afterwards.

use serde::Deserialize;
use serde_json::json;
use tombolo_sdk::{ActionCall, Failure, Json, http, to_json};

use crate::api::{self, Api, KEY, REFERENCE};
use crate::raw::Id;
use crate::ticket::Priority;

#[derive(Deserialize)]
struct Input {
    subject: String,
    text: String,
    queue: Option<String>,
    requester: Option<String>,
    priority: Option<Priority>,
    reference: Option<String>,
}

/// # Errors
/// `not-found` if there is no such queue, `unauthorized` if the user may not write there.
pub(crate) fn create(api: &Api, call: &ActionCall) -> Result<Json, Failure> {
    let input: Input = call.parse()?;
    let queue = input.queue.as_deref().unwrap_or(&api.options.queue);
    api.require_queue(queue)
        .map_err(|failure| failure.below("/queue"))?;
    let key = call.idempotency_key.as_str();
    let id = match api.made_by(key)? {
        Some(id) => id,
        None => {
            if let Some(requester) = &input.requester {
                api.require_requester(requester)?;
            }
            make(api, &input, queue, key)?
        }
    };
    let (ticket, raw) = api.ticket(&id)?;
    // Dropped without a word where the user may not write them. A retry would make another ticket, so there is none.
    let lacks_reference = input
        .reference
        .as_deref()
        .is_some_and(|reference| !api::has(&raw, REFERENCE, reference));
    if lacks_reference || !api::has(&raw, KEY, key) {
        return Err(Failure::rejected(
            "rights",
            format!(
                "was made as ticket {id}, but without `{KEY}` or `{REFERENCE}`, by which it is found again; the user needs SeeCustomField, ModifyCustomField and SetInitialCustomField"
            ),
        ));
    }
    to_json(&ticket)
}

fn make(api: &Api, input: &Input, queue: &str, key: &str) -> Result<String, Failure> {
    let mut body = json!({
        "Queue": queue,
        "Subject": input.subject,
        "Content": input.text,
        "ContentType": "text/plain",
        "CustomFields": { KEY: key },
    });
    if let Some(requester) = &input.requester {
        body["Requestor"] = json!([requester]);
    }
    if let Some(priority) = input.priority {
        body["Priority"] = json!(api.options.number(priority));
    }
    if let Some(reference) = &input.reference {
        body["CustomFields"][REFERENCE] = json!(reference);
    }
    let made: Id = api::call(&http::post("api", "/ticket").json(&body)?)?.json()?;
    Ok(made.id)
}
