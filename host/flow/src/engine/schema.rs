//! An action's input schema, compiled once, and what an input violates in it.

use jsonschema::Validator;
use serde_json::Value;
use tombolo_kernel::failure::FieldProblem;
use tombolo_kernel::system::ActionOffer;

/// A compiled input schema.
#[derive(Debug)]
pub(crate) struct InputSchema(Validator);

/// At most so many problems of one input are told.
const TOLD: usize = 10;

impl InputSchema {
    /// Compiles an offer's input schema, where it has one. Nothing is fetched: remote references are errors.
    ///
    /// # Errors
    /// Why it is no schema.
    pub(crate) fn compile(offer: &ActionOffer) -> Result<Option<Self>, String> {
        offer
            .input
            .as_ref()
            .map(|schema| {
                jsonschema::validator_for(schema)
                    .map(Self)
                    .map_err(|error| format!("its input schema does not compile: {error}"))
            })
            .transpose()
    }
}

/// What is wrong in an input.
#[must_use]
pub(crate) fn field_problems(schema: &InputSchema, input: &str) -> Vec<FieldProblem> {
    let value: Value = match serde_json::from_str(input) {
        Ok(value) => value,
        Err(error) => {
            return vec![FieldProblem {
                path: String::new(),
                message: format!("not JSON: {error}"),
            }];
        }
    };
    if schema.0.is_valid(&value) {
        return Vec::new();
    }
    schema
        .0
        .iter_errors(&value)
        .take(TOLD)
        .map(|error| FieldProblem {
            path: error.instance_path().to_string(),
            message: cut(&error.to_string()),
        })
        .collect()
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}
