//! Failures by kind, and what an error of each import means as a failure.

use crate::{Failure, FieldProblem, Passing, Rejection, broker, http, keys, sql, store};

impl Failure {
    /// One thing wrong in the input. `path` is a JSON pointer, empty for the input as a whole. Never retried.
    pub fn invalid_input(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidInput(vec![FieldProblem {
            path: path.into(),
            message: message.into(),
        }])
    }

    /// What the input names does not exist. Never retried.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(message.into())
    }

    /// The system's state forbids it now: a duplicate, a version that moved on. Never retried by itself.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    /// The credential was refused or, from `receive`, the sender could not be verified.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::Unauthorized(message.into())
    }

    /// Too many calls; `retry_after_ms` is milliseconds from now where the system said so.
    pub fn rate_limited(message: impl Into<String>, retry_after_ms: Option<u64>) -> Self {
        Self::RateLimited(Passing {
            message: message.into(),
            retry_after_ms,
        })
    }

    /// Not reachable, timed out or broken on its side. Retried with backoff.
    pub fn unavailable(message: impl Into<String>, retry_after_ms: Option<u64>) -> Self {
        Self::Unavailable(Passing {
            message: message.into(),
            retry_after_ms,
        })
    }

    /// Refused for a business reason, with the system's own code (or nothing) and words. Never retried.
    pub fn rejected(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Rejected(Rejection {
            code: code.into(),
            message: message.into(),
        })
    }

    /// No such action, hook or feed.
    pub fn not_offered(message: impl Into<String>) -> Self {
        Self::NotOffered(message.into())
    }

    /// A fault of the adapter or its settings. Retried a bounded number of times.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// The same failure, with the paths of an invalid input below `path`.
    #[must_use]
    pub fn below(mut self, path: &str) -> Self {
        if let Self::InvalidInput(problems) = &mut self {
            for problem in problems {
                problem.path.insert_str(0, path);
            }
        }
        self
    }

    /// The kind as the contract spells it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::InvalidInput(_) => "invalid-input",
            Self::NotFound(_) => "not-found",
            Self::Conflict(_) => "conflict",
            Self::Unauthorized(_) => "unauthorized",
            Self::RateLimited(_) => "rate-limited",
            Self::Unavailable(_) => "unavailable",
            Self::Rejected(_) => "rejected",
            Self::NotOffered(_) => "not-offered",
            Self::Internal(_) => "internal",
        }
    }

    /// What a person reads. The first problem of an invalid input.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidInput(problems) => problems.first().map_or("", |problem| &problem.message),
            Self::RateLimited(passing) | Self::Unavailable(passing) => &passing.message,
            Self::Rejected(rejection) => &rejection.message,
            Self::NotFound(message)
            | Self::Conflict(message)
            | Self::Unauthorized(message)
            | Self::NotOffered(message)
            | Self::Internal(message) => message,
        }
    }
}

/// The kinds of failure that an operator may give a system's own codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// [`Failure::invalid_input`].
    InvalidInput,
    /// [`Failure::not_found`].
    NotFound,
    /// [`Failure::conflict`].
    Conflict,
    /// [`Failure::unauthorized`].
    Unauthorized,
    /// [`Failure::rejected`].
    Rejected,
    /// [`Failure::unavailable`].
    Unavailable,
}

impl FailureKind {
    /// The failure of this kind. `retry_after_ms` counts where the kind is passing.
    #[must_use]
    pub fn failure(self, code: &str, message: String, retry_after_ms: Option<u64>) -> Failure {
        match self {
            Self::InvalidInput => Failure::invalid_input("", message),
            Self::NotFound => Failure::not_found(message),
            Self::Conflict => Failure::conflict(message),
            Self::Unauthorized => Failure::unauthorized(message),
            Self::Rejected => Failure::rejected(code, message),
            Self::Unavailable => Failure::unavailable(message, retry_after_ms),
        }
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Self {
        match error {
            http::Error::Denied(message) => Self::Unauthorized(message),
            http::Error::Invalid(message) => Self::Internal(message),
            http::Error::Unreachable(message) => Self::unavailable(message, None),
            http::Error::Timeout => Self::unavailable("the system did not answer in time", None),
            http::Error::TooLarge(most) => Self::rejected(
                "too-large",
                format!("the request or the answer is over {most} bytes; ask for less at a time"),
            ),
            http::Error::Quota(message) => Self::rate_limited(message, None),
        }
    }
}

impl From<sql::Error> for Failure {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Denied(message) => Self::Unauthorized(message),
            sql::Error::Invalid(message) => Self::invalid_input("", message),
            sql::Error::Constraint(message) if sql::is_duplicate(&message) => {
                Self::Conflict(message)
            }
            sql::Error::Constraint(message) => Self::rejected("constraint", message),
            sql::Error::Unreachable(message) => Self::unavailable(message, None),
            sql::Error::Timeout => Self::unavailable("the database did not answer in time", None),
            sql::Error::TooLarge(most) => Self::rejected(
                "too-large",
                format!("the statement brings more than the cap of {most}; narrow it"),
            ),
            sql::Error::Failed(message) => Self::rejected("database", message),
        }
    }
}

impl From<broker::Error> for Failure {
    fn from(error: broker::Error) -> Self {
        match error {
            broker::Error::Denied(message) => Self::Unauthorized(message),
            broker::Error::Invalid(message) => Self::invalid_input("", message),
            broker::Error::Unreachable(message) => Self::unavailable(message, None),
            broker::Error::Timeout => Self::unavailable("the broker did not confirm in time", None),
            broker::Error::TooLarge(most) => Self::rejected(
                "too-large",
                format!("the message is over {most} bytes; send less at a time"),
            ),
            broker::Error::Refused(message) => Self::rejected("refused", message),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Denied(message) => Self::Unauthorized(message),
            store::Error::Invalid(message) => Self::Internal(message),
            store::Error::Quota(most) => Self::rejected(
                "quota",
                format!("the store's quota of {most} bytes is used up"),
            ),
            store::Error::Conflict => Self::conflict("the stored value is not the one expected"),
            store::Error::Unavailable(message) => Self::unavailable(message, None),
        }
    }
}

/// A key that is not bound is a fault of the set-up, never of the sender: it must not read as a 401.
impl From<keys::Error> for Failure {
    fn from(error: keys::Error) -> Self {
        match error {
            keys::Error::Denied(message) | keys::Error::Invalid(message) => Self::Internal(message),
        }
    }
}
