//! Inputs of cases: `${NAME.field}` and `${unique}` filled in.

use std::collections::BTreeMap;

use serde_json::Value;

/// What can be named in the inputs of cases.
pub(super) struct Values {
    kept: BTreeMap<String, Value>,
    given: BTreeMap<String, String>,
    unique: String,
}

impl Values {
    /// With these given, such as `("room", "!plant")` or `("item.sku", "WID-1")`.
    pub(super) fn new(given: &[(String, String)], unique: String) -> Self {
        Self {
            kept: BTreeMap::new(),
            given: given.iter().cloned().collect(),
            unique,
        }
    }

    /// What no other check has.
    pub(super) fn unique(&self) -> &str {
        &self.unique
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        self.kept.insert(name.to_owned(), value);
    }

    /// The input with all values in place, or the first name that is not known.
    pub(super) fn fill(&self, input: &Value) -> Result<Value, String> {
        Ok(match input {
            Value::String(text) => self.text(text)?,
            Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.fill(item)).collect();
                items?.into()
            }
            Value::Object(fields) => {
                let fields: Result<serde_json::Map<_, _>, String> = fields
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.fill(value)?)))
                    .collect();
                fields?.into()
            }
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<Value, String> {
        let Some((before, rest)) = text.split_once("${") else {
            return Ok(text.into());
        };
        let Some((name, after)) = rest.split_once('}') else {
            return Ok(text.into());
        };
        let value = self.value(name).ok_or_else(|| name.to_owned())?;
        if before.is_empty() && after.is_empty() {
            return Ok(value);
        }
        let shown = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let Value::String(after) = self.text(after)? else {
            return Err(name.to_owned());
        };
        Ok(format!("{before}{shown}{after}").into())
    }

    fn value(&self, name: &str) -> Option<Value> {
        if name == "unique" {
            return Some(self.unique.clone().into());
        }
        if let Some(given) = self.given.get(name) {
            return Some(given.clone().into());
        }
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, rest),
            None => (name, ""),
        };
        let mut value = self.kept.get(first)?;
        for part in rest.split('.').filter(|part| !part.is_empty()) {
            value = value.get(part)?;
        }
        (!value.is_null()).then(|| value.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_filled_in_and_keep_their_type_alone() {
        let given = [("item.sku".to_owned(), "WID-1".to_owned())];
        let mut values = Values::new(&given, "u1".to_owned());
        values.keep(
            "item",
            json!({ "sku": "OTHER", "n": 7, "at": { "id": "x" } }),
        );
        for (input, expected) in [
            (json!("${item.n}"), Some(json!(7))),
            (
                json!("no ${item.n} of ${item.at.id}"),
                Some(json!("no 7 of x")),
            ),
            (json!("${item.sku}"), Some(json!("WID-1"))),
            (json!(["a-${unique}", true]), Some(json!(["a-u1", true]))),
            (
                json!({ "a": { "b": "${item.at.id}" } }),
                Some(json!({ "a": { "b": "x" } })),
            ),
            (json!("${room}"), None),
            (json!("in ${room} now"), None),
            (json!("${item.none}"), None),
        ] {
            assert_eq!(values.fill(&input).ok(), expected, "{input}");
        }
    }
}
