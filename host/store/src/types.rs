//! What goes into the store and comes out.

use crate::{Link, LinkOutcome, TaskLink};
use serde::{Deserialize, Serialize};
use tombolo_kernel::event::Event;

/// Where an appended event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the log, from 1.
    pub seq: i64,
    /// False: it was there already, at `seq`.
    pub fresh: bool,
}

/// An event with its place.
#[derive(Debug, Clone, Serialize)]
pub struct StoredEvent {
    /// Its place in the log.
    pub seq: i64,
    /// When it was stored, milliseconds since the epoch.
    pub stored_ms: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Behind another run of its lane.
    Queued,
    /// Between two steps; taken up again at once after a restart.
    Active,
    /// Until a retry, a timeout or an answer.
    Waiting,
    /// Finished.
    Done,
    /// Failed for good: a dead letter. Its lane went on.
    Dead,
    /// A dead letter that a person let go, with a reason.
    Discarded,
}

impl RunStatus {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Dead | Self::Discarded)
    }
}

/// A run as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRow {
    /// `1042.spare-part`: sequence number of its event and name of its flow; `1042.spare-part.replay-3` where the event
    /// was given to the flow again.
    pub id: String,
    /// Its event.
    pub seq: i64,
    /// Its flow.
    pub flow: String,
    /// Digest of the flow's definition it runs on.
    pub flow_version: String,
    /// Its lane's key; empty where the flow has none.
    pub lane: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When to look again.
    pub wake_ms: Option<u64>,
    /// The system it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Milliseconds since the epoch.
    pub started_ms: u64,
    /// Milliseconds since the epoch.
    pub updated_ms: u64,
    /// Step results and what is next, JSON; the flow crate's own.
    pub state: String,
    /// Steps, calls, times, errors for people, JSON; the flow crate's own.
    pub trace: String,
}

/// One move of a run.
#[derive(Debug, Clone)]
pub struct Advance {
    /// Inserted or replaced.
    pub run: RunRow,
    /// Emitted events.
    pub emitted: Vec<Event>,
    /// Opened tasks.
    pub tasks: Vec<TaskRow>,
    /// Open tasks of this run that are no longer asked (timed out): closed without answer.
    pub withdrawn: Vec<String>,
    /// Other runs of the same lane that queue behind it, kept in the same transaction.
    pub queued: Vec<RunRow>,
    /// The events this run waits for from now on; `None`: as before.
    pub hearing: Option<Hearing>,
    /// Links it makes. One that contradicts others is not made, and the rest is written all the same.
    pub links: Vec<Link>,
}

/// What came of one move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advanced {
    /// Where its emitted events are.
    pub appended: Vec<Appended>,
    /// What came of its links.
    pub linked: Vec<LinkOutcome>,
}

/// For which events a run waits.
#[derive(Debug, Clone, Default)]
pub struct Hearing {
    /// All of them.
    pub listens: Vec<Listen>,
    /// Events it heard of that it has looked at: they are not told again. Where others are left, it is due at once.
    pub judged: Vec<i64>,
}

/// An event that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Its type.
    pub kind: String,
    /// The field it is found by; empty: every event of the type.
    pub path: String,
    /// What is in that field; empty with an empty path.
    pub key: String,
}

/// How far something that is read in order has been read: a feed of a system, or a schedule's firings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorRow {
    /// `/systems/erp`, the source of its events.
    pub owner: String,
    /// The feed's name; empty for a schedule.
    pub name: String,
    /// Where to go on; `None`: from the start.
    pub cursor: Option<String>,
    /// When it was read last, milliseconds since the epoch.
    pub read_ms: u64,
    /// New events that came of it so far.
    pub events: u64,
}

/// What was read, and how far that was.
#[derive(Debug, Clone)]
pub struct PageIn {
    /// In order; may be none.
    pub events: Vec<Event>,
    /// Where to go on afterwards. Its `events` is not read: the store counts.
    pub cursor: CursorRow,
}

/// A lane with unfinished runs.
#[derive(Debug, Clone)]
pub struct LaneRow {
    /// Its oldest unfinished run.
    pub head: RunRow,
    /// Unfinished runs in it.
    pub length: u64,
}

/// After a restart.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Events up to here have all their runs in `runs`.
    pub checkpoint: i64,
    /// The newest event.
    pub last_seq: i64,
    /// `(flow, lane)` with unfinished runs, where lane is not empty, and how its head stands: queued where none began.
    pub lanes: Vec<(String, String, RunStatus)>,
    /// Systems that runs wait for, and how many do.
    pub parked: Vec<(String, u64)>,
}

/// What may be forgotten.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Events stored before then, with their finished runs, milliseconds since the epoch.
    pub events_before_ms: u64,
    /// While more bytes than these are in use, the oldest events go whatever their age; 0: no bound.
    pub most_bytes: u64,
    /// Audit records and changes of links of before then, milliseconds since the epoch.
    pub audits_before_ms: u64,
    /// Audit records after this number are kept until before this time; `None`: all alike.
    pub audits_kept: Option<(i64, u64)>,
    /// Go on after this event.
    pub after: i64,
}

/// What one step forgot.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// Events.
    pub events: u64,
    /// Runs of them.
    pub runs: u64,
    /// Audit records and changes of links.
    pub audits: u64,
    /// Where to go on with events.
    pub next: Option<i64>,
    /// Whether another step has something to do.
    pub more: bool,
}

/// Which events.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EventFilter {
    /// Exact type, or a prefix that ends in `.*`.
    pub kind: Option<String>,
    /// Exact.
    pub source: Option<String>,
    /// Exact.
    pub subject: Option<String>,
    /// Older than this place.
    pub before: Option<i64>,
    /// At most so many; 0 means 50.
    #[serde(default)]
    pub limit: u32,
}

/// Which runs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RunFilter {
    /// Exact.
    pub flow: Option<String>,
    /// Exact.
    pub status: Option<RunStatus>,
    /// Of this event.
    pub seq: Option<i64>,
    /// After this run in the listing: the last of the page before.
    pub after: Option<String>,
    /// At most so many; 0 means 50.
    #[serde(default)]
    pub limit: u32,
}

/// A question to a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRow {
    /// Cannot be guessed.
    pub id: String,
    /// The run that waits; empty: none does.
    pub run: String,
    /// Its step.
    pub step: String,
    /// Who may answer.
    pub role: String,
    /// For people.
    pub question: String,
    /// What can be answered.
    pub options: Vec<String>,
    /// Milliseconds since the epoch.
    pub asked_ms: u64,
    /// When it is given up.
    pub until_ms: Option<u64>,
    /// The answer, or why it was closed.
    pub closed: Option<TaskAnswer>,
    /// What the answer does to links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Box<TaskLink>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAnswer {
    /// One of the options; empty when withdrawn.
    pub answer: String,
    /// Who.
    pub by: String,
    /// Why, if they said.
    #[serde(default)]
    pub comment: String,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// Why the store did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Disk full, I/O error, a search that took too long: nothing was promised, a write did not happen.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// No such thing.
    #[error("{0}")]
    NotFound(String),
    /// The file is not ours, newer, or broken.
    #[error("{0}")]
    Format(String),
}
