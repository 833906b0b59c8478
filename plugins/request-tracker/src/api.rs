//! What is asked of Request Tracker, and what its answers mean.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use tombolo_sdk::http::{self, Request, Response};
use tombolo_sdk::{Failure, store};

use crate::options::Options;
use crate::query::Query;
use crate::raw::{self, Id, List};
use crate::ticket::Ticket;

/// The custom field with what a ticket is about elsewhere.
pub(crate) const REFERENCE: &str = "Tombolo reference";
/// The one with the key of the call that made it.
pub(crate) const KEY: &str = "Tombolo key";
/// The one of transactions with the key of the call that wrote it.
const CALL: &str = "Tombolo call";

/// Fields of a ticket in a list.
const FIELDS: &str = "Subject,Status,Queue,Priority,Requestor,Owner,LastUpdated,CustomFields";

/// One Request Tracker.
pub(crate) struct Api {
    pub(crate) options: Options,
    /// Queues that have the custom fields.
    sound_queues: RefCell<BTreeSet<String>>,
}

impl Api {
    pub(crate) fn new(options: Options) -> Result<Self, Failure> {
        options.require_sound()?;
        Ok(Self {
            options,
            sound_queues: RefCell::default(),
        })
    }

    /// A ticket, and what it came from.
    ///
    /// # Errors
    /// `not-found` if there is none; `unauthorized` if the user may not see it.
    pub(crate) fn ticket(&self, id: &str) -> Result<(Ticket, raw::Ticket), Failure> {
        let id = ticket_id(id)?;
        let request = http::get("api", http::path(&["ticket", id])?).query("fields[Queue]", "Name");
        let response = request.send()?;
        if response.status == 404 {
            return Err(no_ticket(id));
        }
        let response = success(response)?;
        let raw: raw::Ticket = response.json()?;
        let version = response
            .header("etag")
            .map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned());
        Ok((Ticket::read(&raw, version, &self.options), raw))
    }

    /// A page of the tickets that meet the query, and the number of the next one.
    pub(crate) fn tickets(
        &self,
        query: Query,
        page: u64,
        size: u64,
    ) -> Result<(Vec<raw::Ticket>, Option<u64>), Failure> {
        let request = http::get("api", "/tickets")
            .query("query", query.text())
            .query("fields", FIELDS)
            .query("fields[Queue]", "Name")
            .query("orderby", "LastUpdated")
            .query("order", "DESC")
            .query("orderby", "id")
            .query("order", "DESC")
            .query("per_page", size.to_string())
            .query("page", page.to_string());
        let list: List<raw::Ticket> = call(&request)?.json()?;
        let more = match list.pages {
            Some(pages) => list.page < pages,
            None => list.items.len() as u64 >= size,
        };
        Ok((list.items, more.then_some(page + 1)))
    }

    /// The ticket that a call with this key has made already. The language compares without regard to case, the key is exact.
    pub(crate) fn made_by(&self, key: &str) -> Result<Option<String>, Failure> {
        let query = Query::default().and(&format!("'CF.{{{KEY}}}'"), "=", key)?;
        let (tickets, _) = self.tickets(query, 1, 20)?;
        Ok(tickets
            .into_iter()
            .find(|ticket| has(ticket, KEY, key))
            .map(|ticket| ticket.id))
    }

    /// The transaction of this ticket that a call with this key has written already.
    pub(crate) fn written_by(&self, ticket: &str, key: &str) -> Result<Option<String>, Failure> {
        let query = Query::default()
            .and("ObjectType", "=", "RT::Ticket")?
            .and("ObjectId", "=", ticket)?
            .and(&format!("'CF.{{{CALL}}}'"), "=", key)?;
        let request = http::get("api", "/transactions").query("query", query.text());
        let list: List<Id> = call(&request)?.json()?;
        Ok(list.items.into_iter().next().map(|found| found.id))
    }

    /// That the queue is there and its tickets have the custom fields: without them Request Tracker would drop the keys
    /// without a word, and a repeated call would do its work twice.
    ///
    /// # Errors
    /// `not-found` if there is no such queue; `internal` if a field is missing.
    pub(crate) fn require_queue(&self, queue: &str) -> Result<(), Failure> {
        if self.sound_queues.borrow().contains(queue) {
            return Ok(());
        }
        let response = http::get("api", http::path(&["queue", queue])?).send()?;
        if response.status == 404 {
            return Err(Failure::not_found(format!(
                "there is no queue `{queue}` that this user may see"
            )));
        }
        let found: raw::Queue = success(response)?.json()?;
        let of = |fields: &[raw::Field], name: &str| fields.iter().any(|field| field.name == name);
        let missing = [
            (REFERENCE, &found.ticket_custom_fields),
            (KEY, &found.ticket_custom_fields),
            (CALL, &found.ticket_transaction_custom_fields),
        ]
        .into_iter()
        .find(|(name, fields)| !of(fields, name));
        if let Some((name, _)) = missing {
            return Err(Failure::internal(format!(
                "the queue `{queue}` has no custom field `{name}` that this user may see; insert rt/tombolo.initialdata and put the user into the group Tombolo (README.md)"
            )));
        }
        self.sound_queues.borrow_mut().insert(queue.to_owned());
        Ok(())
    }

    /// That a requester can be one: Request Tracker makes users of addresses, and drops other names that it does not know.
    ///
    /// # Errors
    /// `invalid-input` if it is neither.
    pub(crate) fn require_requester(&self, requester: &str) -> Result<(), Failure> {
        let strange = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c);
        let wrong = |message: String| Err(Failure::invalid_input("/requester", message));
        if let Some((name, host)) = requester.split_once('@') {
            if name.is_empty()
                || host.is_empty()
                || host.contains('@')
                || requester.contains(strange)
            {
                return wrong("is no address; expected one such as `anna@example.com`".into());
            }
            return Ok(());
        }
        let response = http::get("api", http::path(&["user", requester])?).send()?;
        if response.status == 404 {
            return wrong(format!(
                "Request Tracker has no user `{requester}`; expected an address or the name of a user"
            ));
        }
        success(response).map(|_| ())
    }

    /// Writes a message on a ticket; the id of its transaction.
    pub(crate) fn write(
        &self,
        ticket: &str,
        verb: &str,
        text: &str,
        key: &str,
    ) -> Result<String, Failure> {
        let body = json!({ "Content": text, "ContentType": "text/plain", "TxnCustomFields": { CALL: key } });
        let path = http::path(&["ticket", ticket, verb])?;
        let response = call(&http::post("api", path).json(&body)?)?;
        let messages: Vec<Value> = response.json()?;
        let id = response
            .header("location")
            .and_then(|location| location.rsplit('/').next())
            .unwrap_or_default()
            .to_owned();
        // "Correspondence added", "Custom fields updated": the second one is missing where the user may not.
        if messages.len() < 2 {
            return Err(Failure::rejected(
                "rights",
                format!(
                    "was written as transaction {id}, but without `{CALL}`, by which a repetition would find it; the user needs ModifyCustomField"
                ),
            ));
        }
        Ok(id)
    }
}

