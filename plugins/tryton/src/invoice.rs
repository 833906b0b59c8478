//! Invoices to customers.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json};

use crate::client::{Client, Fields};
use crate::domain::Domain;
use crate::paging::List;
use crate::sale;
use crate::value::{day, id, money, object, text};

const LIST: List = List {
    model: "account.invoice",
    fields: Fields(&[
        "number",
        "state",
        "party",
        "sales",
        "currency.code",
        "total_amount",
        "amount_to_pay",
        "lines_to_pay.maturity_date",
    ]),
    name: "invoices",
};

#[derive(Deserialize)]
struct Find {
    sale: Option<String>,
    party: Option<String>,
    #[serde(default)]
    open: bool,
}

/// An invoice in the profile's words. While it is not posted Tryton says that nothing is to be paid; open is then all.
fn shape(record: &Value) -> Value {
    let (status, open) = match record["state"].as_str().unwrap_or_default() {
        "posted" => ("posted", Some("amount_to_pay")),
        "paid" => ("paid", Some("amount_to_pay")),
        "cancelled" => ("cancelled", None),
        _ => ("draft", Some("total_amount")),
    };
    let open = open.and_then(|field| money(&record[field], &record["currency"]));
    let lines = record["lines_to_pay"].as_array().into_iter().flatten();
    let due = lines.filter_map(|line| day(&line["maturity_date"])).min();
    object([
        ("id", id(record).map(Value::from)),
        ("number", text(&record["number"])),
        ("status", Some(json!(status))),
        ("party", id(&record["party"]).map(Value::from)),
        ("sale", id(&record["sales"][0]).map(Value::from)),
        ("total", money(&record["total_amount"], &record["currency"])),
        ("open", open),
        ("due", due.map(Value::from)),
    ])
}

pub(crate) fn find(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Find = call.parse()?;
    let mut domain = Domain::new()
        .equal("type", "out")
        .equal("company", client.preference("company")?);
    if let Some(party) = input.party {
        // What is no number is no party's id, and has no invoices.
        domain = domain.equal("party", party.parse::<u64>().unwrap_or(0));
    }
    if let Some(sale) = input.sale {
        let sale = client.get(sale::MODEL, &sale, Fields(&["invoices"]))?;
        domain = domain.is("id", "in", sale["invoices"].clone());
    }
    if input.open {
        domain = domain.is("state", "in", vec!["draft", "validated", "posted"]);
    }
    LIST.page(client, call, domain, shape)
}
