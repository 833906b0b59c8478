//! What a test scripts and what it can look at afterwards.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::{Failure, broker, http, log, sql};

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Reply(pub(super) Result<http::Response, http::Error>);

impl Reply {
    /// A status alone.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self(Ok(http::Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }))
    }

    /// A status with a JSON body.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests hand over `json!(...)`"
    )]
    pub fn json(status: u16, body: Value) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// No response at all.
    #[must_use]
    pub fn error(error: http::Error) -> Self {
        Self(Err(error))
    }

    /// Adds a header; names arrive in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response
                .headers
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Ok(response) = &mut self.0 {
            response.body = body.into();
        }
        self
    }
}

/// A request that the adapter sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// Over which connection.
    pub connection: String,
    /// Upper case.
    pub method: String,
    /// Encoded.
    pub path: String,
    /// Not encoded.
    pub query: Vec<(String, String)>,
    /// As set.
    pub headers: Vec<(String, String)>,
    /// Empty if there was none.
    pub body: Vec<u8>,
}

impl SentRequest {
    /// The first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body's JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A statement that the adapter ran.
#[derive(Debug, Clone, PartialEq)]
pub struct RanStatement {
    /// On which connection.
    pub connection: String,
    /// Its name.
    pub statement: String,
    /// Its parameters.
    pub parameters: Value,
}

/// A message that the adapter published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// On which connection.
    pub connection: String,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Its headers.
    pub headers: Vec<(String, String)>,
}

/// A line that the adapter logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How grave.
    pub level: log::Level,
    /// Its text.
    pub message: String,
}

/// What is scripted, by what is asked; used once each, in order.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) replies: BTreeMap<(String, String, String), VecDeque<Reply>>,
    pub(super) outcomes: BTreeMap<(String, String), VecDeque<Result<sql::Outcome, sql::Error>>>,
    pub(super) answers: BTreeMap<String, VecDeque<Result<Value, Failure>>>,
    /// Failures of the next publishing; without one it succeeds.
    pub(super) unpublished: VecDeque<broker::Error>,
}

/// What the adapter did.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: Vec<SentRequest>,
    pub(super) statements: Vec<RanStatement>,
    pub(super) messages: Vec<SentMessage>,
    pub(super) calls: Vec<(String, Value)>,
    pub(super) log: Vec<LogLine>,
}
