//! The host of a test: what it is given, what it scripts, and what it answers to the adapter's imports.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::check::{check_parameters, check_request};
use super::declared::Declared;
use super::script::{LogLine, RanStatement, Reply, Script, Seen, SentMessage, SentRequest};
use super::{Running, refuse};
use crate::{Adapter, Failure, Json, broker, http, log, sql};

/// An in-memory host. Its clones are the same host.
#[derive(Debug, Clone)]
pub struct Host {
    state: Rc<RefCell<State>>,
}

/// Everything it holds.
#[derive(Debug)]
pub(super) struct State {
    pub(super) declared: Declared,
    pub(super) script: Script,
    pub(super) seen: Seen,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    pub(super) stored: BTreeMap<String, Vec<u8>>,
    now_ms: u64,
}

impl Host {
    /// A host for the adapter with this manifest, usually `include_str!("../adapter.toml")`. Its clock stands at
    /// 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new(manifest: &str) -> Self {
        let state = State {
            declared: Declared::new(manifest),
            script: Script::default(),
            seen: Seen::default(),
            secrets: BTreeMap::new(),
            stored: BTreeMap::new(),
            now_ms: 1_767_225_600_000,
        };
        Self {
            state: Rc::new(RefCell::new(state)),
        }
    }

    // === what it is given ===

    /// The operator's system file as JSON: `connections` with `allow` and `statements`, `settings`, `actions`,
    /// `hooks` and `feeds` with their `do`, `emits`.
    #[must_use]
    pub fn system(self, system: Value) -> Self {
        self.state.borrow_mut().declared.set_system(system);
        self
    }

    /// The `settings` of the system file alone.
    #[must_use]
    pub fn settings(self, settings: Value) -> Self {
        self.state.borrow_mut().declared.set_settings(settings);
        self
    }

    /// Binds a key of the manifest to a secret, before its derivation.
    #[must_use]
    pub fn key(self, name: &str, secret: impl AsRef<[u8]>) -> Self {
        {
            let mut state = self.state.borrow_mut();
            if !state.declared.manifest.keys.contains_key(name) {
                refuse(format!(
                    "the test binds the key `{name}`, which the manifest does not declare"
                ));
            }
            state
                .secrets
                .insert(name.to_owned(), secret.as_ref().to_vec());
        }
        self
    }

    /// Sets the clock, milliseconds since 1970.
    #[must_use]
    pub fn at_ms(self, milliseconds: u64) -> Self {
        self.state.borrow_mut().now_ms = milliseconds;
        self
    }

    // === what it scripts ===

    /// The next answer to such a request; the path as it is sent, without query.
    pub fn reply(&self, connection: &str, method: &str, path: &str, reply: Reply) -> &Self {
        let target = (connection.to_owned(), method.to_owned(), path.to_owned());
        self.state
            .borrow_mut()
            .script
            .replies
            .entry(target)
            .or_default()
            .push_back(reply);
        self
    }

    /// The next rows of a statement: an array of objects.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests hand over `json!(...)`"
    )]
    pub fn rows(&self, connection: &str, statement: &str, rows: Value) -> &Self {
        self.outcome(
            connection,
            statement,
            Ok(sql::Outcome {
                rows: rows.to_string(),
                affected: 0,
            }),
        )
    }

    /// How many rows the statement changes next.
    pub fn affected(&self, connection: &str, statement: &str, affected: u64) -> &Self {
        self.outcome(
            connection,
            statement,
            Ok(sql::Outcome {
                rows: "[]".to_owned(),
                affected,
            }),
        )
    }

    /// The next outcome of a statement, whichever.
    pub fn outcome(
        &self,
        connection: &str,
        statement: &str,
        outcome: Result<sql::Outcome, sql::Error>,
    ) -> &Self {
        let target = (connection.to_owned(), statement.to_owned());
        self.state
            .borrow_mut()
            .script
            .outcomes
            .entry(target)
            .or_default()
            .push_back(outcome);
        self
    }

    /// The next answer of another system's action.
    pub fn action_answer(
        &self,
        system: &str,
        action: &str,
        answer: Result<Value, Failure>,
    ) -> &Self {
        self.state
            .borrow_mut()
            .script
            .answers
            .entry(format!("{system}.{action}"))
            .or_default()
            .push_back(answer);
        self
    }

    /// The next message is not published, but fails so.
    pub fn not_published(&self, error: broker::Error) -> &Self {
        self.state.borrow_mut().script.unpublished.push_back(error);
        self
    }

    pub(crate) fn publish(
        &self,
        connection: &str,
        topic: &str,
        payload: &[u8],
        headers: &[(String, String)],
    ) -> Result<(), broker::Error> {
        let mut state = self.state.borrow_mut();
        state.declared.require_topic(connection, topic);
        if let Some(error) = state.script.unpublished.pop_front() {
            return Err(error);
        }
        state.seen.messages.push(SentMessage {
            connection: connection.to_owned(),
            topic: topic.to_owned(),
            payload: payload.to_vec(),
            headers: headers.to_vec(),
        });
        Ok(())
    }

    /// The adapter on this host. Starting it twice makes two instances that share the host.
    #[must_use]
    pub fn start<A: Adapter>(&self) -> Running<A> {
        Running::new(self.clone())
    }

    // === what can be looked at ===

    /// The requests that the adapter sent.
    #[must_use]
    pub fn requests(&self) -> Vec<SentRequest> {
        self.state.borrow().seen.requests.clone()
    }

    /// The messages that the adapter published.
    #[must_use]
    pub fn messages(&self) -> Vec<SentMessage> {
        self.state.borrow().seen.messages.clone()
    }

    /// The statements that the adapter ran.
    #[must_use]
    pub fn statements(&self) -> Vec<RanStatement> {
        self.state.borrow().seen.statements.clone()
    }

    /// The actions of other systems that the adapter called: `system.action` and the input.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.state.borrow().seen.calls.clone()
    }

    /// The lines that the adapter logged.
    #[must_use]
    pub fn log_lines(&self) -> Vec<LogLine> {
        self.state.borrow().seen.log.clone()
    }

    /// The stored value of a key.
    #[must_use]
    pub fn stored(&self, key: &str) -> Option<Vec<u8>> {
        self.state.borrow().stored.get(key).cloned()
    }

    // === what the adapter's imports ask ===

    pub(super) fn declared<T>(&self, ask: impl FnOnce(&Declared) -> T) -> T {
        ask(&self.state.borrow().declared)
    }

    pub(super) fn with_state<T>(&self, ask: impl FnOnce(&mut State) -> T) -> T {
        ask(&mut self.state.borrow_mut())
    }

    pub(crate) fn settings_text(&self) -> Json {
        self.state.borrow().declared.settings_text()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.state.borrow().now_ms
    }

    pub(crate) fn log(&self, level: log::Level, message: &str) {
        self.state.borrow_mut().seen.log.push(LogLine {
            level,
            message: message.to_owned(),
        });
    }

    pub(crate) fn send(
        &self,
        connection: &str,
        request: &http::RawRequest,
    ) -> Result<http::Response, http::Error> {
        let mut state = self.state.borrow_mut();
        let method = method(request.method);
        check_request(request);
        state
            .declared
            .require_http(connection, method, &request.path);
        state.seen.requests.push(SentRequest {
            connection: connection.to_owned(),
            method: method.to_owned(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.clone().unwrap_or_default(),
        });
        let target = (
            connection.to_owned(),
            method.to_owned(),
            request.path.clone(),
        );
        match state
            .script
            .replies
            .get_mut(&target)
            .and_then(std::collections::VecDeque::pop_front)
        {
            Some(reply) => reply.0,
            None => refuse(format!(
                "no answer is scripted (any more) for `{method} {}` over `{connection}`; script it with `host.reply`",
                request.path
            )),
        }
    }

    pub(crate) fn run_statement(
        &self,
        connection: &str,
        statement: &str,
        parameters: &str,
    ) -> Result<sql::Outcome, sql::Error> {
        let mut state = self.state.borrow_mut();
        let text = state
            .declared
            .require_statement(connection, statement)
            .text
            .clone();
        let parameters: Value = match serde_json::from_str(parameters) {
            Ok(parameters @ Value::Object(_)) => parameters,
            _ => refuse(format!(
                "the adapter hands `{statement}` parameters that are no JSON object: {parameters}"
            )),
        };
        check_parameters(statement, &text, &parameters)?;
        state.seen.statements.push(RanStatement {
            connection: connection.to_owned(),
            statement: statement.to_owned(),
            parameters,
        });
        let target = (connection.to_owned(), statement.to_owned());
        match state
            .script
            .outcomes
            .get_mut(&target)
            .and_then(std::collections::VecDeque::pop_front)
        {
            Some(outcome) => outcome,
            None => refuse(format!(
                "no rows are scripted (any more) for the statement `{statement}` on `{connection}`; script them with `host.rows` or `host.affected`"
            )),
        }
    }

    pub(crate) fn call_action(
        &self,
        system: &str,
        action: &str,
        input: &str,
    ) -> Result<Json, Failure> {
        let mut state = self.state.borrow_mut();
        let target = format!("{system}.{action}");
        state.declared.require_call(&target);
        let input = match serde_json::from_str(input) {
            Ok(input) => input,
            Err(error) => refuse(format!(
                "the adapter hands `{target}` an input that is no JSON: {error}"
            )),
        };
        state.seen.calls.push((target.clone(), input));
        match state
            .script
            .answers
            .get_mut(&target)
            .and_then(std::collections::VecDeque::pop_front)
        {
            Some(answer) => answer.map(|output| output.to_string()),
            None => refuse(format!(
                "no answer is scripted (any more) for the action `{target}`; script it with `host.action_answer`"
            )),
        }
    }
}

fn method(method: http::Method) -> &'static str {
    match method {
        http::Method::Get => "GET",
        http::Method::Head => "HEAD",
        http::Method::Post => "POST",
        http::Method::Put => "PUT",
        http::Method::Patch => "PATCH",
        http::Method::Delete => "DELETE",
    }
}
