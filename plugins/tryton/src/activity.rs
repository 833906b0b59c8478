//! Notes on customers: Tryton's own, which people see beside the party.

use serde::Deserialize;
use serde_json::json;
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields};
use crate::domain::Domain;
use crate::mark::mark;
use crate::party;
use crate::value::id;

const MODEL: &str = "ir.note";
const FIELDS: Fields = Fields(&["message"]);

#[derive(Deserialize)]
struct Add {
    customer: String,
    text: String,
    at: Option<String>,
}

pub(crate) fn add(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Add = call.parse()?;
    let mark = mark(&call.idempotency_key);
    // Tryton takes a note on a party that is not there for one on nothing.
    let customer = client.get(party::MODEL, &input.customer, Fields(&["name"]))?;
    let resource = format!("{},{}", party::MODEL, customer["id"]);
    let same = Domain::new()
        .equal("resource", &*resource)
        .ends_with("message", &format!("\n{mark}"));
    let note = match client.first(MODEL, &same, FIELDS)? {
        Some(note) => note,
        None => {
            let at = input.at.map_or_else(String::new, |at| format!("{at}\n"));
            let message = format!("{}\n\n{at}{mark}", input.text);
            let values = json!({ "resource": resource, "message": message });
            client.create(MODEL, &values, FIELDS)?
        }
    };
    to_json(&json!({ "id": id(&note) }))
}
