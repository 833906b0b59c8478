//! Shipments to customers: from waiting through assigned, picked and packed to done.

use serde_json::{Value, json};
use tombolo_sdk::Failure;

use crate::client::{Client, Fields};
use crate::value::{id, object, text};

const MODEL: &str = "stock.shipment.out";
const FIELDS: Fields = Fields(&["number", "state"]);
/// From draft to done there are six; one more is a shipment that someone takes back meanwhile.
const STEPS: usize = 12;

/// A shipment in the profile's words.
pub(crate) fn shape(record: &Value) -> Value {
    let status = match record["state"].as_str().unwrap_or_default() {
        "assigned" | "picked" | "packed" => "ready",
        "shipped" | "done" => "done",
        "cancelled" => "cancelled",
        _ => "waiting",
    };
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        ("status", Some(json!(status))),
    ])
}

/// Takes a shipment to its end, from wherever it is: an attempt that ended between is gone on with.
pub(crate) fn ship(client: &Client, shipment: &Value) -> Result<(), Failure> {
    let Some(id) = id(shipment) else {
        return Ok(());
    };
    let mut shipment = shipment.clone();
    for _ in 0..STEPS {
        let button = match shipment["state"].as_str().unwrap_or_default() {
            "done" | "cancelled" => return Ok(()),
            "draft" => "wait",
            "waiting" => "assign_try",
            "assigned" => "pick",
            "picked" => "pack",
            _ => "do",
        };
        shipment = pressed(client, &id, button)?;
        // What was found of it stays assigned unless it is given back, and is then missing to others.
        if button == "assign_try" && shipment["state"] == "waiting" {
            client.press(MODEL, &id, "wait", FIELDS)?;
            return Err(Failure::rejected(
                "stock",
                format!(
                    "there is not enough stock for the shipment {}",
                    shipment["number"].as_str().unwrap_or(&id)
                ),
            ));
        }
    }
    Err(Failure::unavailable(
        format!(
            "the shipment {id} is {} and goes no further",
            shipment["state"]
        ),
        None,
    ))
}

/// The shipment after a button. Some buttons answer with something else than the record.
fn pressed(client: &Client, id: &str, button: &str) -> Result<Value, Failure> {
    let answer = client.press(MODEL, id, button, FIELDS)?;
    if answer["state"].is_string() {
        Ok(answer)
    } else {
        client.get(MODEL, id, FIELDS)
    }
}
