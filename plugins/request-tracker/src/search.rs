//! `ticket.search`.

use serde::Deserialize;
use serde_json::json;
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::api::{Api, REFERENCE};
use crate::query::Query;
use crate::ticket::{Status, Ticket};

/// Tickets of a page unless the call says otherwise.
const PAGE: u64 = 20;

#[derive(Deserialize)]
struct Input {
    text: Option<String>,
    status: Option<Status>,
    queue: Option<String>,
    requester: Option<String>,
    reference: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

/// # Errors
/// `invalid-input` for a cursor that this search did not give.
pub(crate) fn search(api: &Api, call: &ActionCall) -> Result<Json, Failure> {
    let input: Input = call.parse()?;
    let (page, size) = match &input.after {
        None => (1, input.limit.unwrap_or(PAGE)),
        Some(after) => position(after)?,
    };
    let (tickets, next) = api.tickets(query(api, &input)?, page, size)?;
    let tickets: Vec<Ticket> = tickets
        .iter()
        .map(|ticket| Ticket::read(ticket, None, &api.options))
        .collect();
    let mut output = json!({ "tickets": tickets });
    if let Some(next) = next {
        output["next"] = json!(format!("{next}/{size}"));
    }
    to_json(&output)
}

fn query(api: &Api, input: &Input) -> Result<Query, Failure> {
    let mut query = Query::default();
    if let Some(text) = &input.text {
        // With a percent sign of its own a text is never read as a field's name, and means the same.
        query = query
            .and("Subject", "LIKE", &format!("%{text}"))
            .map_err(|failure| failure.below("/text"))?;
    }
    if let Some(status) = input.status {
        query = query.and_any("Status", "=", api.options.names(status))?;
    }
    if let Some(queue) = &input.queue {
        query = query
            .and("Queue", "=", queue)
            .map_err(|failure| failure.below("/queue"))?;
    }
    if let Some(requester) = &input.requester {
        let field = if requester.contains('@') {
            "Requestor.EmailAddress"
        } else {
            "Requestor.Name"
        };
        query = query
            .and(field, "=", requester)
            .map_err(|failure| failure.below("/requester"))?;
    }
    if let Some(reference) = &input.reference {
        query = query
            .and(&format!("'CF.{{{REFERENCE}}}'"), "=", reference)
            .map_err(|failure| failure.below("/reference"))?;
    }
    Ok(query)
}

/// A cursor is the page's number and size: pages of another size would begin elsewhere.
fn position(after: &str) -> Result<(u64, u64), Failure> {
    let parsed = after
        .split_once('/')
        .and_then(|(page, size)| Some((page.parse().ok()?, size.parse().ok()?)));
    parsed
        .filter(|(page, size)| *page >= 1 && (1..=100).contains(size))
        .ok_or_else(|| {
            Failure::invalid_input(
                "/after",
                "is no cursor of this search; expected the `next` of an earlier answer",
            )
        })
}
