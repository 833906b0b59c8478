//! Sales from draft to shipment.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::mark::mark;
use crate::order::{Line, SALE, lines};
use crate::value::{changed, date, id, money, object, text};
use crate::{party, shipment};

pub(crate) const MODEL: &str = SALE.model;
pub(crate) const FIELDS: Fields = Fields(&[
    "number",
    "state",
    "party",
    "reference",
    "currency.code",
    "total_amount",
    "shipment_state",
    "lines.product.code",
    "lines.product.rec_name",
    "lines.quantity",
    "lines.unit_price",
    "shipments.number",
    "shipments.state",
    "write_date",
    "create_date",
]);

#[derive(Deserialize)]
struct Create {
    customer: String,
    reference: Option<String>,
    lines: Vec<Line>,
    requested: Option<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
struct Get {
    id: Option<String>,
    number: Option<String>,
    reference: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

/// A sale in the profile's words.
pub(crate) fn shape(record: &Value) -> Value {
    let status = match record["state"].as_str().unwrap_or_default() {
        "quotation" => "quoted",
        "confirmed" => "confirmed",
        "processing" if record["shipment_state"] == "sent" => "shipped",
        "processing" => "confirmed",
        "done" => "done",
        "cancelled" => "cancelled",
        _ => "draft",
    };
    let shipments: Value = record["shipments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(shipment::shape)
        .collect();
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        ("status", Some(json!(status))),
        ("customer", id(&record["party"]).map(Value::from)),
        ("reference", text(&record["reference"])),
        ("total", money(&record["total_amount"], &record["currency"])),
        ("lines", Some(lines(record))),
        ("shipments", Some(shipments)),
        ("changed", changed(record).map(Value::from)),
    ])
}

pub(crate) fn create(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Create = call.parse()?;
    let customer = client.get(party::MODEL, &input.customer, Fields(&["name"]))?;
    let mut values = object([
        ("party", Some(customer["id"].clone())),
        ("reference", input.reference.map(Value::from)),
        ("comment", input.note.map(Value::from)),
        (
            "lines",
            Some(json!([["create", SALE.lines(client, &input.lines)?]])),
        ),
    ]);
    if let Some(requested) = input.requested {
        values["shipping_date"] = date(&requested, "/requested")?;
    }
    let prices: Vec<_> = input.lines.into_iter().map(|line| line.price).collect();
    let id = SALE.made(client, &mark(&call.idempotency_key), values, &prices)?;
    by_id(client, &id)
}

pub(crate) fn get(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Get = call.parse()?;
    let (field, wanted) = match input {
        Get { id: Some(id), .. } => return by_id(client, &id),
        Get {
            number: Some(number),
            ..
        } => ("number", number),
        Get {
            reference: Some(reference),
            ..
        } => ("reference", reference),
        _ => {
            return Err(Failure::invalid_input(
                "",
                "found none of `id`, `number` and `reference`, expected one",
            ));
        }
    };
    let search = Search {
        by: &["id"],
        limit: Some(2),
        ..Search::default()
    };
    let same = Domain::new()
        .equal("company", client.preference("company")?)
        .equal(field, &*wanted);
    let found = client.search(MODEL, &same, FIELDS, &search)?;
    match found.as_slice() {
        [sale] => to_json(&shape(sale)),
        [] => Err(Failure::not_found(format!(
            "Tryton has no sale with the {field} `{wanted}`"
        ))),
        _ => Err(Failure::conflict(format!(
            "several sales have the {field} `{wanted}`; expected one"
        ))),
    }
}

pub(crate) fn confirm(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    SALE.confirm(client, &id)?;
    by_id(client, &id)
}

pub(crate) fn cancel(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    SALE.cancel(client, &id)?;
    by_id(client, &id)
}

pub(crate) fn ship(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    let mut sale = client.get(MODEL, &id, FIELDS)?;
    // A sale that is confirmed and not yet processed, as Tryton can be told to wait with it, has no shipments yet.
    if sale["state"] == "confirmed" {
        sale = client.press(MODEL, &id, "process", FIELDS)?;
    }
    if !matches!(sale["state"].as_str(), Some("processing" | "done")) {
        return Err(Failure::rejected(
            "state",
            format!(
                "the sale {id} is in the state {}; confirm it first",
                sale["state"]
            ),
        ));
    }
    for waiting in sale["shipments"].as_array().into_iter().flatten() {
        shipment::ship(client, waiting)?;
    }
    let sale = client.get(MODEL, &id, FIELDS)?;
    match sale["shipment_state"].as_str() {
        Some("sent" | "none") => to_json(&shape(&sale)),
        state => Err(Failure::rejected(
            "shipment",
            format!(
                "Tryton has no shipment that would send the rest of the sale {id}, whose shipments are {}",
                state.unwrap_or("unknown")
            ),
        )),
    }
}

fn by_id(client: &Client, id: &str) -> Result<Json, Failure> {
    to_json(&shape(&client.get(MODEL, id, FIELDS)?))
}
