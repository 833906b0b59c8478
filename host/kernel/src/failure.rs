//! Expected failures are values: the contract's `failure`, as the host sees it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An expected failure of a call. Its kind alone decides what happens next. See `wit/types.wit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Failure {
    /// Never retried.
    InvalidInput {
        /// What is wrong, field by field.
        problems: Vec<FieldProblem>,
    },
    /// Never retried.
    NotFound {
        /// For people.
        message: String,
    },
    /// Never retried by itself.
    Conflict {
        /// For people.
        message: String,
    },
    /// Not retried from `act`; 401 from `receive`.
    Unauthorized {
        /// For people.
        message: String,
    },
    /// Retried when told, else with backoff.
    RateLimited {
        /// For people.
        message: String,
        /// Milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// Retried with backoff.
    Unavailable {
        /// For people.
        message: String,
        /// Milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// Refused for a business reason. Never retried.
    Rejected {
        /// The system's code.
        code: String,
        /// The system's words.
        message: String,
    },
    /// No such action, hook or feed.
    NotOffered {
        /// For people.
        message: String,
    },
    /// A fault of the adapter: trap, limit, deadline, or its own word. Retried a bounded number of times.
    Internal {
        /// For people.
        message: String,
    },
}

/// One thing wrong in an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// JSON pointer.
    pub path: String,
    /// Found, expected.
    pub message: String,
}

impl Failure {
    /// Whether another attempt can help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Internal { .. }
        )
    }

    /// When the system asked to be tried again.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_ms, .. } | Self::Unavailable { retry_after_ms, .. } => {
                *retry_after_ms
            }
            _ => None,
        }
    }

    /// The kind's name as the contract spells it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "invalid-input",
            Self::NotFound { .. } => "not-found",
            Self::Conflict { .. } => "conflict",
            Self::Unauthorized { .. } => "unauthorized",
            Self::RateLimited { .. } => "rate-limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Rejected { .. } => "rejected",
            Self::NotOffered { .. } => "not-offered",
            Self::Internal { .. } => "internal",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind())?;
        match self {
            Self::InvalidInput { problems } => {
                for (index, problem) in problems.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    let path = if problem.path.is_empty() {
                        "input"
                    } else {
                        &problem.path
                    };
                    write!(f, "{separator}{path}: {}", problem.message)?;
                }
                Ok(())
            }
            Self::Rejected { code, message } if !code.is_empty() => write!(f, "{code}: {message}"),
            Self::NotFound { message }
            | Self::Conflict { message }
            | Self::Unauthorized { message }
            | Self::RateLimited { message, .. }
            | Self::Unavailable { message, .. }
            | Self::Rejected { message, .. }
            | Self::NotOffered { message }
            | Self::Internal { message } => f.write_str(message),
        }
    }
}
