//! An adapter that runs on the in-memory host: the three verbs, checked as the real host checks them.

use serde_json::Value;

use super::{Host, enter, refuse};
use crate::{ActionCall, Adapter, Event, Failure, Inbound, Kept, Page, Reception, with};

/// An adapter on a [`Host`]. It is started by its first call, like an instance of the real host.
#[derive(Debug)]
pub struct Running<A> {
    host: Host,
    kept: Kept<A>,
}

impl<A: Adapter> Running<A> {
    pub(super) fn new(host: Host) -> Self {
        Self {
            host,
            kept: Kept::new(),
        }
    }

    /// Calls an action with the idempotency key `test-key`, for the first time.
    ///
    /// # Errors
    /// The adapter's failure.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests hand over `json!(...)`"
    )]
    pub fn act(&self, action: &str, input: Value) -> Result<Value, Failure> {
        self.call(ActionCall {
            action: action.to_owned(),
            input: input.to_string(),
            idempotency_key: "test-key".to_owned(),
            attempt: 1,
            deadline_ms: 30_000,
        })
    }

    /// Calls an action just so.
    ///
    /// # Errors
    /// The adapter's failure.
    pub fn call(&self, call: ActionCall) -> Result<Value, Failure> {
        self.host
            .declared(|declared| declared.require_action(&call.action));
        let action = call.action.clone();
        let output = enter(&self.host, || with(&self.kept, |adapter| adapter.act(call)))?;
        match serde_json::from_str(&output) {
            Ok(output) => Ok(output),
            Err(error) => refuse(format!(
                "the action `{action}` answers text that is no JSON: {error}"
            )),
        }
    }

    /// Delivers an inbound request.
    ///
    /// # Errors
    /// The adapter's failure.
    pub fn receive(&self, mut inbound: Inbound) -> Result<Reception, Failure> {
        self.host
            .declared(|declared| declared.require_hook(&inbound.hook));
        if inbound.received_ms == 0 {
            inbound.received_ms = self.host.now_ms();
        }
        let reception = enter(&self.host, || {
            with(&self.kept, |adapter| adapter.receive(inbound))
        })?;
        self.check(&reception.events);
        match &reception.answer {
            Some(answer) if !matches!(answer.status, 200..=299 | 400..=499) => refuse(format!(
                "the adapter answers with status {}; expected 200 to 299 or 400 to 499",
                answer.status
            )),
            _ => Ok(reception),
        }
    }

    /// Reads a page of a feed.
    ///
    /// # Errors
    /// The adapter's failure.
    pub fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        self.host.declared(|declared| declared.require_feed(feed));
        let page = enter(&self.host, || {
            with(&self.kept, |adapter| adapter.read(feed, cursor, limit))
        })?;
        self.check(&page.events);
        Ok(page)
    }

    fn check(&self, events: &[Event]) {
        for event in events {
            self.host
                .declared(|declared| declared.require_event(&event.type_));
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&event.data) {
                refuse(format!(
                    "the data of the event `{}` is no JSON: {error}",
                    event.type_
                ));
            }
        }
    }
}
