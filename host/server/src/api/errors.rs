//! The only place that turns a failure into an HTTP status. What the caller is told says what to do next and nothing
//! of the host's inside; the log is told the rest.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tombolo_flow::delivery::Rate;
use tombolo_flow::problem::Problem;
use tombolo_kernel::event::EventError;
use tombolo_kernel::failure::Failure;
use tombolo_store::StoreError;

/// When a sender may come again after the host could not take its request, seconds.
const COME_AGAIN: u64 = 5;

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No token, or one the site does not know.
    NoToken,
    /// A known token that may not do this: who may.
    MayNot(String),
    /// Not meant for this host, or made by another site's page: why.
    Foreign(String),
    /// Too many wrong tokens from there; seconds until the next may come.
    Knocking(u64),
    /// More requests than its token, or its address without one, may make: that rate, and milliseconds until the next may
    /// come.
    TooOften(Rate, u64),
    /// No such path, system, hook, run, event or task.
    Unknown(String),
    /// The path is there, the method is not. Holds the methods that are.
    Method(&'static str),
    /// The request cannot be read.
    Malformed(String),
    /// It can be read and is wrong.
    Invalid(String),
    /// A content type that is not taken.
    MediaType(String),
    /// A body over this many bytes.
    TooLarge(usize),
    /// A body that did not arrive in time.
    Slow,
    /// More under way than the host takes.
    Overloaded,
    /// An event in the request is wrong; which, from 0.
    Event(usize, EventError),
    /// The store did not do it.
    Store(StoreError),
    /// An adapter's answer to what arrived.
    Failed(Failure),
    /// A reload that does not check.
    Site(Vec<Problem>),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::MayNot(_) | Self::Foreign(_) => StatusCode::FORBIDDEN,
            Self::Knocking(_) | Self::TooOften(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::Event(..) | Self::Site(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) => match error {
                StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                StoreError::Conflict(_) => StatusCode::CONFLICT,
                StoreError::NotFound(_) => StatusCode::NOT_FOUND,
                StoreError::Format(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Failed(failure) => match failure {
                Failure::InvalidInput { .. } | Failure::Rejected { .. } => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                Failure::NotFound { .. } | Failure::NotOffered { .. } => StatusCode::NOT_FOUND,
                Failure::Conflict { .. } => StatusCode::CONFLICT,
                Failure::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
                Failure::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
                Failure::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Failure::Internal { .. } => StatusCode::BAD_GATEWAY,
            },
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NoToken => "unauthorized",
            Self::MayNot(_) | Self::Foreign(_) => "forbidden",
            Self::Knocking(_) | Self::TooOften(..) => "rate-limited",
            Self::Unknown(_) => "not-found",
            Self::Method(_) => "method-not-allowed",
            Self::Malformed(_) => "malformed",
            Self::Invalid(_) | Self::Event(..) => "invalid-input",
            Self::MediaType(_) => "unsupported-media-type",
            Self::TooLarge(_) => "too-large",
            Self::Slow => "timeout",
            Self::Overloaded => "overloaded",
            Self::Store(StoreError::Unavailable(_)) => "store-unavailable",
            Self::Store(StoreError::Conflict(_)) => "conflict",
            Self::Store(StoreError::NotFound(_)) => "not-found",
            Self::Store(StoreError::Format(_)) => "internal",
            Self::Failed(failure) => failure.kind(),
            Self::Site(_) => "invalid-site",
        }
    }

    /// What the caller is told.
    pub(super) fn message(&self) -> String {
        match self {
            Self::NoToken => "found no valid token, expected `Authorization: Bearer TOKEN` with one of tombolo.yaml or of `tombolo token list`".into(),
            Self::MayNot(who) => format!("this token may not do that: {who}"),
            Self::Knocking(_) => "too many wrong tokens came from this address; wait, then use a right one".into(),
            Self::TooOften(rate, _) => format!("found more requests than {rate}, which is what one token or address may make here; come again later, or have the token's `rate` raised, or `access: {{ rate }}` in tombolo.yaml"),
            Self::Foreign(message) | Self::Unknown(message) | Self::Malformed(message) | Self::Invalid(message) | Self::MediaType(message) => message.clone(),
            Self::Method(allowed) => format!("this path takes {allowed}"),
            Self::TooLarge(most) => format!("the body is larger than {most} bytes; send less at a time"),
            Self::Slow => "the request did not arrive in time; send it again".into(),
            Self::Overloaded => "more is under way than can be taken; send it again later".into(),
            Self::Event(index, error) => format!("event {index}: {error}"),
            Self::Store(StoreError::Unavailable(_)) => "nothing was stored; send it again later".into(),
            Self::Store(StoreError::Format(_)) => "the host's store cannot be read; its log tells more".into(),
            Self::Store(StoreError::Conflict(message) | StoreError::NotFound(message)) => message.clone(),
            Self::Failed(failure) => told(failure),
            Self::Site(problems) => format!("the site does not check, {} found; nothing has changed", problems.len()),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Knocking(seconds) => Some(*seconds),
            Self::TooOften(_, ms) => Some(seconds(*ms)),
            Self::Overloaded | Self::Store(StoreError::Unavailable(_)) => Some(COME_AGAIN),
            Self::Failed(failure @ (Failure::RateLimited { .. } | Failure::Unavailable { .. })) => {
                Some(failure.retry_after_ms().map_or(COME_AGAIN, seconds))
            }
            _ => None,
        }
    }
}

/// As `Retry-After` has it: whole, and never none.
fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000).max(1)
}

