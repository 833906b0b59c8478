//! `http`: requests over connections that the operator bound, with JSON in and out and statuses as failures.
//!
//! The adapter names a connection and a path below its base; the host adds address and credential, and follows no
//! redirects.

mod link;
mod path;
mod retry_after;
mod status;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::{Failure, to_json};

pub use crate::bindings::tombolo::adapter::http::{Error, Method, Request as RawRequest, Response};
pub(crate) use path::encode;
pub use path::{path, segment};

/// A request that is being put together.
#[derive(Debug, Clone)]
#[must_use = "a request leaves with `call` or `send`"]
pub struct Request {
    connection: String,
    raw: RawRequest,
}

/// `GET` on a path below the connection's base: [`path`] makes one out of untrusted parts.
pub fn get(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Get, path)
}

/// `HEAD`.
pub fn head(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Head, path)
}

/// `POST`.
pub fn post(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Post, path)
}

/// `PUT`.
pub fn put(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Put, path)
}

/// `PATCH`.
pub fn patch(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Patch, path)
}

/// `DELETE`.
pub fn delete(connection: &str, path: impl Into<String>) -> Request {
    Request::new(connection, Method::Delete, path)
}

impl Request {
    /// A request without query, headers or body.
    pub fn new(connection: &str, method: Method, path: impl Into<String>) -> Self {
        let raw = RawRequest {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
        };
        Self {
            connection: connection.to_owned(),
            raw,
        }
    }

    /// Adds a query field, not encoded.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.raw.query.push((name.into(), value.into()));
        self
    }

    /// These query fields in place of all others.
    pub fn with_query(mut self, query: Vec<(String, String)>) -> Self {
        self.raw.query = query;
        self
    }

    /// Adds a header. `Host`, `Authorization`, `Cookie` and the like are the host's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.raw.headers.push((name.into(), value.into()));
        self
    }

    /// A body of this type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.raw.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// A JSON body.
    ///
    /// # Errors
    /// `internal` if `value` has no JSON form.
    pub fn json(self, value: &impl Serialize) -> Result<Self, Failure> {
        Ok(self.body("application/json", to_json(value)?))
    }

    /// Waits at most this long; the default is what is left of the call's deadline. Less than 100 counts as 100.
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.raw.timeout_ms = Some(milliseconds);
        self
    }

    /// Sends it. A status of any kind is a response.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn send(&self) -> Result<Response, Error> {
        #[cfg(target_family = "wasm")]
        return crate::bindings::tombolo::adapter::http::send(&self.connection, &self.raw);
        #[cfg(not(target_family = "wasm"))]
        return crate::testing::current(|host| host.send(&self.connection, &self.raw));
    }

    /// Sends it and takes any status but 2xx as a failure.
    ///
    /// # Errors
    /// The failure that [`Error`] or the status means, see [`Response::failure`].
    pub fn call(&self) -> Result<Response, Failure> {
        self.send()?.success()
    }
}

impl Response {
    /// The first header with this name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Errors
    /// `unavailable` if it is not UTF-8: what answered is not the system that was meant.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|_| {
            Failure::unavailable(
                format!(
                    "the system answered {} with bytes that are not UTF-8",
                    self.status
                ),
                None,
            )
        })
    }

    /// The body's JSON as `T`.
    ///
    /// # Errors
    /// `unavailable` if it is no JSON or no `T`: most often a proxy's page in place of the system's answer.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.parse()
    }

    /// The same for a `T` that borrows from the body.
    ///
    /// # Errors
    /// As [`Response::json`].
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_str(self.text()?).map_err(|error| self.unexpected(&error))
    }

    /// That the body is not what was expected.
    #[must_use]
    pub fn unexpected(&self, error: &serde_json::Error) -> Failure {
        let content_type = self.header("content-type").unwrap_or("no content type");
        Failure::unavailable(
            format!(
                "the system answered {} with {content_type}, which is not the JSON expected: {error}",
                self.status
            ),
            None,
        )
    }
}
