//! What goes into a call of a system and what comes out, as the rest of the host sees it.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::audit::AuditRecord;
use crate::failure::{Failure, FieldProblem};
use crate::fields::{FieldFilter, Withheld};

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
    pub withheld: Option<Arc<Withheld>>,
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
    /// What of a call's input reaches the system. An input from which not everything can be kept back goes nowhere.
    pub(super) fn reaching(&self, fields: &FieldFilter) -> Result<String, Failure> {
        let refused = |message: String| Failure::InvalidInput {
            problems: vec![FieldProblem {
                path: String::new(),
                message,
            }],
        };
        let input = fields
            .apply(&self.input)
            .map_err(|problem| refused(problem.to_string()))?;
        let leak = self
            .withheld
            .as_ref()
            .and_then(|withheld| withheld.leak(&input));
        match leak {
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

/// Whoever can carry out actions: the registry of systems, or a script in tests.
pub trait Actor: Send + Sync {
    /// Does one action. Never panics and always ends by the system's deadline; an unknown system or action is
    /// [`Failure::NotOffered`], a system that is held back or quarantined [`Failure::Unavailable`].
    fn act<'a>(
        &'a self,
        system: &'a str,
        call: ActionCall,
    ) -> futures_util::future::BoxFuture<'a, Outcome<String>>;

    /// What is kept back from the version of a system that takes this action in this lane, if anything.
    fn fields(
        &self,
        _system: &str,
        _action: &str,
        _lane: u64,
    ) -> Option<std::sync::Arc<crate::fields::FieldFilter>> {
        None
    }

    /// Why no call may go to a system until a person or another version of it changes that: it is disabled, or
    /// quarantined. Its runs wait without using up attempts.
    fn rests(&self, _system: &str) -> Option<String> {
        None
    }

    /// What is known of an action, for checks.
    fn offer(&self, system: &str, action: &str) -> Option<std::sync::Arc<super::ActionOffer>>;
}
