//! An action's input schema, compiled once, and what an input violates in it.

use serde_json::Value;
use tombolo_kernel::failure::FieldProblem;
use tombolo_kernel::schema;
use tombolo_kernel::system::ActionOffer;

/// A compiled input schema.
#[derive(Debug)]
pub(crate) struct InputSchema(schema::InputSchema);

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
                schema::InputSchema::compile(schema)
                    .map(Self)
                    .map_err(|error| format!("its input schema does not compile: {error}"))
            })
            .transpose()
    }
}

/// What is wrong in an input.
#[must_use]
pub(crate) fn field_problems(schema: &InputSchema, input: &str) -> Vec<FieldProblem> {
    match serde_json::from_str::<Value>(input) {
        Ok(value) => schema.0.problems(&value, TOLD),
        Err(error) => vec![FieldProblem {
            path: String::new(),
            message: format!("not JSON: {error}"),
        }],
    }
}