/// Whether a ticket has this value in a custom field.
pub(crate) fn has(ticket: &raw::Ticket, field: &str, value: &str) -> bool {
    ticket
        .custom_fields
        .iter()
        .any(|found| found.name == field && found.values.iter().any(|found| found == value))
}

/// Whether a call that did not end well may have done its work all the same.
pub(crate) fn is_unclear(failure: &Failure) -> bool {
    matches!(failure, Failure::Unavailable(_))
}

/// Notes that a request is about to leave; false if an earlier attempt noted it already. Without room for the note the
/// request leaves all the same.
pub(crate) fn claim(mark: &str) -> Result<bool, Failure> {
    match store::compare_and_set(mark, None, b"sent") {
        Ok(()) | Err(store::Error::Quota(_)) => Ok(true),
        Err(store::Error::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Sends a request and takes any status but 2xx as a failure in Request Tracker's own words.
pub(crate) fn call(request: &Request) -> Result<Response, Failure> {
    success(request.send()?)
}

/// The same with a response that is there.
pub(crate) fn success(response: Response) -> Result<Response, Failure> {
    if response.is_success() {
        return Ok(response);
    }
    let words = response.json().ok().map(|refusal: raw::Refusal| {
        refusal
            .message
            .chars()
            .take(500)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
    });
    // A message that may not be written is a bad request there.
    if response.status == 400 && words.as_deref() == Some("Permission Denied") {
        return Err(Failure::unauthorized(
            "Permission Denied (status 400); the user needs ReplyToTicket and CommentOnTicket",
        ));
    }
    match words {
        Some(words) if response.status == 400 && has_failed(&words) => Err(failed(&words)),
        words => Err(response.failure("", words.as_deref())),
    }
}

/// Whether words of Request Tracker say that it failed inside: a bad request there, or none at all, but nothing is wrong with
/// what was asked.
pub(crate) fn has_failed(words: &str) -> bool {
    const FAILED: [&str; 3] = [
        "due to an internal error",
        "Message could not be recorded",
        "could not be set to",
    ];
    FAILED.iter().any(|failed| words.contains(failed))
}

/// The failure that such words mean. Tried again a few times: a database that is locked looks the same as a Scrip that is broken.
pub(crate) fn failed(words: &str) -> Failure {
    Failure::internal(format!(
        "Request Tracker failed inside and says {words:?}; its log has the reason, most often a database that is locked or whose disk is full; mend that and have this carried out again"
    ))
}

/// Ids are numbers; what is none is the id of no ticket.
fn ticket_id(id: &str) -> Result<&str, Failure> {
    if (1..=18).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(id)
    } else {
        Err(no_ticket(id))
    }
}

fn no_ticket(id: &str) -> Failure {
    let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    Failure::not_found(format!("there is no ticket `{shown}`"))
}
