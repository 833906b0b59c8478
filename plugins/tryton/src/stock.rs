//! The stock of items as events tell it: in all warehouses together, and whether one of them is below its order point.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tombolo_sdk::Failure;

use crate::client::{Client, Fields, Search};
use crate::domain::Domain;
use crate::item::{self, Quantity, quantities, sku, warehouses};
use crate::value::object;

/// What there is of each product, with its id.
pub(crate) fn shapes(client: &Client, products: &[Value]) -> Result<Vec<(u64, Value)>, Failure> {
    let search = Search {
        by: &["id"],
        limit: None,
        context: json!({ "active_test": false }),
    };
    let domain = Domain::new().is("id", "in", products.to_vec());
    let found = client.search(item::MODEL, &domain, Fields(&["code", "rec_name"]), &search)?;
    let mut by_warehouse: BTreeMap<u64, BTreeMap<u64, Quantity>> = BTreeMap::new();
    for warehouse in warehouses(client, None)? {
        let quantities = quantities(client, products, &warehouse["id"])?;
        by_warehouse.insert(warehouse["id"].as_u64().unwrap_or_default(), quantities);
    }
    let points = order_points(client, products)?;
    let shape = |product: &Value| {
        let id = product["id"].as_u64()?;
        let of =
            |quantities: &BTreeMap<u64, Quantity>| quantities.get(&id).copied().unwrap_or_default();
        let all: Vec<Quantity> = by_warehouse.values().map(of).collect();
        let available_in = by_warehouse
            .iter()
            .map(|(warehouse, quantities)| (*warehouse, of(quantities).available))
            .collect();
        let (order_point, is_short) = held_against(&points, id, &available_in);
        let on_hand: f64 = all.iter().map(|quantity| quantity.on_hand).sum();
        let available: f64 = all.iter().map(|quantity| quantity.available).sum();
        let shape = object([
            ("sku", Some(sku(product))),
            ("on_hand", Some(json!(on_hand))),
            ("available", Some(json!(available))),
            ("order_point", order_point.map(Value::from)),
            ("short", Some(json!(is_short))),
        ]);
        Some((id, shape))
    };
    Ok(found.iter().filter_map(shape).collect())
}

/// The order point of a product, all warehouses together, and whether in one of them less is available than its own.
/// `available` is by warehouse; points of other places do not count.
pub(crate) fn held_against(
    points: &[Value],
    product: u64,
    available: &BTreeMap<u64, f64>,
) -> (Option<f64>, bool) {
    let own = points
        .iter()
        .filter(|point| point["product"].as_u64() == Some(product));
    let pairs: Vec<(f64, f64)> = own
        .filter_map(|point| {
            let here = available.get(&point["location"].as_u64()?)?;
            Some((*here, point["min_quantity"].as_f64()?))
        })
        .collect();
    let is_short = pairs.iter().any(|(available, least)| available < least);
    let order_point = pairs.iter().map(|(_, least)| least).sum();
    ((!pairs.is_empty()).then_some(order_point), is_short)
}

/// The order points of products; none where Tryton's module for them is not activated.
///
/// # Errors
/// Any other failure of the search: that nothing is short is said only where it is known.
pub(crate) fn order_points(client: &Client, products: &[Value]) -> Result<Vec<Value>, Failure> {
    let domain = Domain::new().is("product", "in", products.to_vec());
    let fields = Fields(&["product", "location", "min_quantity"]);
    let search = Search {
        by: &["id"],
        ..Search::default()
    };
    let found = client.search("stock.order_point", &domain, fields, &search);
    // A model that is not there looks like a Tryton that failed inside; the list of modules tells them apart.
    match found {
        Err(_) if matches!(has_order_points(client), Ok(false)) => Ok(Vec::new()),
        found => found,
    }
}

fn has_order_points(client: &Client) -> Result<bool, Failure> {
    let module = Domain::new()
        .equal("name", "stock_supply")
        .is("state", "!=", "not activated");
    let found = client.first("ir.module", &module, Fields(&["state"]))?;
    Ok(found.is_some())
}
