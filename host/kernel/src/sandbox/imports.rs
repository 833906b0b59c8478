//! The contract's imports, as the guest calls them: convert, hand to the capability, record, convert back.
//!
//! Decisions are the capabilities' and the grant's. `keys` has its own file.

use std::sync::Arc;

use wasmtime::Result;

use super::bindings::tombolo::adapter as wit;
use super::convert;
use super::meter::waiting;
use super::state::StoreState;
use crate::audit::Kind;
use crate::capability::broker::Message;
use crate::capability::store::StoreError;
use crate::capability::{actions, clock, http, log};
use crate::failure::Failure;
use crate::fields::{FieldFilter, Gathered};
use crate::system::ActionCall;

impl wit::types::Host for StoreState {}
impl wit::exchange::Host for StoreState {}

impl wit::settings::Host for StoreState {
    fn get(&mut self) -> Result<String> {
        Ok(self.system.settings.text().to_owned())
    }
}

impl wit::clock::Host for StoreState {
    fn now_ms(&mut self) -> Result<u64> {
        Ok(clock::coarse(self.call.now_ms))
    }
}

impl wit::log::Host for StoreState {
    fn write(&mut self, level: wit::log::Level, message: String) -> Result<()> {
        let level = match level {
            wit::log::Level::Debug => log::Level::Debug,
            wit::log::Level::Info => log::Level::Info,
            wit::log::Level::Warn => log::Level::Warn,
            wit::log::Level::Error => log::Level::Error,
        };
        self.call.log.write(&self.system.name, level, &message);
        Ok(())
    }
}

impl wit::http::Host for StoreState {
    async fn send(
        &mut self,
        connection: String,
        request: wit::http::Request,
    ) -> Result<Result<wit::http::Response, wit::http::Error>> {
        if let Err(too_many) = self.count() {
            return Ok(Err(wit::http::Error::Quota(too_many.to_string())));
        }
        let system = Arc::clone(&self.system);
        let left = self.call.left();
        let request = convert::http_request(request);
        let tell = self.aside(Kind::Http);
        let open = self.open(Kind::Http, connection.clone(), http::what(&request));
        let send = system
            .http
            .send(&system.grant, &connection, request, left, &tell);
        // Boxed, as those below: a future is as large as all that it may wait for, and copied with whatever holds it.
        let (result, record) = open.waiting(Box::pin(send)).await;
        open.close(record);
        Ok(result
            .map(convert::http_response)
            .map_err(convert::http_error))
    }
}

impl wit::sql::Host for StoreState {
    async fn run(
        &mut self,
        connection: String,
        statement: String,
        parameters: String,
    ) -> Result<Result<wit::sql::Outcome, wit::sql::Error>> {
        self.count()?;
        let system = Arc::clone(&self.system);
        let left = self.call.left();
        let open = self.open(Kind::Sql, connection.clone(), statement.clone());
        let run = system
            .sql
            .run(&system.grant, &connection, &statement, &parameters, left);
        let (result, record) = open.waiting(Box::pin(run)).await;
        open.close(record);
        let outcome = |outcome: crate::capability::sql::SqlOutcome| wit::sql::Outcome {
            rows: outcome.rows,
            affected: outcome.affected,
        };
        Ok(result.map(outcome).map_err(convert::sql_error))
    }
}

impl wit::broker::Host for StoreState {
    async fn publish(
        &mut self,
        connection: String,
        topic: String,
        payload: Vec<u8>,
        headers: Vec<(String, String)>,
    ) -> Result<Result<(), wit::broker::Error>> {
        self.count()?;
        let system = Arc::clone(&self.system);
        let left = self.call.left();
        let open = self.open(Kind::Broker, connection.clone(), topic.clone());
        let message = Message {
            topic,
            payload,
            headers,
        };
        let publish = system
            .broker
            .publish(&system.grant, &connection, message, left);
        let (result, record) = open.waiting(Box::pin(publish)).await;
        open.close(record);
        Ok(result.map_err(convert::broker_error))
    }
}

type Stored<T> = Result<Result<T, wit::store::Error>>;

