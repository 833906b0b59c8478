//! The stock of items, and what is short of it.

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};
use tombolo_sdk::{Failure, Page};

use super::{at, host, reply};
use crate::Tryton;

/// A page of the feed, which tells of one move: four of the item are left in the only warehouse, and this is answered to the
/// questions for its order points and for the module that has them.
fn moved(points: Reply, modules: Reply) -> Result<Page, Failure> {
    let host = host();
    let made = json!({ "id": 9, "create_date": at(1), "write_date": null, "product": 2 });
    reply(&host, "GET", "stock.move", json!([made]));
    reply(&host, "GET", "stock.move", json!([]));
    reply(
        &host,
        "GET",
        "product.product",
        json!([{ "id": 2, "code": "WID-1" }]),
    );
    left(&host, points);
    host.reply("api", "GET", "/rest/model/ir.module", modules);
    host.start::<Tryton>().read("stock", None, 10)
}

fn left(host: &Host, points: Reply) {
    let warehouse = json!([{ "id": 3, "name": "Warehouse", "code": "WH" }]);
    reply(host, "GET", "stock.location", warehouse);
    let left = json!([{ "id": 2, "quantity": 5.0, "forecast_quantity": 4.0 }]);
    reply(host, "GET", "product.product", left);
    host.reply("api", "GET", "/rest/model/stock.order_point", points);
}

fn point(location: u64, least: f64) -> Value {
    json!({ "id": location, "product": 2, "location": location, "min_quantity": least })
}

fn data(page: &Page) -> Value {
    serde_json::from_str(&page.events[0].data).unwrap()
}

/// What Tryton answers where a model is not there, and where it fails over one that is.
fn failed_inside() -> Reply {
    Reply::status(500).body("<!doctype html><title>500 Internal Server Error</title>")
}

#[test]
fn what_is_below_its_order_point_is_short() {
    // The second point is that of a place that is no warehouse.
    for (least, short) in [(10.0, true), (4.0, false)] {
        let points = Reply::json(200, json!([point(3, least), point(8, 90.0)]));
        let page = moved(points, Reply::status(503));
        let expected = json!({ "sku": "WID-1", "on_hand": 5.0, "available": 4.0, "order_point": least, "short": short });
        assert_eq!(data(&page.unwrap()), expected);
    }
}

#[test]
fn the_stock_of_an_item_says_whether_it_is_short() {
    let host = host();
    let item = json!({ "id": 2, "code": "WID-1", "default_uom": { "name": "Unit" } });
    reply(&host, "GET", "product.product", json!([item]));
    left(&host, Reply::json(200, json!([point(3, 10.0)])));
    let stock = host
        .start::<Tryton>()
        .act("item.stock", json!({ "sku": "WID-1" }));
    let expected = json!({ "sku": "WID-1", "unit": "Unit", "on_hand": 5.0, "available": 4.0, "order_point": 10.0, "short": true,
        "warehouses": [{ "id": "3", "name": "Warehouse", "on_hand": 5.0, "available": 4.0 }] });
    assert_eq!(stock.unwrap(), expected);
}

#[test]
fn without_the_module_for_order_points_nothing_is_short() {
    let host = host();
    reply(&host, "GET", "ir.module", json!([]));
    let item = json!({ "id": 2, "code": "WID-1" });
    reply(&host, "GET", "product.product", json!([item]));
    left(&host, failed_inside());
    let stock = host
        .start::<Tryton>()
        .act("item.stock", json!({ "sku": "WID-1" }))
        .unwrap();
    assert_eq!(stock["short"], false, "{stock}");
    assert_eq!(stock.get("order_point"), None, "{stock}");
}

#[test]
fn order_points_that_cannot_be_asked_for_do_not_count_as_none() {
    let module = json!([{ "id": 1, "state": "activated" }]);
    for (answer, modules, kind) in [
        (Reply::status(503), Reply::status(503), "unavailable"),
        (
            failed_inside(),
            Reply::json(200, module.clone()),
            "unavailable",
        ),
        (
            Reply::status(400),
            Reply::json(200, module.clone()),
            "internal",
        ),
        (Reply::status(429), Reply::status(429), "rate-limited"),
        (Reply::status(401), Reply::status(401), "unauthorized"),
        (Reply::status(403), Reply::json(200, module), "unauthorized"),
    ] {
        let page = moved(answer, modules);
        assert_eq!(page.unwrap_err().kind(), kind);
    }
}
