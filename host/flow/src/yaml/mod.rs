//! YAML as a tree that knows where everything stands, so that each check can say file, line and column.
//!
//! Read with budgets on; aliases and merge keys are refused, because a place must be one place.

mod reader;
mod tree;

use serde_saphyr::Spanned;
use tombolo_kernel::limits;

use crate::json;
use crate::problem::{Place, Problem};

pub use reader::Reader;
use tree::Tree;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, or nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in its order.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// Reads one document.
///
/// # Errors
/// The first thing that is not YAML, or beyond the budget.
pub fn parse(file: &str, text: &str) -> Result<Node, Problem> {
    if text.len() as u64 > limits::SITE_FILE {
        let message = format!(
            "the file has {} bytes, expected at most {}",
            text.len(),
            limits::SITE_FILE
        );
        return Err(Problem::new(file, Place::default(), message));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: limits::JSON_DEPTH,
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
            max_events: 400_000,
            max_nodes: 200_000
        },
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true
    };
    serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options)
        .map(Node::from)
        .map_err(|error| {
            let error = error.without_snippet();
            let place = error.location().map(place).unwrap_or_default();
            let text = error.render();
            let message = text
                .lines()
                .next()
                .unwrap_or("not YAML")
                .trim_start_matches("error: ");
            Problem::new(
                file,
                place,
                format!("not readable as YAML: {}", without_position(message)),
            )
        })
}

/// Cuts ` at line 3, column 5` and `line 3 column 5: ` off a message: the problem carries its place itself.
fn without_position(message: &str) -> &str {
    let message = message
        .find(" at line ")
        .map_or(message, |at| &message[..at]);
    match (message.strip_prefix("line "), message.find(": ")) {
        (Some(_), Some(at)) => &message[at + 2..],
        _ => message,
    }
}

fn place(location: serde_saphyr::Location) -> Place {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Place {
        line: number(location.line()),
        column: number(location.column()),
    }
}

/// The place of `inner`, a part of the scalar that begins at `place`: exact where the part is found in the source.
#[must_use]
pub fn locate(source: &str, place: Place, inner: &str) -> Place {
    let Some(line_index) = place.line.checked_sub(1) else {
        return place;
    };
    let first = inner.lines().next().unwrap_or(inner);
    for (index, line) in source
        .lines()
        .enumerate()
        .skip(line_index as usize)
        .take(200)
    {
        let skip = if index == line_index as usize {
            place.column.saturating_sub(1) as usize
        } else {
            0
        };
        let from = line
            .char_indices()
            .nth(skip)
            .map_or(line.len(), |(at, _)| at);
        if let Some(at) = line[from..].find(first) {
            let column = line[..from + at].chars().count() + 1;
            let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
            return Place {
                line: number(index + 1),
                column: number(column),
            };
        }
    }
    place
}

impl Node {
    /// What it is, for `found ...`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("{value}"),
            Value::Number(number) => format!("the number {number}"),
            Value::Text(text) if text.chars().count() > 60 => {
                format!(
                    "the text \"{}...\"",
                    text.chars().take(60).collect::<String>()
                )
            }
            Value::Text(text) => format!("the text \"{text}\""),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The value of a key, where it is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(known, _)| known.text == key)
                .map(|(_, node)| node),
            _ => None,
        }
    }

    /// It as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number.to_string()),
            Value::Text(text) => json::write_string(text, out),
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    json::write_string(&key.text, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let node = parse(
            "x.yaml",
            "on: device.alarm\nsteps:\n  - id: stock\n    n: [1, 2.5, true, ~, yes]\n",
        )
        .unwrap();
        let step = match &node.get("steps").unwrap().value {
            Value::List(items) => &items[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(step.get("id").unwrap().place, Place { line: 3, column: 9 });
        assert_eq!(
            step.get("n").unwrap().to_json(),
            "[1,2.5,true,null,\"yes\"]"
        );
        assert_eq!(
            node.get("on").unwrap().value,
            Value::Text("device.alarm".into())
        );
    }

    #[test]
    fn what_is_not_readable_says_where() {
        for (text, line, part) in [
            ("on: [a\nsteps: x", 0, "not readable as YAML"),
            ("a: 1\na: 2", 2, "a"),
            ("a: &x 1\nb: *x", 0, "not readable as YAML"),
            ("a:\n\t- b", 2, "not readable as YAML"),
        ] {
            let problem = parse("x.yaml", text).unwrap_err();
            assert!(problem.message.contains(part), "{text:?}: {problem}");
            assert!(line == 0 || problem.line == line, "{text:?}: {problem}");
            assert!(!problem.message.contains('\n'), "{problem}");
        }
    }
}
