//! An action's input schema, and what an input violates in it. Vendors and operators write schemas, so one can be a
//! bomb: a few definitions that refer to each other twice are billions of checks, a pattern can cost more than its
//! text is long. Both are refused before anything is compiled, and no input is held against more than a bounded
//! amount of work. Nothing is ever fetched.

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::failure::FieldProblem;
use crate::limits;

/// A compiled schema.
#[derive(Debug)]
pub struct InputSchema {
    validator: Validator,
    parts: u64,
}

/// Characters of one problem's message.
const MESSAGE: usize = 200;

impl InputSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// Why it is none, or too much of one.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let parts = parts(schema)?;
        // The engine without look-around takes time in proportion to the text, whatever the pattern.
        let patterns = PatternOptions::regex().size_limit(limits::SCHEMA_PATTERN);
        let validator = jsonschema::options()
            .with_pattern_options(patterns)
            .build(schema)
            .map_err(|error| error.to_string())?;
        Ok(Self { validator, parts })
    }

    /// What is wrong in an input, at most `most` things; nothing: it fits.
    #[must_use]
    pub fn problems(&self, input: &Value, most: usize) -> Vec<FieldProblem> {
        let work = self.parts.saturating_mul(values(input));
        if work > limits::SCHEMA_WORK {
            return whole(format!(
                "found {} values under a schema of {} parts, more than can be checked at once; send less at a time",
                values(input),
                self.parts
            ));
        }
        if self.validator.is_valid(input) {
            return Vec::new();
        }
        // Telling where costs far more than telling whether.
        if work > limits::SCHEMA_TELLING {
            return whole(
                "it does not fit its schema and is too large to tell where; send less at a time"
                    .into(),
            );
        }
        self.validator
            .iter_errors(input)
            .take(most)
            .map(|error| FieldProblem {
                path: error.instance_path().to_string(),
                message: cut(&error.to_string()),
            })
            .collect()
    }
}

/// A problem of the input as a whole.
pub(crate) fn whole(message: String) -> Vec<FieldProblem> {
    vec![FieldProblem {
        path: String::new(),
        message,
    }]
}

/// How many parts a schema has when every reference is written out, one that leads back to where it is counted once.
///
/// # Errors
/// Too many, too deep, more than one way back, or a reference that leads elsewhere.
pub fn parts(schema: &Value) -> Result<u64, String> {
    let mut count = Count {
        root: schema,
        known: HashMap::new(),
    };
    let size = count.schema(schema, 0)?;
    if size.parts > limits::SCHEMA_PARTS {
        return Err(format!(
            "found a schema of more than {} parts when its references are written out, expected at most that: let fewer definitions refer to each other",
            limits::SCHEMA_PARTS
        ));
    }
    if size.ways_back > 1 {
        return Err("found a schema that refers to itself in more than one place, expected one at most: each doubles the work at every level of an input".into());
    }
    Ok(size.parts)
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    parts: u64,
    /// References that lead back to a schema they are in.
    ways_back: u64,
}

struct Count<'v> {
    root: &'v Value,
    /// By address: the tree does not move while it is counted. Nothing: being counted now.
    known: HashMap<usize, Option<Size>>,
}

impl<'v> Count<'v> {
    fn schema(&mut self, schema: &'v Value, depth: usize) -> Result<Size, String> {
        if depth > limits::JSON_DEPTH {
            return Err(format!(
                "found a schema nested deeper than {}, references followed, expected at most that",
                limits::JSON_DEPTH
            ));
        }
        let Value::Object(fields) = schema else {
            return Ok(Size {
                parts: 1,
                ways_back: 0,
            });
        };
        let address = std::ptr::from_ref(schema).addr();
        match self.known.get(&address) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Ok(Size {
                    parts: 1,
                    ways_back: 1,
                });
            }
            None => {}
        }
        self.known.insert(address, None);
        let size = self.fields(fields, depth)?;
        self.known.insert(address, Some(size));
        Ok(size)
    }

    fn fields(&mut self, fields: &'v Map<String, Value>, depth: usize) -> Result<Size, String> {
        let mut size = Size {
            parts: 1,
            ways_back: 0,
        };
        for (key, value) in fields {
            match (key.as_str(), value) {
                // Counted where they are referred to.
                ("$defs" | "definitions", Value::Object(_))
                | ("const" | "default" | "examples", _) => {}
                ("enum", Value::Array(items)) => {
                    size.parts = size.parts.saturating_add(items.len() as u64)
                }
                (
                    "properties" | "patternProperties" | "dependentSchemas" | "dependencies",
                    Value::Object(inner),
                ) => {
                    for inner in inner.values() {
                        self.add(&mut size, inner, depth)?;
                    }
                }
                ("$ref", Value::String(reference)) => {
                    let target = self.target(reference)?;
                    self.add(&mut size, target, depth)?;
                }
                ("$dynamicRef" | "$recursiveRef", _) => {
                    return Err(format!(
                        "found `{key}`, expected `$ref` to a place in this schema: `#/$defs/NAME`"
                    ));
                }
                ("$id" | "id", Value::String(_)) if depth > 0 => {
                    return Err(format!(
                        "found `{key}` inside the schema, expected it at its top only: references are read from there"
                    ));
                }
                (_, Value::Array(items)) => {
                    for item in items {
                        self.add(&mut size, item, depth)?;
                    }
                }
                (_, inner @ Value::Object(_)) => self.add(&mut size, inner, depth)?,
                _ => size.parts = size.parts.saturating_add(1),
            }
        }
        Ok(size)
    }

    fn add(&mut self, size: &mut Size, schema: &'v Value, depth: usize) -> Result<(), String> {
        let more = self.schema(schema, depth + 1)?;
        size.parts = size.parts.saturating_add(more.parts);
        size.ways_back = size.ways_back.saturating_add(more.ways_back);
        Ok(())
    }

    fn target(&self, reference: &str) -> Result<&'v Value, String> {
        let found = match reference.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(pointer) if !pointer.contains('%') => self.root.pointer(pointer),
            _ => None,
        };
        found.ok_or_else(|| {
            format!(
                "found `$ref` to `{}`, expected a place in this schema such as `#/$defs/NAME`",
                reference.escape_debug()
            )
        })
    }
}

