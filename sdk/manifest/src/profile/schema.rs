//! The schemas of a profile: types put in where they are named, inputs closed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Types may name types this deep; more is a circle.
const DEEPEST: usize = 8;

/// Puts the type where `$ref: '#/types/NAME'` stands; what stands beside it goes before the type's own.
pub(super) fn resolve(schema: &mut Value, types: &BTreeMap<String, Value>) -> Result<(), String> {
    within(schema, types, DEEPEST)
}

fn within(schema: &mut Value, types: &BTreeMap<String, Value>, depth: usize) -> Result<(), String> {
    match schema {
        Value::Object(fields) => {
            if let Some(reference) = fields.remove("$ref") {
                put(fields, &reference, types, depth)?;
            }
            fields
                .values_mut()
                .try_for_each(|value| within(value, types, depth))
        }
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| within(item, types, depth)),
        _ => Ok(()),
    }
}

fn put(
    fields: &mut Map<String, Value>,
    reference: &Value,
    types: &BTreeMap<String, Value>,
    depth: usize,
) -> Result<(), String> {
    let named = reference
        .as_str()
        .and_then(|text| text.strip_prefix("#/types/"));
    let found = named.and_then(|name| types.get(name));
    let Some(found) = found.filter(|_| depth > 0) else {
        return Err(format!(
            "found `$ref: {reference}`, expected `#/types/NAME` of a type of this profile, at most {DEEPEST} deep"
        ));
    };
    let mut found = found.clone();
    within(&mut found, types, depth - 1)?;
    if let Value::Object(inner) = found {
        for (key, value) in inner {
            fields.entry(key).or_insert(value);
        }
    }
    Ok(())
}

/// An input takes no field that it does not name, save `extra`.
pub(super) fn close(input: &mut Value) {
    let Value::Object(fields) = input else {
        return;
    };
    fields.insert("type".into(), json!("object"));
    fields.insert("additionalProperties".into(), json!(false));
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.insert(
            "extra".into(),
            json!({ "type": "object", "description": "What only this system knows; see its adapter" }),
        );
    }
}
