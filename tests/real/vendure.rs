//! `plugins/rest/examples/vendure/shop.yaml`, as it stands there, and Vendure.

use serde_json::{Value, json};
use tombolo_tests::built::{adapter, root};
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

use crate::asked::{ask, events, flows};
use crate::checked::passes;
use crate::servers::lossy::Lossy;
use crate::servers::vendure::Vendure;

/// The example's system file, at this address and with this pace.
pub(crate) fn example(port: u16) -> String {
    let example = root().join("plugins/rest/examples/vendure/shop.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    text.replace(
        "http: https://shop.example",
        &format!("http: \"http://127.0.0.1:{port}\"\n    network: private"),
    )
    .replace("every: 1 min", "every: 1 s")
    .replace("page: 50", "page: 2")
}

fn site(port: u16) -> TestSite {
    let site = TestSite::new();
    site.adapter("rest", &adapter("plugins/rest"));
    site.write("systems/shop.yaml", &example(port));
    flows(
        &site,
        "shop",
        &["order.get", "order.fulfil", "stock.get", "stock.set"],
    );
    site.approve("shop");
    site
}

#[track_caller]
fn refused(result: Result<Value, Value>, kind: &str) {
    let failure = result.expect_err("a failure").to_string();
    assert!(
        failure.contains(&format!("\"{kind}\"")),
        "expected {kind}: {failure}"
    );
}

#[test]
fn an_order_is_placed_told_of_read_and_shipped() {
    let vendure = Vendure::start();
    let line = Lossy::to(vendure.port);
    let token = vendure.token();
    let site = site(line.port);
    let host = TestHost::start(&site, &[("SHOP_TOKEN", &token)]);
    let codes: Vec<String> = (1..=3).map(|_| vendure.order("1", 2)).collect();
    let placed = wait("three orders", || {
        let placed = events(&host, "order.placed");
        (placed.len() >= 3).then_some(placed)
    });
    let told: Vec<&Value> = placed
        .iter()
        .map(|event| &event["data"]["number"])
        .collect();
    assert_eq!(
        told,
        codes.iter().collect::<Vec<_>>(),
        "each once, in order"
    );
    let data = &placed[0]["data"];
    for (name, expected) in [
        ("status", json!("paid")),
        ("total", json!({ "amount": "34.75", "currency": "USD" })),
        (
            "customer",
            json!({ "id": "1", "name": "Anna Amsel", "email": "anna@example.com" }),
        ),
    ] {
        assert_eq!(data[name], expected, "{name}");
    }
    assert_eq!(
        data["lines"],
        json!([{ "id": data["lines"][0]["id"], "sku": "WID-1", "name": "Widget", "quantity": 2,
            "price": { "amount": "14.88", "currency": "USD" } }])
    );

    let read = ask(&host, "order.get", "1", &json!({ "number": codes[0] })).unwrap();
    assert_eq!(read["lines"], data["lines"]);

    let ship = json!({ "id": read["id"], "carrier": "DHL", "tracking": "00340" });
    // The fulfilment is made, and nobody hears of it: the next attempt goes on behind it.
    line.lose("addFulfillmentToOrder");
    ask(&host, "order.fulfil", "1", &ship).unwrap();
    assert!(line.has_lost());
    ask(&host, "order.fulfil", "2", &ship).expect("what is shipped is shipped");
    let query = "query($id: ID!) { order(id: $id) { state fulfillments { state method trackingCode lines { quantity } } } }";
    let there = vendure.admin(query, &json!({ "id": read["id"] }));
    assert_eq!(
        there["order"],
        json!({ "state": "Shipped", "fulfillments": [{ "state": "Shipped", "method": "DHL", "trackingCode": "00340",
            "lines": [{ "quantity": 2 }] }] })
    );
    let read = ask(&host, "order.get", "2", &json!({ "number": codes[0] })).unwrap();
    assert_eq!(read["status"], "shipped");
    assert_eq!(events(&host, "order.placed").len(), 3, "each once");

    let second = &placed[1]["data"];
    let given = [
        &*format!("order.number={}", second["number"].as_str().unwrap()),
        &*format!("order.id={}", second["id"].as_str().unwrap()),
        "item.sku=WID-1",
    ];
    let out = passes(&site, ("rest", "shop"), &[("SHOP_TOKEN", &token)], &given);
    assert!(out.contains("order.fulfil"), "{out}");
    refused(
        ask(&host, "order.get", "3", &json!({ "number": "NOWHERE" })),
        "not-found",
    );
    refused(
        ask(&host, "order.fulfil", "3", &json!({ "id": "99" })),
        "not-found",
    );
}

#[test]
fn stock_is_read_and_set_and_what_the_shop_refuses_is_told() {
    let vendure = Vendure::start();
    let token = vendure.token();
    let site = site(vendure.port);
    let host = TestHost::start(&site, &[("SHOP_TOKEN", &token)]);
    let stock = |id: &str| ask(&host, "stock.get", id, &json!({ "sku": "WID-1" })).unwrap();
    assert_eq!(
        stock("1"),
        json!({ "sku": "WID-1", "id": "1", "on_hand": 10 })
    );
    ask(
        &host,
        "stock.set",
        "1",
        &json!({ "sku": "WID-1", "quantity": 90 }),
    )
    .unwrap();
    assert_eq!(stock("2")["on_hand"], 90);
    refused(
        ask(&host, "stock.get", "3", &json!({ "sku": "NONE" })),
        "not-found",
    );
    refused(
        ask(
            &host,
            "stock.set",
            "3",
            &json!({ "sku": "NONE", "quantity": 1 }),
        ),
        "not-found",
    );
    // A GraphQL error, at status 200 or 400: half a widget cannot be.
    refused(
        ask(
            &host,
            "stock.set",
            "4",
            &json!({ "sku": "WID-1", "quantity": 2.5 }),
        ),
        "invalid-input",
    );

    // An order that is not paid cannot be shipped: the shop says so inside `data`.
    let draft = vendure.admin("mutation { createDraftOrder { id } }", &json!({}));
    let id = draft["createDraftOrder"]["id"].clone();
    refused(
        ask(&host, "order.fulfil", "4", &json!({ "id": id })),
        "rejected",
    );
    drop(host);

    let host = TestHost::start(&site, &[("SHOP_TOKEN", "no-such-session")]);
    refused(
        ask(&host, "stock.get", "5", &json!({ "sku": "WID-1" })),
        "unauthorized",
    );
    drop(host);
}
