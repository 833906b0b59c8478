//! Lists in the order of their ids; the cursor is the last id.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::value::id;

/// Records of a page unless the input says.
const PAGE: usize = 50;

/// What is listed, and how the answer calls it.
pub(crate) struct List {
    pub(crate) model: &'static str,
    pub(crate) fields: Fields,
    pub(crate) name: &'static str,
}

/// Which part of the list.
#[derive(Deserialize)]
struct Window {
    limit: Option<usize>,
    after: Option<String>,
}

impl List {
    /// The page that the input asks for, as `{ NAME: [...], next }`.
    pub(crate) fn page(
        &self,
        client: &Client,
        call: &ActionCall,
        mut domain: Domain,
        shape: impl Fn(&Value) -> Value,
    ) -> Result<Json, Failure> {
        let window: Window = call.parse()?;
        if let Some(after) = window.after {
            let number: u64 = after.parse().map_err(|_| {
                Failure::invalid_input(
                    "/after",
                    format!("found `{after}`, expected the `next` of the page before"),
                )
            })?;
            domain = domain.is("id", ">", number);
        }
        let limit = window.limit.unwrap_or(PAGE);
        let search = Search {
            by: &["id"],
            limit: Some(limit + 1),
            ..Search::default()
        };
        let mut records = client.search(self.model, &domain, self.fields, &search)?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let shapes: Vec<Value> = records.iter().map(shape).collect();
        let mut answer = json!({ self.name: shapes });
        if let Some(next) = records.last().filter(|_| has_more).and_then(id) {
            answer["next"] = next.into();
        }
        to_json(&answer)
    }
}
