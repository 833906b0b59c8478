//! What the answer to a question about links does: nothing, or the link in the place of what contradicts it, in the
//! transaction of the answer. An answer to a question that is no longer true is refused.

use super::{Changes, Link, Maker, SystemId};
use serde::{Deserialize, Serialize};

/// Answers of the question about a conflict: the link stays as it is.
pub const KEEP: &str = "keep";
/// The new link takes the place of what contradicts it.
pub const REPLACE: &str = "replace";

/// What the answer to a task does to links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLink {
    /// Made when somebody answers [`REPLACE`], in the answer's transaction.
    pub link: Link,
    /// What the question said would be displaced. If it would be more by then, the answer is refused.
    pub displaced: Vec<SystemId>,
}

impl TaskLink {
    /// What an answer does. `None`: nothing.
    pub(crate) fn answered(&self, answer: &str, by: &str, comment: &str) -> Option<Link> {
        if answer != REPLACE {
            return None;
        }
        let reason = match comment {
            "" => self.link.maker.reason.clone(),
            comment => comment.to_owned(),
        };
        Some(Link {
            maker: Maker {
                by: by.to_owned(),
                cause: self.link.maker.cause.clone(),
                reason,
            },
            ..self.link.clone()
        })
    }

    /// Refuses an answer to a question that no longer tells the truth.
    pub(crate) fn still_true(&self, changes: &Changes) -> Result<(), String> {
        let more: Vec<String> = changes
            .removes
            .iter()
            .filter(|id| !self.displaced.contains(id))
            .map(ToString::to_string)
            .collect();
        if more.is_empty() {
            return Ok(());
        }
        Err(format!(
            "links changed since the question was asked: `{REPLACE}` would now also take out {}; answer `{KEEP}`, look at \
             `tombolo xref list`, and link again",
            more.join(", ")
        ))
    }
}