/// An adapter's failure for the sender: its words where they are about the request, none where they are about the
/// inside of the site.
fn told(failure: &Failure) -> String {
    match failure {
        Failure::NotOffered { .. } => "there is no such hook".into(),
        Failure::Unavailable { .. } => {
            "the system cannot take this now; send it again later".into()
        }
        Failure::Internal { .. } => "the system's adapter failed; the host's log tells more".into(),
        other => {
            let whole = other.to_string();
            whole
                .split_once(": ")
                .map_or(whole.clone(), |(_, message)| message.to_owned())
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({ "kind": self.kind(), "message": self.message() });
        if let Self::Site(problems) = &self {
            error["problems"] = problems
                .iter()
                .map(|problem| json!({ "file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message }))
                .collect();
        }
        let mut response = Response::new(Body::from(json!({ "error": error }).to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::NoToken => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method(allowed) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_of_an_adapter_has_the_status_that_tells_the_sender_what_to_do() {
        let message = || "db.internal:5432 said no".to_owned();
        let table = [
            (
                Failure::Unauthorized {
                    message: "signature does not match".into(),
                },
                401,
                None,
                "signature does not match",
            ),
            (
                Failure::NotOffered { message: message() },
                404,
                None,
                "there is no such hook",
            ),
            (
                Failure::NotFound {
                    message: "no such order".into(),
                },
                404,
                None,
                "no such order",
            ),
            (
                Failure::Conflict {
                    message: "seen".into(),
                },
                409,
                None,
                "seen",
            ),
            (
                Failure::Rejected {
                    code: "E1".into(),
                    message: "closed".into(),
                },
                422,
                None,
                "E1: closed",
            ),
            (
                Failure::RateLimited {
                    message: "slow down".into(),
                    retry_after_ms: Some(1_500),
                },
                429,
                Some("2"),
                "slow down",
            ),
            (
                Failure::Unavailable {
                    message: message(),
                    retry_after_ms: None,
                },
                503,
                Some("5"),
                "the system cannot take this now; send it again later",
            ),
            (
                Failure::Internal { message: message() },
                502,
                None,
                "the system's adapter failed; the host's log tells more",
            ),
        ];
        for (failure, status, retry, told) in table {
            let refusal = Refusal::Failed(failure);
            assert_eq!(refusal.message(), told);
            let response = refusal.into_response();
            assert_eq!(response.status(), status);
            assert_eq!(
                response
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok()),
                retry
            );
        }
    }

    #[test]
    fn whoever_finds_the_host_full_is_told_when_to_come_again() {
        let refusals = [
            Refusal::Overloaded,
            Refusal::Store(StoreError::Unavailable("the queue is closed".into())),
        ];
        for refusal in refusals {
            let response = refusal.into_response();
            let told = response.headers().get("retry-after");
            assert_eq!(response.status(), 503);
            assert_eq!(told.and_then(|value| value.to_str().ok()), Some("5"));
        }
    }

    #[test]
    fn a_full_disk_is_a_503_that_says_nothing_of_the_disk() {
        let refusal = Refusal::Store(StoreError::Unavailable(
            "disk full: /srv/site/data/tombolo.db".into(),
        ));
        assert!(!refusal.message().contains("srv"));
        assert_eq!(refusal.into_response().status(), 503);
    }
}
