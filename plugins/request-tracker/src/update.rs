//! `ticket.update`: Request Tracker answers 200 and says in words what it did not do, so the ticket is looked at afterwards.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, http, store, to_json};

use crate::api::{self, Api};
use crate::ticket::{Priority, Status, Ticket};

#[derive(Deserialize)]
struct Input {
    id: String,
    subject: Option<String>,
    status: Option<Status>,
    queue: Option<String>,
    priority: Option<Priority>,
    owner: Option<String>,
    version: Option<String>,
}

/// # Errors
/// `not-found` if there is no such ticket, `conflict` if it has another version by now, `rejected` with Request Tracker's
/// words if it did not take everything.
pub(crate) fn update(api: &Api, call: &ActionCall) -> Result<Json, Failure> {
    let input: Input = call.parse()?;
    let Some(version) = &input.version else {
        let words = send(api, &input)?;
        return result(api, &input, &words);
    };
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::invalid_input(
            "/version",
            "is no version of a ticket here; expected the `version` of an earlier answer",
        ));
    }
    // An answer that was lost: the change of the first attempt is what the second one's version conflicts with.
    let mark = format!("update/{}", call.idempotency_key);
    let is_first = api::claim(&mark)?;
    let sent = send(api, &input);
    if !sent.as_ref().is_err_and(api::is_unclear) {
        store::delete(&mark)?;
    }
    match sent {
        Err(Failure::Conflict(_)) if !is_first => {
            let (ticket, _) = api.ticket(&input.id)?;
            if differing(&input, &ticket).is_empty() {
                return to_json(&ticket);
            }
            Err(conflict(&input.id, version))
        }
        Err(Failure::Conflict(_)) => Err(conflict(&input.id, version)),
        Err(failure) => Err(failure),
        Ok(words) => result(api, &input, &words),
    }
}

/// Sends the change; what Request Tracker said to it.
fn send(api: &Api, input: &Input) -> Result<String, Failure> {
    // A ticket that is not there is 404 with words about the request; and a merged one goes by another id.
    let (ticket, _) = api.ticket(&input.id)?;
    let mut body = json!({});
    if let Some(subject) = &input.subject {
        body["Subject"] = json!(subject);
    }
    if let Some(status) = input.status
        && ticket.status != status
    {
        body["Status"] = json!(api.options.names(status).first());
    }
    if let Some(queue) = &input.queue {
        body["Queue"] = json!(queue);
    }
    if let Some(priority) = input.priority
        && ticket.priority != Some(priority)
    {
        body["Priority"] = json!(api.options.number(priority));
    }
    if let Some(owner) = &input.owner {
        body["Owner"] = json!(owner);
    }
    let mut request = http::put("api", http::path(&["ticket", &ticket.id])?).json(&body)?;
    if let Some(version) = &input.version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    let messages: Vec<Value> = api::call(&request)?.json()?;
    let words: Vec<&str> = messages.iter().filter_map(Value::as_str).collect();
    Ok(words.join("; "))
}

/// The ticket as it is now, if it is as it was wanted.
fn result(api: &Api, input: &Input, words: &str) -> Result<Json, Failure> {
    let (ticket, _) = api.ticket(&input.id)?;
    let differing = differing(input, &ticket);
    if differing.is_empty() {
        return to_json(&ticket);
    }
    let shown: String = words.chars().take(500).collect();
    if api::has_failed(&shown) {
        return Err(api::failed(&shown));
    }
    Err(Failure::rejected(
        "not-changed",
        format!(
            "Request Tracker did not take {}: {shown}",
            differing.join(", ")
        ),
    ))
}

/// The fields that are not as they were wanted.
fn differing(input: &Input, ticket: &Ticket) -> Vec<&'static str> {
    let same = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| {
            found.is_some_and(|found| found.trim().eq_ignore_ascii_case(wanted.trim()))
        })
    };
    let subject = input
        .subject
        .as_deref()
        .is_none_or(|subject| subject.trim() == ticket.subject.trim());
    let nobody = input.owner.as_deref() == Some("Nobody") && ticket.owner.is_none();
    let fields = [
        ("subject", subject),
        (
            "status",
            input.status.is_none_or(|status| ticket.status == status),
        ),
        ("queue", same(&input.queue, ticket.queue.as_deref())),
        (
            "priority",
            input
                .priority
                .is_none_or(|priority| ticket.priority == Some(priority)),
        ),
        (
            "owner",
            nobody || same(&input.owner, ticket.owner.as_deref()),
        ),
    ];
    fields
        .into_iter()
        .filter_map(|(name, same)| (!same).then_some(name))
        .collect()
}

fn conflict(id: &str, version: &str) -> Failure {
    Failure::conflict(format!(
        "the ticket {id} changed since version {version}; get it again and decide anew"
    ))
}
