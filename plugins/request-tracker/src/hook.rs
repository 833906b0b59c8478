//! What the Scrip posts after a transaction is committed: the ticket as it is, and what was done to it.
//!
//! It is answered without asking Request Tracker anything: the worker that posts waits for the answer, and another one may
//! not be free.

use serde::Deserialize;
use tombolo_sdk::{Event, Failure, Inbound, Reception, sender, to_json};

use crate::api::Api;
use crate::entry::{Entry, is_change, is_public};
use crate::recent;
use crate::ticket::{Ticket, Told};

/// Seconds between Request Tracker's clock and the host's, either way.
const TOLERANCE: u64 = 300;

#[derive(Deserialize)]
struct Post {
    ticket: Told,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    id: u64,
    r#type: String,
    by: String,
    at: String,
    text: Option<String>,
}

/// # Errors
/// `unauthorized` if it is not signed with the key `hook`, `invalid-input` if it is not what the Scrip sends.
pub(crate) fn receive(api: &Api, inbound: &Inbound) -> Result<Reception, Failure> {
    sender::standard_webhooks(inbound, "hook", TOLERANCE)?;
    let post: Post = inbound.json()?;
    let ticket = Ticket::told(&post.ticket, &api.options);
    if !ticket
        .queue
        .as_deref()
        .is_some_and(|queue| api.options.wants(queue))
    {
        return Ok(Reception::of(Vec::new()));
    }
    let mut events = Vec::new();
    for transaction in &post.transactions {
        if let (Some(public), Some(text)) = (is_public(&transaction.r#type), &transaction.text) {
            let entry = Entry {
                id: transaction.id.to_string(),
                ticket: &ticket.id,
                text,
                by: &transaction.by,
                public,
                at: &transaction.at,
            };
            events.push(added(&entry)?);
        }
    }
    let changes = post
        .transactions
        .iter()
        .filter(|transaction| is_change(&transaction.r#type));
    if let Some(last) = changes.max_by_key(|transaction| transaction.id)
        && !recent::is_stale(post.ticket.id, post.ticket.version)?
    {
        events.push(changed(&ticket, last.id, &last.at)?);
    }
    Ok(Reception::of(events))
}

/// `ticket.entry-added`; hook and feed give it the same id.
pub(crate) fn added(entry: &Entry<'_>) -> Result<Event, Failure> {
    Ok(Event::new("ticket.entry-added", to_json(entry)?)
        .with_id(format!("entry-{}", entry.id))
        .with_subject(entry.ticket)
        .with_time(entry.at))
}

/// `ticket.changed`, by the transaction that changed it.
pub(crate) fn changed(ticket: &Ticket, transaction: u64, at: &str) -> Result<Event, Failure> {
    Ok(Event::new("ticket.changed", to_json(ticket)?)
        .with_id(format!("changed-{transaction}"))
        .with_subject(&ticket.id)
        .with_time(at))
}
