//! The `feeds` of a system file: when each is read, and, for a generic adapter, the `do` that says what is read.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::limits;
use tombolo_manifest::names::is_name;

use super::fields::{self, At, Fields, Problems, quoted};
use super::{offers, timing};
use crate::timing::Timing;

/// Events of one page unless the operator says otherwise.
const PAGE: u32 = 500;

/// When and how one feed is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPlan {
    /// `None`: on demand only.
    pub timing: Option<Timing>,
    /// The cursor of the very first reading; `None`: the adapter's own beginning.
    pub from: Option<String>,
    /// About so many events at a time.
    pub page: u32,
}

impl Default for FeedPlan {
    fn default() -> Self {
        Self {
            timing: None,
            from: None,
            page: PAGE,
        }
    }
}

/// One entry of `feeds`.
pub(crate) struct DeclaredFeed {
    /// Where its name stands.
    pub(crate) at: At,
    /// What is read; only for a generic adapter.
    pub(crate) task: Option<Json>,
    /// When.
    pub(crate) plan: FeedPlan,
}

/// Reads `feeds`.
pub(crate) fn read(node: &Node, problems: &mut Problems) -> BTreeMap<String, DeclaredFeed> {
    let mut feeds = BTreeMap::new();
    let Some(declared) = Fields::any(node, "feeds", problems) else {
        return feeds;
    };
    let known: Vec<&str> = ["summary", "do", "from", "page"]
        .into_iter()
        .chain(timing::KEYS)
        .collect();
    for (key, node) in declared.entries() {
        if !is_name(&key.text) {
            problems.add(
                key.place,
                format!(
                    "feed {}: expected a name of lower case letters, digits and `-`",
                    quoted(&key.text)
                ),
            );
        }
        let Some(fields) = Fields::known(node, "a feed", &known, problems) else {
            continue;
        };
        offers::summary(fields, problems);
        let task = match fields.get("do") {
            Some(_) => offers::task(fields, problems),
            None => None,
        };
        let plan = FeedPlan {
            timing: timing::read(fields, problems),
            from: fields.get("from").and_then(|node| from(node, problems)),
            page: fields
                .get("page")
                .and_then(|node| {
                    fields::whole(node, "page", 1..=limits::EVENTS_PER_CALL as u64, problems)
                })
                .and_then(|page| u32::try_from(page).ok())
                .unwrap_or(PAGE),
        };
        feeds.insert(
            key.text.clone(),
            DeclaredFeed {
                at: key.place,
                task,
                plan,
            },
        );
    }
    feeds
}

/// A cursor or a time: only the adapter knows which. A number is as good as a text.
fn from(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = match &node.value {
        Value::Number(number) => number.to_string(),
        _ => fields::text(node, "from", problems)?.to_owned(),
    };
    if text.len() > limits::CURSOR_BYTES {
        problems.unexpected(node, "from", "a cursor of at most 4 KiB");
        return None;
    }
    Some(text)
}
