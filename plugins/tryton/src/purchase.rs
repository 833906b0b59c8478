//! Purchase orders, for a supplier or of a request.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields};
use crate::mark::mark;
use crate::order::{Line, PURCHASE, lines};
use crate::sale::Id;
use crate::value::{changed, id, money, object, text};
use crate::{party, request};

pub(crate) const MODEL: &str = PURCHASE.model;
pub(crate) const FIELDS: Fields = Fields(&[
    "number",
    "state",
    "party",
    "currency.code",
    "total_amount",
    "lines.product.code",
    "lines.product.rec_name",
    "lines.quantity",
    "lines.unit_price",
    "write_date",
    "create_date",
]);

#[derive(Deserialize)]
struct Make {
    request: Option<String>,
    supplier: Option<String>,
    lines: Option<Vec<Line>>,
}

/// A purchase in the profile's words.
pub(crate) fn shape(record: &Value) -> Value {
    let status = match record["state"].as_str().unwrap_or_default() {
        "confirmed" | "processing" => "confirmed",
        "done" => "done",
        "cancelled" => "cancelled",
        _ => "draft",
    };
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        ("status", Some(json!(status))),
        ("supplier", id(&record["party"]).map(Value::from)),
        ("total", money(&record["total_amount"], &record["currency"])),
        ("lines", Some(lines(record))),
        ("changed", changed(record).map(Value::from)),
    ])
}

pub(crate) fn order(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Make = call.parse()?;
    let mark = mark(&call.idempotency_key);
    let id = match (input.request, input.supplier, input.lines) {
        (Some(wanted), supplier, _) => of_request(client, &wanted, supplier.as_deref(), &mark)?,
        (None, Some(supplier), Some(lines)) => {
            let supplier = supplier_id(client, &supplier)?;
            let values = json!({
                "party": supplier,
                "lines": [["create", PURCHASE.lines(client, &lines)?]],
            });
            let prices: Vec<_> = lines.into_iter().map(|line| line.price).collect();
            PURCHASE.made(client, &mark, values, &prices)?
        }
        _ => {
            return Err(Failure::invalid_input(
                "",
                "found neither `request` nor `supplier` with `lines`, expected one of them",
            ));
        }
    };
    by_id(client, &id)
}

pub(crate) fn get(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    by_id(client, &id)
}

pub(crate) fn confirm(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    PURCHASE.confirm(client, &id)?;
    by_id(client, &id)
}

pub(crate) fn cancel(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let Id { id } = call.parse()?;
    PURCHASE.cancel(client, &id)?;
    by_id(client, &id)
}

/// The order of a request, which has one at most: whoever asks again gets it, whatever the key.
fn of_request(
    client: &Client,
    wanted: &str,
    supplier: Option<&str>,
    mark: &str,
) -> Result<String, Failure> {
    let demands = request::approved(client, wanted)?;
    if let Some(order) = demands
        .iter()
        .find_map(|demand| id(&demand["purchase_line"]["purchase"]))
    {
        // Perhaps of an attempt that ended before it was filled in.
        let made = client.get(MODEL, &order, Fields(&["description"]))?;
        return if made["description"] == mark {
            PURCHASE.made(client, mark, Value::Null, &[])
        } else {
            Ok(order)
        };
    }
    let supplier = match supplier {
        Some(supplier) => supplier_id(client, supplier)?,
        None => demands
            .iter()
            .find_map(|demand| demand["party"].as_u64())
            .ok_or_else(|| {
                Failure::rejected(
                    "supplier",
                    format!("Tryton knows no supplier for the request {wanted}; say `supplier`"),
                )
            })?
            .into(),
    };
    let mut lines = Vec::new();
    for demand in &demands {
        let quantity = demand["quantity"].as_f64().unwrap_or(0.0);
        let mut line = PURCHASE.line(&demand["product"], &demand["unit"], quantity);
        // In the transaction that makes the order: the request is never ordered twice.
        line["requests"] = json!([["add", [demand["id"]]]]);
        lines.push(line);
    }
    let mut values = json!({ "party": supplier, "lines": [["create", lines]] });
    if let Some(warehouse) = demands
        .iter()
        .find_map(|demand| demand["warehouse"].as_u64())
    {
        values["warehouse"] = json!(warehouse);
    }
    PURCHASE.made(client, mark, values, &[])
}

fn supplier_id(client: &Client, supplier: &str) -> Result<Value, Failure> {
    Ok(client.get(party::MODEL, supplier, Fields(&["name"]))?["id"].clone())
}

fn by_id(client: &Client, id: &str) -> Result<Json, Failure> {
    to_json(&shape(&client.get(MODEL, id, FIELDS)?))
}
