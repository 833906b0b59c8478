//! Walks a tree of the site's YAML: takes known keys, refuses unknown ones with the nearest known one, and collects
//! every problem instead of stopping at the first.

use std::time::Duration;

pub(crate) use tombolo_flow::problem::Place as At;
use tombolo_flow::problem::{Problem, did_you_mean};

use tombolo_flow::yaml::{Key, Node, Value};
/// The first character of a file.
pub(crate) const START: At = At { line: 1, column: 1 };

/// The value as JSON.
pub(crate) fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => serde_json::Value::Bool(*value),
        Value::Number(value) => serde_json::Value::Number(value.clone()),
        Value::Text(value) => serde_json::Value::String(value.clone()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.text.clone(), json(node)))
            .collect(),
    }
}

/// A text of the site in a message: escaped, and cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        return format!("{text:?}");
    }
    let cut: String = text.chars().take(SHOWN).collect();
    format!("{cut:?}...")
}

/// The problems found in one file so far.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    found: Vec<Problem>,
}

impl Problems {
    /// None yet, in this file.
    pub(crate) fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            found: Vec::new(),
        }
    }

    /// One more: what was found, what was expected, what to do.
    pub(crate) fn add(&mut self, at: At, message: impl Into<String>) {
        self.found.push(Problem::new(&self.file, at, message));
    }

    /// `what` is not what it should be.
    pub(crate) fn unexpected(&mut self, node: &Node, what: &str, expected: &str) {
        self.add(
            node.place,
            format!("{what}: found {}, expected {expected}", node.describe()),
        );
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// All of them.
    pub(crate) fn into_list(self) -> Vec<Problem> {
        self.found
    }
}

/// The entries of one mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'n> {
    /// Where the mapping begins.
    pub(crate) at: At,
    /// What it is, for messages: `a connection`.
    pub(crate) what: &'static str,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// The entries of `node`, whose keys are names that the operator chose.
    pub(crate) fn any(node: &'n Node, what: &'static str, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self {
                at: node.place,
                what,
                entries,
            }),
            Value::Null => Some(Self {
                at: node.place,
                what,
                entries: &[],
            }),
            _ => {
                problems.unexpected(node, what, "a mapping");
                None
            }
        }
    }

    /// The entries of `node`, of which only `known` may be there.
    pub(crate) fn known(
        node: &'n Node,
        what: &'static str,
        known: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let fields = Self::any(node, what, problems)?;
        for (key, _) in fields.entries {
            if !known.contains(&key.text.as_str()) {
                let near = did_you_mean(&key.text, known.iter().copied());
                problems.add(
                    key.place,
                    format!(
                        "{what}: found the key {}, expected one of {}{near}",
                        quoted(&key.text),
                        known.join(", ")
                    ),
                );
            }
        }
        Some(fields)
    }

    /// All entries, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'n Key, &'n Node)> + use<'n> {
        self.entries.iter().map(|(key, node)| (key, node))
    }

    /// One entry's value; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(key, node)| key.text == name && !matches!(node.value, Value::Null))
            .map(|(_, node)| node)
    }

    /// One entry's value that has to be there.
    pub(crate) fn need(&self, name: &str, problems: &mut Problems) -> Option<&'n Node> {
        let node = self.get(name);
        if node.is_none() {
            problems.add(self.at, format!("{} needs `{name}`, found none", self.what));
        }
        node
    }

    /// Where an entry's key stands.
    pub(crate) fn key_at(&self, name: &str) -> At {
        self.entries
            .iter()
            .find(|(key, _)| key.text == name)
            .map_or(self.at, |(key, _)| key.place)
    }
}

/// A text that is not empty.
pub(crate) fn text<'n>(node: &'n Node, what: &str, problems: &mut Problems) -> Option<&'n str> {
    match &node.value {
        Value::Text(value) if !value.trim().is_empty() => Some(value),
        _ => {
            problems.unexpected(node, what, "a text");
            None
        }
    }
}

/// `true` or `false`.
pub(crate) fn boolean(node: &Node, what: &str, problems: &mut Problems) -> Option<bool> {
    match &node.value {
        Value::Bool(value) => Some(*value),
        _ => {
            problems.unexpected(node, what, "true or false");
            None
        }
    }
}

/// A whole number in a range.
pub(crate) fn whole(
    node: &Node,
    what: &str,
    range: std::ops::RangeInclusive<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    if let Value::Number(number) = &node.value
        && let Some(value) = number.as_u64()
        && range.contains(&value)
    {
        return Some(value);
    }
    problems.unexpected(
        node,
        what,
        &format!("a whole number from {} to {}", range.start(), range.end()),
    );
    None
}

/// The items of a list.
pub(crate) fn list<'n>(node: &'n Node, what: &str, problems: &mut Problems) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        _ => {
            problems.unexpected(node, what, "a list");
            None
        }
    }
}

/// Texts of a list; those that are none are problems.
pub(crate) fn texts<'n>(node: &'n Node, what: &str, problems: &mut Problems) -> Vec<(At, &'n str)> {
    let items = list(node, what, problems).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| text(item, what, problems).map(|text| (item.place, text)))
        .collect()
}

/// `32 MiB` up to `most` bytes.
pub(crate) fn size(node: &Node, what: &str, most: u64, problems: &mut Problems) -> Option<u64> {
    let bytes = text(node, what, problems).map(tombolo_manifest::parse_size)?;
    match bytes {
        Ok(bytes) if bytes > 0 && bytes <= most => return Some(bytes),
        Ok(_) => problems.unexpected(node, what, &format!("at most {} MiB", most >> 20)),
        Err(error) => problems.unexpected(node, what, error.expected),
    }
    None
}

/// `200 ms` or `30 s` up to `most`.
pub(crate) fn duration(
    node: &Node,
    what: &str,
    most: Duration,
    problems: &mut Problems,
) -> Option<Duration> {
    let duration = text(node, what, problems).map(tombolo_manifest::parse_duration)?;
    match duration {
        Ok(duration) if !duration.is_zero() && duration <= most => return Some(duration),
        Ok(_) => problems.unexpected(node, what, &format!("at most {} ms", most.as_millis())),
        Err(error) => problems.unexpected(node, what, error.expected),
    }
    None
}
