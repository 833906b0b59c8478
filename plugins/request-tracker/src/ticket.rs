//! A ticket as the profile has it, out of Request Tracker's or out of what its Scrip sends.

use serde::{Deserialize, Serialize};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::api::{Api, REFERENCE};
use crate::options::Options;
use crate::raw;

/// `ticket` of `ticketing/1`, and what Request Tracker itself calls the status.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requester: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// The id of the newest transaction that the asking user may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<String>,
    pub(crate) status_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    New,
    Open,
    Waiting,
    Solved,
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Priority {
    Low,
    Normal,
    High,
    Urgent,
}

/// What the Scrip sends of a ticket; `rt/tombolo.initialdata` writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) id: u64,
    pub(crate) version: u64,
    subject: Option<String>,
    status: String,
    queue: String,
    priority: i64,
    requester: Option<String>,
    owner: Option<String>,
    reference: Option<String>,
    changed: String,
}

/// `ticket.get`.
///
/// # Errors
/// `not-found` if there is no such ticket.
pub(crate) fn get(api: &Api, call: &ActionCall) -> Result<Json, Failure> {
    #[derive(Deserialize)]
    struct Input {
        id: String,
    }
    let input: Input = call.parse()?;
    to_json(&api.ticket(&input.id)?.0)
}

impl Status {
    pub(crate) const ALL: [Self; 5] = [
        Self::New,
        Self::Open,
        Self::Waiting,
        Self::Solved,
        Self::Rejected,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Solved => "solved",
            Self::Rejected => "rejected",
        }
    }
}

impl Ticket {
    /// Out of an answer. `version` is that of its `ETag`, which lists do not have.
    pub(crate) fn read(raw: &raw::Ticket, version: Option<String>, options: &Options) -> Self {
        let reference = raw
            .custom_fields
            .iter()
            .find(|field| field.name == REFERENCE)
            .and_then(|field| field.values.first()?.as_str());
        Self {
            id: raw.id.clone(),
            subject: raw.subject.clone(),
            status: options.status(&raw.status),
            queue: given(Some(&raw.queue.name)),
            priority: raw
                .priority
                .parse()
                .ok()
                .map(|number| options.priority(number)),
            requester: given(raw.requestor.first().map(|user| user.id.as_str())),
            owner: owner(Some(&raw.owner.id)),
            reference: given(reference),
            version,
            changed: given(Some(&raw.last_updated)),
            status_name: raw.status.clone(),
        }
    }

    /// Out of what the Scrip told.
    pub(crate) fn told(told: &Told, options: &Options) -> Self {
        Self {
            id: told.id.to_string(),
            subject: told.subject.clone().unwrap_or_default(),
            status: options.status(&told.status),
            queue: given(Some(&told.queue)),
            priority: Some(options.priority(told.priority)),
            requester: given(told.requester.as_deref()),
            owner: owner(told.owner.as_deref()),
            reference: given(told.reference.as_deref()),
            version: Some(told.version.to_string()),
            changed: given(Some(&told.changed)),
            status_name: told.status.clone(),
        }
    }
}

fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A ticket without an owner belongs to the user `Nobody`.
fn owner(name: Option<&str>) -> Option<String> {
    given(name).filter(|name| name != "Nobody")
}
