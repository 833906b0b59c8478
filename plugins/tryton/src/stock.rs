//! The stock of items as events tell it: in all warehouses together, and whether one of them is below its order point.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tombolo_sdk::{Failure, log};

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
    let points = order_points(client, products);
    let shape = |product: &Value| {
        let id = product["id"].as_u64()?;
        let of =
            |quantities: &BTreeMap<u64, Quantity>| quantities.get(&id).copied().unwrap_or_default();
        let all: Vec<Quantity> = by_warehouse.values().map(of).collect();
        let own: Vec<(u64, f64)> = points
            .iter()
            .filter(|point| point["product"].as_u64() == Some(id))
            .filter_map(|point| {
                Some((point["location"].as_u64()?, point["min_quantity"].as_f64()?))
            })
            .collect();
        let is_short = own.iter().any(|(warehouse, least)| {
            by_warehouse
                .get(warehouse)
                .is_some_and(|quantities| of(quantities).available < *least)
        });
        let order_point: f64 = own.iter().map(|(_, least)| least).sum();
        let on_hand: f64 = all.iter().map(|quantity| quantity.on_hand).sum();
        let available: f64 = all.iter().map(|quantity| quantity.available).sum();
        let shape = object([
            ("sku", Some(sku(product))),
            ("on_hand", Some(json!(on_hand))),
            ("available", Some(json!(available))),
            (
                "order_point",
                Some(json!(order_point)).filter(|_| !own.is_empty()),
            ),
            ("short", Some(json!(is_short))),
        ]);
        Some((id, shape))
    };
    Ok(found.iter().filter_map(shape).collect())
}

/// The order points of products; none where Tryton's module for them is not activated.
fn order_points(client: &Client, products: &[Value]) -> Vec<Value> {
    let domain = Domain::new().is("product", "in", products.to_vec());
    let fields = Fields(&["product", "location", "min_quantity"]);
    let search = Search {
        by: &["id"],
        ..Search::default()
    };
    client
        .search("stock.order_point", &domain, fields, &search)
        .unwrap_or_else(|failure| {
            log::warn(&format!(
                "order points are not known: {}",
                failure.message()
            ));
            Vec::new()
        })
}
