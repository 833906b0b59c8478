//! Items and what there is of them. An item is a `product.product`; name, unit and price are its template's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::paging::List;
use crate::stock::{held_against, order_points};
use crate::value::{changed, id, money, object, text};

pub(crate) const MODEL: &str = "product.product";
pub(crate) const FIELDS: Fields = Fields(&[
    "code",
    "name",
    "rec_name",
    "default_uom.name",
    "list_price_used",
    "write_date",
    "create_date",
    "template.write_date",
    "template.create_date",
]);
/// Codes in one question: a proxy takes 8 KiB of address or so.
const CODES: usize = 50;
const WAREHOUSE: Fields = Fields(&["name", "code"]);
const QUANTITIES: Fields = Fields(&["code", "quantity", "forecast_quantity"]);

#[derive(Deserialize)]
struct Find {
    sku: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Stock {
    sku: String,
    warehouse: Option<String>,
}

/// What there is of one item in one warehouse.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quantity {
    pub(crate) on_hand: f64,
    pub(crate) available: f64,
}

/// An item in the profile's words. `currency` is the company's.
pub(crate) fn shape(record: &Value, currency: &Value) -> Value {
    let changed = changed(record).max(changed(&record["template"]));
    object([
        ("id", id(record).map(Value::from)),
        ("sku", Some(sku(record))),
        (
            "name",
            text(&record["name"]).or_else(|| text(&record["rec_name"])),
        ),
        ("unit", text(&record["default_uom"]["name"])),
        ("price", money(&record["list_price_used"], currency)),
        ("changed", changed.map(Value::from)),
    ])
}

/// The code of a product; of one without, what Tryton calls it.
pub(crate) fn sku(product: &Value) -> Value {
    text(&product["code"])
        .or_else(|| text(&product["rec_name"]))
        .unwrap_or_else(|| "?".into())
}

/// The company's currency, with its code.
pub(crate) fn currency(client: &Client) -> Result<Value, Failure> {
    let company = client.preference("company")?.to_string();
    let company = client.get("company.company", &company, Fields(&["currency.code"]))?;
    Ok(company["currency"].clone())
}

pub(crate) fn find(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Find = call.parse()?;
    let mut domain = Domain::new()
        .is("code", "!=", Value::Null)
        .equal_if("code", input.sku);
    if let Some(name) = &input.name {
        domain = domain.has("template.name", name);
    }
    let currency = currency(client)?;
    let list = List {
        model: MODEL,
        fields: FIELDS,
        name: "items",
    };
    list.page(client, call, domain, |record| shape(record, &currency))
}

pub(crate) fn stock(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    let input: Stock = call.parse()?;
    let product = by_sku(client, &input.sku)?;
    let warehouses = warehouses(client, input.warehouse.as_deref())?;
    let product_id = std::slice::from_ref(&product["id"]);
    let mut all = Quantity::default();
    let (mut by_warehouse, mut available_in) = (Vec::new(), BTreeMap::new());
    for warehouse in &warehouses {
        let found = quantities(client, product_id, &warehouse["id"])?;
        let quantity = found.values().next().copied().unwrap_or_default();
        available_in.extend(warehouse["id"].as_u64().map(|id| (id, quantity.available)));
        all.on_hand += quantity.on_hand;
        all.available += quantity.available;
        by_warehouse.push(object([
            ("id", id(warehouse).map(Value::from)),
            ("name", text(&warehouse["name"])),
            ("on_hand", Some(json!(quantity.on_hand))),
            ("available", Some(json!(quantity.available))),
        ]));
    }
    let points = order_points(client, product_id)?;
    let product_id = product["id"].as_u64().unwrap_or_default();
    let (order_point, is_short) = held_against(&points, product_id, &available_in);
    to_json(&object([
        ("sku", Some(json!(input.sku))),
        ("unit", text(&product["default_uom"]["name"])),
        ("on_hand", Some(json!(all.on_hand))),
        ("available", Some(json!(all.available))),
        ("order_point", order_point.map(Value::from)),
        ("short", Some(json!(is_short))),
        ("warehouses", Some(by_warehouse.into())),
    ]))
}

/// The product with this code.
///
/// # Errors
/// As [`by_skus`].
pub(crate) fn by_sku(client: &Client, sku: &str) -> Result<Value, Failure> {
    let mut found = by_skus(client, &[sku])?;
    found
        .remove(sku)
        .ok_or_else(|| Failure::not_found(unknown(sku)))
}

/// The products with these codes.
///
/// # Errors
/// `not-found` without one, `conflict` with several: Tryton lets codes repeat.
pub(crate) fn by_skus(client: &Client, skus: &[&str]) -> Result<BTreeMap<String, Value>, Failure> {
    let search = Search {
        by: &["id"],
        ..Search::default()
    };
    let fields = Fields(&["code", "default_uom.name", "sale_uom", "purchase_uom"]);
    let mut products: BTreeMap<String, Value> = BTreeMap::new();
    for part in skus.chunks(CODES) {
        let domain = Domain::new().is("code", "in", part.to_vec());
        for product in client.search(MODEL, &domain, fields, &search)? {
            let code = product["code"].as_str().unwrap_or_default().to_owned();
            if let Some(other) = products.insert(code, product) {
                return Err(Failure::conflict(format!(
                    "Tryton has several items with the code {}; expected one",
                    other["code"]
                )));
            }
        }
    }
    match skus.iter().find(|sku| !products.contains_key(**sku)) {
        Some(sku) => Err(Failure::not_found(unknown(sku))),
        None => Ok(products),
    }
}

fn unknown(sku: &str) -> String {
    format!("Tryton has no item with the code `{sku}`")
}

/// The warehouses, or the one with this id or code.
pub(crate) fn warehouses(client: &Client, wanted: Option<&str>) -> Result<Vec<Value>, Failure> {
    let warehouse = Domain::new().equal("type", "warehouse");
    let domain = match wanted.map(|wanted| (wanted, wanted.parse::<u64>())) {
        None => warehouse,
        Some((_, Ok(id))) => warehouse.equal("id", id),
        Some((code, Err(_))) => warehouse.equal("code", code),
    };
    let search = Search {
        by: &["id"],
        ..Search::default()
    };
    let found = client.search("stock.location", &domain, WAREHOUSE, &search)?;
    match (found.is_empty(), wanted) {
        (true, Some(wanted)) => Err(Failure::not_found(format!(
            "Tryton has no warehouse with the id or code `{wanted}`"
        ))),
        _ => Ok(found),
    }
}

/// What there is of products in one warehouse, by the product's id. Available is Tryton's forecast: with all moves that
/// are planned, in and out.
pub(crate) fn quantities(
    client: &Client,
    products: &[Value],
    warehouse: &Value,
) -> Result<BTreeMap<u64, Quantity>, Failure> {
    let search = Search {
        by: &["id"],
        limit: None,
        context: json!({ "locations": [warehouse], "active_test": false }),
    };
    let domain = Domain::new().is("id", "in", products.to_vec());
    let found = client.search(MODEL, &domain, QUANTITIES, &search)?;
    let quantity = |record: &Value| {
        let number = |field: &str| record[field].as_f64().unwrap_or(0.0);
        let quantity = Quantity {
            on_hand: number("quantity"),
            available: number("forecast_quantity"),
        };
        Some((record["id"].as_u64()?, quantity))
    };
    Ok(found.iter().filter_map(quantity).collect())
}
