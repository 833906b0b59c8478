//! Requests to buy. Tryton makes its purchase requests itself and lets nobody else make one; what people ask by is a
//! purchase requisition, which becomes purchase requests once it is approved.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, clock, time, to_json};

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::item::{by_sku, warehouses};
use crate::mark::mark;
use crate::value::{date, id, object, text};

const MODEL: &str = "purchase.requisition";
const FIELDS: Fields = Fields(&["number", "state", "lines.supplier"]);
const DEMAND: &str = "purchase.request";
const DEMAND_FIELDS: Fields = Fields(&[
    "product",
    "quantity",
    "unit",
    "party",
    "warehouse",
    "purchase_line.purchase",
]);

#[derive(Deserialize)]
struct Ask {
    sku: String,
    quantity: f64,
    warehouse: Option<String>,
    needed: Option<String>,
    reason: Option<String>,
}

/// A requisition in the profile's words. Done is what was ordered whole; what comes of the orders is theirs to tell.
fn shape(record: &Value) -> Value {
    let status = match record["state"].as_str().unwrap_or_default() {
        "done" => "ordered",
        "rejected" | "cancelled" => "cancelled",
        _ => "open",
    };
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        ("status", Some(json!(status))),
        (
            "supplier",
            id(&record["lines"][0]["supplier"]).map(Value::from),
        ),
    ])
}

pub(crate) fn request(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Ask = call.parse()?;
    let mark = mark(&call.idempotency_key);
    let same = Domain::new().equal("description", &*mark);
    let made = match client.first(MODEL, &same, FIELDS)? {
        Some(requisition) => requisition,
        None => client.create(MODEL, &values(client, input, &mark)?, FIELDS)?,
    };
    let Some(number) = id(&made).filter(|_| made["state"] == "draft") else {
        return to_json(&shape(&made));
    };
    to_json(&shape(&client.press(MODEL, &number, "wait", FIELDS)?))
}

fn values(client: &Client, input: Ask, mark: &str) -> Result<Value, Failure> {
    let product = by_sku(client, &input.sku)?;
    let needed = match input.needed {
        Some(day) => day,
        // Tryton wants a day.
        None => time::rfc3339(&clock::now_ms().to_string())
            .unwrap_or_default()
            .chars()
            .take(10)
            .collect(),
    };
    let line = object([
        ("product", Some(product["id"].clone())),
        ("unit", Some(product["purchase_uom"].clone())),
        ("quantity", Some(json!(input.quantity))),
        ("description", input.reason.map(Value::from)),
    ]);
    let mut values = json!({
        "description": mark,
        "employee": client.preference("employee")?,
        "supply_date": date(&needed, "/needed")?,
        "lines": [["create", [line]]],
    });
    if let Some(warehouse) = input.warehouse {
        let found = warehouses(client, Some(&warehouse))?;
        values["warehouse"] = found
            .first()
            .map_or(Value::Null, |found| found["id"].clone());
    }
    Ok(values)
}

/// The purchase requests of a requisition, which is approved if nobody has.
pub(crate) fn approved(client: &Client, wanted: &str) -> Result<Vec<Value>, Failure> {
    let mut requisition = client.get(MODEL, wanted, FIELDS)?;
    for (state, button) in [
        ("draft", "wait"),
        ("waiting", "approve"),
        ("approved", "process"),
    ] {
        if requisition["state"] == state {
            client.press(MODEL, wanted, button, FIELDS)?;
            requisition = client.get(MODEL, wanted, FIELDS)?;
        }
    }
    let lines = requisition["lines"].as_array().into_iter().flatten();
    let origins: Vec<Value> = lines
        .map(|line| json!(format!("purchase.requisition.line,{}", line["id"])))
        .collect();
    let search = Search {
        by: &["id"],
        ..Search::default()
    };
    let domain = Domain::new().is("origin", "in", origins);
    let demands = client.search(DEMAND, &domain, DEMAND_FIELDS, &search)?;
    if demands.is_empty() {
        return Err(Failure::rejected(
            "state",
            format!(
                "the request {wanted} is {} and asks for nothing",
                requisition["state"]
            ),
        ));
    }
    Ok(demands)
}
