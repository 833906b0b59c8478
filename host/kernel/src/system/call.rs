//! What goes into a call of a system and what comes out, as the rest of the host sees it.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::audit::AuditRecord;
use crate::failure::{Failure, FieldProblem};
use crate::fields::{FieldFilter, Gathered};

/// Ask a system to do something.
#[derive(Debug, Clone)]
pub struct ActionCall {
    /// The action.
    pub action: String,
    /// JSON text.
    pub input: String,
    /// The same on every attempt.
    pub idempotency_key: String,
    /// From 1.
    pub attempt: u32,
    /// `1042.spare-part/stock`, for audit records.
    pub cause: String,
    /// How many `actions.call` are above this one.
    pub depth: u8,
    /// Values that are kept back from the system and must not be in the input under another name.
    pub withheld: Gathered,
    /// The [hash](super::lane) of the lane that it belongs to, which decides whether a canary takes it. `None`: none does.
    pub lane: Option<u64>,
}

/// Something arrived for a system.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The hook.
    pub hook: String,
    /// Upper case.
    pub method: String,
    /// As the sender wrote it, where the public address is known.
    pub url: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Raw.
    pub body: bytes::Bytes,
    /// Milliseconds since the epoch.
    pub received_ms: u64,
}

/// The method of an [`Inbound`] that came from a broker.
pub const MESSAGE: &str = "MESSAGE";

/// A granted subscription of a running system.
#[derive(Debug)]
pub struct Subscribed {
    /// The system.
    pub system: String,
    /// Its hook.
    pub hook: String,
    /// The broker.
    pub place: super::BrokerPlace,
    /// Which messages.
    pub from: super::MessageSource,
}

/// An event as an adapter made it.
#[derive(Debug, Clone)]
pub struct MadeEvent {
    /// Its type, granted.
    pub kind: String,
    /// The sender's id.
    pub id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// RFC 3339.
    pub time: Option<String>,
    /// JSON, checked.
    pub data: Box<RawValue>,
}

/// What `receive` made of it.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    /// Granted and checked.
    pub events: Vec<MadeEvent>,
    /// For the sender, after the events are on disk.
    pub answer: Option<Answer>,
}

/// What the sender is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200-299 or 400-499.
    pub status: u16,
    /// Its type.
    pub content_type: String,
    /// Raw.
    pub body: Vec<u8>,
}

/// One page of a feed.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Granted and checked.
    pub events: Vec<MadeEvent>,
    /// Where to go on.
    pub cursor: Option<String>,
    /// More right now.
    pub more: bool,
}

/// A call's result and what it did on the way.
#[derive(Debug)]
pub struct Outcome<T> {
    /// A trap, limit or deadline is [`Failure::Internal`] with `crashed`.
    pub result: Result<T, Failure>,
    /// The adapter broke: trap, limit, deadline, or an answer that is not in the contract.
    pub crashed: bool,
    /// Of an action: what left or was denied, for whoever tells its story. The [audit](crate::audit::AuditSink) has it.
    pub outward: Vec<Arc<AuditRecord>>,
    /// Time in the guest, microseconds, not counting what it waited for.
    pub guest_micros: u64,
}

impl ActionCall {
    /// What of a call's input reaches the system. An input from which not everything can be kept back goes nowhere; one
    /// that was made when other rules held is made again.
    pub(super) fn reaching(&self, fields: &FieldFilter) -> Result<String, Failure> {
        let refused = |message: String| Failure::InvalidInput {
            problems: vec![FieldProblem {
                path: String::new(),
                message,
            }],
        };
        if self.withheld.is_outdated(fields) {
            let message = "what is kept back from this system changed while the call waited; it is made again by the new rules";
            return Err(Failure::RateLimited {
                message: message.to_owned(),
                retry_after_ms: Some(0),
            });
        }
        let input = fields
            .apply(&self.input)
            .map_err(|problem| refused(problem.to_string()))?;
        match self.withheld.leak(&input) {
            Some(leak) => Err(refused(leak.to_string())),
            None => Ok(input),
        }
    }
}

impl<T> Outcome<T> {
    /// A call that did not reach any guest.
    #[must_use]
    pub fn refused(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            crashed: false,
            outward: Vec::new(),
            guest_micros: 0,
        }
    }
}

/// What holds for a call before it is made.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What is known of the action. `None`: the system does not offer it.
    pub offer: Option<Arc<super::ActionOffer>>,
    /// What is kept back from the system, if anything.
    pub fields: Option<Arc<FieldFilter>>,
}

/// Whoever can carry out actions: the registry of systems, or a script in tests.
pub trait Actor: Send + Sync {
    /// Does one action. Never panics and always ends by the system's deadline; an unknown system or action is
    /// [`Failure::NotOffered`], a system that is held back or quarantined [`Failure::Unavailable`].
    fn act<'a>(
        &'a self,
        system: &'a str,
        call: ActionCall,
    ) -> futures_util::future::BoxFuture<'a, Outcome<String>>;

    /// What holds for an action in the version of its system that takes it in this lane.
    fn terms(&self, system: &str, action: &str, _lane: Option<u64>) -> Terms {
        Terms {
            offer: self.offer(system, action),
            fields: None,
        }
    }

    /// Why no call may go to a system until a person or another version of it changes that: it is disabled, or
    /// quarantined. Its runs wait without using up attempts.
    fn rests(&self, _system: &str) -> Option<String> {
        None
    }

    /// What is known of an action, for checks.
    fn offer(&self, system: &str, action: &str) -> Option<std::sync::Arc<super::ActionOffer>>;
}
