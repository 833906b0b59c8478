//! Between the contract's generated types and the kernel's own. Values to values, nothing decided here.

use std::time::Duration;

use super::bindings::tombolo::adapter as wit;
use crate::capability::broker::BrokerError;
use crate::capability::http::{HttpError, HttpRequest, HttpResponse};
use crate::capability::sql::SqlError;
use crate::capability::store::StoreError;
use crate::failure::{Failure, FieldProblem};
use crate::limits;
use crate::system::{ActionCall, Inbound};
use crate::text::{cleaned, cut};

// === what the host hands in ===

pub(super) fn action_call(call: ActionCall, left: Duration) -> wit::exchange::ActionCall {
    wit::exchange::ActionCall {
        action: call.action,
        input: call.input,
        idempotency_key: call.idempotency_key,
        attempt: call.attempt,
        deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
    }
}

pub(super) fn inbound(inbound: Inbound) -> wit::exchange::Inbound {
    wit::exchange::Inbound {
        hook: inbound.hook,
        method: inbound.method,
        url: inbound.url,
        query: inbound.query,
        headers: inbound.headers,
        body: inbound.body.into(),
        received_ms: inbound.received_ms,
    }
}

pub(super) fn failure_in(failure: Failure) -> wit::types::Failure {
    use wit::types::{Failure as To, FieldProblem as Field, Passing, Rejection};
    match failure {
        Failure::InvalidInput { problems } => To::InvalidInput(
            problems
                .into_iter()
                .map(|problem| Field {
                    path: problem.path,
                    message: problem.message,
                })
                .collect(),
        ),
        Failure::NotFound { message } => To::NotFound(message),
        Failure::Conflict { message } => To::Conflict(message),
        Failure::Unauthorized { message } => To::Unauthorized(message),
        Failure::RateLimited {
            message,
            retry_after_ms,
        } => To::RateLimited(Passing {
            message,
            retry_after_ms,
        }),
        Failure::Unavailable {
            message,
            retry_after_ms,
        } => To::Unavailable(Passing {
            message,
            retry_after_ms,
        }),
        Failure::Rejected { code, message } => To::Rejected(Rejection { code, message }),
        Failure::NotOffered { message } => To::NotOffered(message),
        Failure::Internal { message } => To::Internal(message),
    }
}

pub(super) fn http_response(response: HttpResponse) -> wit::http::Response {
    wit::http::Response {
        status: response.status,
        headers: response.headers,
        body: response.body,
    }
}

pub(super) fn http_error(error: HttpError) -> wit::http::Error {
    use wit::http::Error as To;
    match error {
        HttpError::Denied(why) => To::Denied(why),
        HttpError::Invalid(why) => To::Invalid(why),
        HttpError::Unreachable(why) => To::Unreachable(why),
        HttpError::Timeout => To::Timeout,
        HttpError::TooLarge(most) => To::TooLarge(most),
        HttpError::Quota(why) => To::Quota(why),
    }
}

pub(super) fn broker_error(error: BrokerError) -> wit::broker::Error {
    use wit::broker::Error as To;
    match error {
        BrokerError::Denied(why) => To::Denied(why),
        BrokerError::Invalid(why) => To::Invalid(why),
        BrokerError::Unreachable(why) => To::Unreachable(why),
        BrokerError::Timeout => To::Timeout,
        BrokerError::TooLarge(most) => To::TooLarge(most),
        BrokerError::Refused(why) => To::Refused(why),
    }
}

pub(super) fn sql_error(error: SqlError) -> wit::sql::Error {
    use wit::sql::Error as To;
    match error {
        SqlError::Denied(why) => To::Denied(why),
        SqlError::Invalid(why) => To::Invalid(why),
        SqlError::Constraint(why) => To::Constraint(why),
        SqlError::Unreachable(why) => To::Unreachable(why),
        SqlError::Timeout => To::Timeout,
        SqlError::TooLarge(most) => To::TooLarge(most),
        SqlError::Failed(why) => To::Failed(why),
    }
}

pub(super) fn store_error(error: StoreError) -> wit::store::Error {
    use wit::store::Error as To;
    match error {
        StoreError::Denied(why) => To::Denied(why),
        StoreError::Invalid(why) => To::Invalid(why),
        StoreError::Quota(most) => To::Quota(most),
        StoreError::Conflict => To::Conflict,
        StoreError::Unavailable(why) => To::Unavailable(why),
    }
}

// === what the guest hands out ===

pub(super) fn http_request(request: wit::http::Request) -> HttpRequest {
    use wit::http::Method;
    let method = match request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    HttpRequest {
        method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: request.body,
        timeout: request
            .timeout_ms
            .map(|ms| Duration::from_millis(ms.into())),
    }
}

/// A guest's failure. Its words are for people: bounded, and without anything a terminal would obey.
pub(super) fn failure_out(failure: wit::types::Failure) -> Failure {
    use wit::types::Failure as From;
    match failure {
        From::InvalidInput(problems) => Failure::InvalidInput {
            problems: problems
                .into_iter()
                .take(limits::FIELD_PROBLEMS)
                .map(|problem| FieldProblem {
                    path: words(problem.path),
                    message: words(problem.message),
                })
                .collect(),
        },
        From::NotFound(message) => Failure::NotFound {
            message: words(message),
        },
        From::Conflict(message) => Failure::Conflict {
            message: words(message),
        },
        From::Unauthorized(message) => Failure::Unauthorized {
            message: words(message),
        },
        From::RateLimited(passing) => Failure::RateLimited {
            message: words(passing.message),
            retry_after_ms: passing.retry_after_ms,
        },
        From::Unavailable(passing) => Failure::Unavailable {
            message: words(passing.message),
            retry_after_ms: passing.retry_after_ms,
        },
        From::Rejected(rejection) => Failure::Rejected {
            code: words(rejection.code),
            message: words(rejection.message),
        },
        From::NotOffered(message) => Failure::NotOffered {
            message: words(message),
        },
        From::Internal(message) => Failure::Internal {
            message: words(message),
        },
    }
}

fn words(message: String) -> String {
    cleaned(cut(&message, limits::FAILURE_WORDS)).into_owned()
}