/// Values in a JSON document, 64 bytes of text counting as one.
fn values(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + text.len() as u64 / 64,
        Value::Array(items) => items.iter().map(values).sum::<u64>() + 1,
        Value::Object(fields) => {
            fields
                .iter()
                .map(|(key, value)| values(value) + key.len() as u64 / 64)
                .sum::<u64>()
                + 1
        }
        _ => 1,
    }
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    /// Definitions of which each refers to the next twice, under this keyword.
    fn bomb(levels: usize, keyword: &str) -> Value {
        let mut definitions = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions.insert(format!("d{level}"), json!({keyword: [next, next]}));
        }
        definitions.insert(format!("d{levels}"), json!({"type": "string"}));
        json!({"$defs": definitions, "$ref": "#/$defs/d0"})
    }

    #[test]
    fn a_schema_that_is_a_bomb_is_refused_and_one_of_work_is_not() {
        let tree = json!({"type": "object", "properties": {"part": {"type": "string"}, "definitions": {"type": "array"}, "parts": {"items": {"$ref": "#"}}}});
        let twice = json!({"$defs": {"n": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/m"}, {"$ref": "#/$defs/m"}]}}}, "m": {"$ref": "#/$defs/n"}}, "$ref": "#/$defs/n"});
        let hidden = json!({"properties": {"definitions": bomb(20, "allOf")["$defs"]["d0"]}, "$defs": bomb(20, "allOf")["$defs"]});
        let mut deep = json!({});
        for _ in 0..limits::JSON_DEPTH + 1 {
            deep = json!({"not": deep});
        }
        for (schema, refused) in [
            (
                json!({"type": "object", "required": ["a"], "properties": {"a": {"enum": [1, 2]}}}),
                None,
            ),
            (tree, None),
            (bomb(8, "allOf"), None),
            (bomb(20, "allOf"), Some("parts")),
            (bomb(24, "anyOf"), Some("parts")),
            (bomb(60, "anyOf"), Some("deeper")),
            (hidden, Some("parts")),
            (twice, Some("more than one place")),
            (deep, Some("deeper")),
            (json!({"$ref": "https://elsewhere.example/x"}), Some("$ref")),
            (
                json!({"properties": {"a": {"$dynamicRef": "#x"}}}),
                Some("$dynamicRef"),
            ),
            (
                json!({"properties": {"a": {"$id": "x", "$ref": "#/b"}}}),
                Some("$id"),
            ),
            (
                json!({"pattern": "((a{1,500}){1,500}){1,500}"}),
                Some("regex"),
            ),
            (json!({"pattern": "^(?=a)"}), Some("regex")),
        ] {
            let compiled = InputSchema::compile(&schema).map(|_| ());
            match refused {
                None => assert_eq!(compiled, Ok(()), "{schema}"),
                Some(word) => assert!(
                    compiled.clone().unwrap_err().contains(word),
                    "{schema}: {compiled:?}"
                ),
            }
        }
    }

    #[test]
    fn an_input_is_held_against_a_bounded_amount_of_work() {
        let schema =
            InputSchema::compile(&json!({"items": {"enum": (0..5_000).collect::<Vec<_>>()}}))
                .unwrap();
        assert_eq!(schema.problems(&json!([1, 2, 3]), 10), []);
        assert_eq!(schema.problems(&json!([1, -1]), 10)[0].path, "/1");
        let told = schema.problems(&json!(vec![-1; 5_000]), 10);
        assert!(told[0].message.contains("send less at a time"), "{told:?}");
    }
}
