//! Opportunities, which Tryton calls leads at first.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, clock, time, to_json};

use crate::client::{Client, Fields};
use crate::domain::Domain;
use crate::item::currency;
use crate::mark::mark;
use crate::order::Money;
use crate::party;
use crate::sale::Id;
use crate::value::{changed, date, decimal, id, money, object, text};

pub(crate) const MODEL: &str = "sale.opportunity";
pub(crate) const FIELDS: Fields = Fields(&[
    "number",
    "party",
    "description",
    "state",
    "amount",
    "currency.code",
    "sales",
    "write_date",
    "create_date",
]);

#[derive(Deserialize)]
struct Create {
    customer: String,
    title: String,
    amount: Option<Money>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Close {
    id: String,
    won: bool,
    reason: Option<String>,
}

/// An opportunity in the profile's words.
pub(crate) fn shape(record: &Value) -> Value {
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        (
            "customer",
            Some(id(&record["party"]).unwrap_or_default().into()),
        ),
        ("title", text(&record["description"])),
        ("status", Some(json!(status(record)))),
        ("stage", text(&record["state"])),
        ("amount", money(&record["amount"], &record["currency"])),
        ("changed", changed(record).map(Value::from)),
    ])
}

fn status(record: &Value) -> &'static str {
    match record["state"].as_str().unwrap_or_default() {
        "won" => "won",
        "lost" | "cancelled" => "lost",
        _ => "open",
    }
}

pub(crate) fn create(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Create = call.parse()?;
    let mark = mark(&call.idempotency_key);
    let same = Domain::new().equal("reference", &*mark);
    if let Some(record) = client.first(MODEL, &same, FIELDS)? {
        return to_json(&shape(&record));
    }
    let customer = client.get(party::MODEL, &input.customer, Fields(&["addresses"]))?;
    let currency = currency(client)?;
    let mut values = object([
        ("party", Some(customer["id"].clone())),
        ("address", customer["addresses"].get(0).cloned()),
        ("description", Some(input.title.into())),
        ("reference", Some(mark.into())),
        ("comment", input.text.map(Value::from)),
        ("currency", Some(currency["id"].clone())),
    ]);
    if let Some(amount) = input.amount {
        if currency["code"] != *amount.currency {
            return Err(Failure::invalid_input(
                "/amount/currency",
                format!(
                    "found {}, expected {}, which the company counts in",
                    amount.currency, currency["code"]
                ),
            ));
        }
        values["amount"] = decimal(&amount.amount);
    }
    to_json(&shape(&client.create(MODEL, &values, FIELDS)?))
}

pub(crate) fn get(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    to_json(&shape(&client.get(MODEL, &id, FIELDS)?))
}

pub(crate) fn close(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Close = call.parse()?;
    let record = client.get(MODEL, &input.id, FIELDS)?;
    let closed = match (status(&record), input.won) {
        ("won", true) | ("lost", false) => record,
        ("open", true) => won(client, &input.id, &record)?,
        ("open", false) => {
            if let Some(reason) = input.reason {
                let values = json!({ "lost_reason": reason });
                client.write(MODEL, &input.id, &values, FIELDS)?;
            }
            client.press(MODEL, &input.id, "lost", FIELDS)?
        }
        (other, _) => {
            return Err(Failure::rejected(
                "state",
                format!("the opportunity {} is {other} already", input.id),
            ));
        }
    };
    to_json(&shape(&closed))
}

/// Tryton has no button for this: an opportunity is won when its sales are confirmed. One that has no sale is written
/// as Tryton itself writes it then.
fn won(client: &Client, id: &str, record: &Value) -> Result<Value, Failure> {
    if let Some(sale) = record["sales"].get(0) {
        return Err(Failure::rejected(
            "sale",
            format!("the opportunity {id} is won once its sale {sale} is confirmed; confirm that"),
        ));
    }
    let now = time::rfc3339(&clock::now_ms().to_string()).unwrap_or_default();
    let today = date(now.get(..10).unwrap_or_default(), "")?;
    let values = json!({ "state": "won", "end_date": today });
    client.write(MODEL, id, &values, FIELDS)
}