impl wit::store::Host for StoreState {
    async fn get(&mut self, key: String) -> Stored<Option<Vec<u8>>> {
        let (system, nth) = (Arc::clone(&self.system), self.call.host_calls);
        let read = system.store.get(&system.grant, &key);
        self.stored("get", system.store.turns.read(nth, read)).await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Stored<()> {
        let (system, nth) = (Arc::clone(&self.system), self.call.host_calls);
        let set = system.store.set(&system.grant, &key, value, None);
        self.stored("set", system.store.turns.write(nth, set)).await
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Stored<()> {
        let (system, nth) = (Arc::clone(&self.system), self.call.host_calls);
        let set = system.store.set(&system.grant, &key, value, Some(expected));
        self.stored("compare-and-set", system.store.turns.write(nth, set))
            .await
    }

    async fn delete(&mut self, key: String) -> Stored<()> {
        let (system, nth) = (Arc::clone(&self.system), self.call.host_calls);
        let delete = system.store.delete(&system.grant, &key);
        self.stored("delete", system.store.turns.write(nth, delete))
            .await
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<String>> {
        let (system, nth) = (Arc::clone(&self.system), self.call.host_calls);
        let keys = system
            .store
            .keys(&system.grant, &prefix, after.as_deref(), limit);
        self.stored("keys", system.store.turns.read(nth, keys))
            .await
    }
}

impl wit::actions::Host for StoreState {
    async fn call(
        &mut self,
        system: String,
        action: String,
        input: String,
    ) -> Result<Result<String, wit::types::Failure>> {
        self.count()?;
        let caller = Arc::clone(&self.system);
        let what = actions::what(&system, &action);
        if let Err(failure) = actions::check(&caller.grant, &system, &action, self.call.depth) {
            self.denied(Kind::Actions, &system, what, &failure.to_string());
            return Ok(Err(convert::failure_in(failure)));
        }
        let call = self.nested(action, input);
        let sent = call.input.len();
        let mut open = self.open(Kind::Actions, system.clone(), what);
        let outcome = open
            .waiting(actions::call(&caller.actor, &system, call))
            .await;
        open.outward().extend(outcome.outward);
        let (word, received) = match &outcome.result {
            Ok(output) => ("ok", output.len()),
            Err(failure) => (failure.kind(), 0),
        };
        open.close_with(word.to_owned(), sent, received);
        let result = match &caller.grant.fields {
            Some(fields) => outcome.result.and_then(|output| kept_back(fields, &output)),
            None => outcome.result,
        };
        Ok(result.map_err(convert::failure_in))
    }
}

/// Another system's answer without what its caller must not see.
fn kept_back(fields: &FieldFilter, output: &str) -> std::result::Result<String, Failure> {
    fields.apply(output).map_err(|problem| Failure::Internal {
        message: format!("the other system's answer cannot be handed on: {problem}"),
    })
}

impl StoreState {
    /// Carries out one use of the store. It leaves nothing outside, so only a refusal is recorded.
    async fn stored<T>(
        &mut self,
        what: &'static str,
        run: impl Future<Output = std::result::Result<T, StoreError>> + Send,
    ) -> Stored<T> {
        self.count()?;
        let result = waiting(&self.meter, run).await;
        if let Err(StoreError::Denied(why)) = &result {
            self.denied(Kind::Store, "store", what.to_owned(), why);
        }
        Ok(result.map_err(convert::store_error))
    }

    /// The call of another system's action on behalf of this one.
    fn nested(&self, action: String, input: String) -> ActionCall {
        let before = self
            .call
            .outward
            .iter()
            .filter(|outward| outward.kind == Kind::Actions)
            .count();
        ActionCall {
            idempotency_key: actions::nested_key(
                self.call.idempotency_key.as_deref(),
                before,
                self.call.now_ms,
            ),
            action,
            input,
            attempt: self.call.attempt,
            cause: self.cause_text(),
            depth: self.call.depth.saturating_add(1),
            withheld: Gathered::Nothing,
            lane: self.call.lane,
        }
    }
}
