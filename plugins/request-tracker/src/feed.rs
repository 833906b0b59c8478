//! The feed `changes`: transactions in the order of their ids, which are the cursor. No time is compared with another, so
//! what happens in one second is not lost.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tombolo_sdk::{Event, Failure, Page, clock, http, time};

use crate::api::{self, Api};
use crate::entry::{Entry, is_change, is_public};
use crate::hook::{added, changed};
use crate::query::Query;
use crate::raw::{Content, List, Part, Transaction};
use crate::recent;

/// Transactions of one page: each may take three requests, and a page has the time of one call.
const PAGE: u32 = 20;
/// Characters of a text that are kept, as in the Scrip.
const TEXT: usize = 65_536;

/// # Errors
/// `internal` for a cursor that is no transaction's id.
pub(crate) fn read(api: &Api, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
    let after: u64 = cursor.map_or(Ok(0), str::parse).map_err(|_| {
        Failure::internal("the cursor is no transaction's id; begin anew with `--from 0`")
    })?;
    let (transactions, more) = settled(api, after, limit.clamp(1, PAGE))?;
    let mut events = Vec::new();
    for (index, transaction) in transactions.iter().enumerate() {
        if let Some(public) = is_public(&transaction.r#type)
            && let Some(text) = text_of(transaction.id)?
        {
            events.push(added(&Entry {
                id: transaction.id.to_string(),
                ticket: &transaction.object_id,
                text: &text,
                by: &transaction.creator.id,
                public,
                at: &transaction.created,
            })?);
        }
        let again = |later: &Transaction| {
            later.object_id == transaction.object_id && is_change(&later.r#type)
        };
        // A ticket is told of as it is now: once for all that was done to it in this page.
        if is_change(&transaction.r#type) && !transactions[index + 1..].iter().any(again) {
            events.extend(now(api, transaction)?);
        }
    }
    Ok(Page {
        events,
        cursor: transactions.last().map(|last| last.id.to_string()),
        more,
    })
}

/// The next transactions that are old enough, and whether there may be more of them. Ids are given when a transaction
/// begins and seen when it ends: a younger one than the margin could be overtaken by one with a smaller id.
fn settled(api: &Api, after: u64, size: u32) -> Result<(Vec<Transaction>, bool), Failure> {
    let mut query = Query::default().and("ObjectType", "=", "RT::Ticket")?.and(
        "id",
        ">",
        &after.to_string(),
    )?;
    if !api.options.queues.is_empty() {
        query = query.and_any("TicketQueue", "=", &api.options.queues)?;
    }
    let request = http::get("api", "/transactions")
        .query("query", query.text())
        .query("fields", "Type,Created,Creator,ObjectId")
        .query("orderby", "id")
        .query("order", "ASC")
        .query("per_page", size.to_string());
    let response = api::call(&request)?;
    let now_s = response.date_s().unwrap_or_else(|| clock::now_ms() / 1000);
    let until = time::rfc3339(&now_s.saturating_sub(api.options.settle).to_string());
    let until = until.as_deref().map_or("", seconds);
    let mut transactions = response.json::<List<Transaction>>()?.items;
    let found = transactions.len();
    let settled = transactions
        .iter()
        .take_while(|transaction| seconds(&transaction.created) <= until)
        .count();
    transactions.truncate(settled);
    // A page can have fewer than its size where the user may not see some.
    Ok((transactions, settled > 0 && settled == found))
}

/// A time without its fraction and zone, which is UTC on both sides.
fn seconds(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

/// That the ticket changed, unless it is gone or hidden by now.
fn now(api: &Api, transaction: &Transaction) -> Result<Option<Event>, Failure> {
    let ticket = match api.ticket(&transaction.object_id) {
        Ok((ticket, _)) => ticket,
        Err(Failure::NotFound(_) | Failure::Unauthorized(_)) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    // What the Scrip posts late is older than this.
    if let (Ok(id), Some(Ok(version))) =
        (ticket.id.parse(), ticket.version.as_deref().map(str::parse))
    {
        recent::is_stale(id, version)?;
    }
    changed(&ticket, transaction.id, &transaction.created).map(Some)
}

/// What was written: the first part that is text and no file, plain if there is one.
fn text_of(transaction: u64) -> Result<Option<String>, Failure> {
    let path = http::path(&["transaction", &transaction.to_string(), "attachments"])?;
    let request = http::get("api", path)
        .query("fields", "ContentType,Filename")
        .query("per_page", "100");
    let parts = api::call(&request)?.json::<List<Part>>()?.items;
    let text = |kind: &str| {
        parts
            .iter()
            .find(|part| part.content_type == kind && part.filename.is_empty())
    };
    let Some(part) = text("text/plain").or_else(|| text("text/html")) else {
        return Ok(None);
    };
    let request = http::get("api", http::path(&["attachment", &part.id])?);
    let content: Content = api::call(&request)?.json()?;
    let lines: String = content.content.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(lines).map_err(|_| {
        Failure::unavailable(
            format!("the content of attachment {} is not base64", part.id),
            None,
        )
    })?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.chars().take(TEXT).collect()))
}
