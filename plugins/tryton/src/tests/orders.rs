//! Creates that are asked for again, and sales on their way.

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};

use super::{asked, host, reply};
use crate::Tryton;

fn sale(state: &str, shipments: Value) -> Value {
    json!({
        "id": 12, "state": state, "number": "1", "party": 7, "shipment_state": "sent",
        "currency": { "code": "EUR" }, "total_amount": { "__class__": "Decimal", "decimal": "30.00" },
        "lines": [], "shipments": shipments,
    })
}

/// A sale with one line that is still to be filled in.
fn unfilled() -> Value {
    json!({ "id": 12, "state": "draft", "currency": { "code": "EUR" }, "lines": [{ "id": 4, "write_date": null }] })
}

fn customer_and_item(host: &Host) {
    reply(
        host,
        "GET",
        "party.party/7",
        json!({ "id": 7, "name": "Nord AG" }),
    );
    let item = json!([{ "id": 2, "code": "WID-1", "sale_uom": 1 }]);
    reply(host, "GET", "product.product", item);
}

fn fill_in(host: &Host) {
    reply(
        host,
        "POST",
        "sale.sale/12/on_change",
        json!({ "payment_term": 3, "payment_term.": { "rec_name": "30 days" } }),
    );
    reply(host, "PUT", "sale.sale/12", unfilled());
    let suggested = json!({ "unit_price": { "__class__": "Decimal", "decimal": "10" }, "amount": 1, "taxes": { "add": [[0, { "id": 66 }]] } });
    reply(host, "POST", "sale.line/4/on_change", suggested);
    reply(host, "PUT", "sale.sale/12", unfilled());
    reply(host, "GET", "sale.sale/12", sale("draft", json!([])));
}

fn order() -> Value {
    json!({ "customer": "7", "lines": [{ "sku": "WID-1", "quantity": 3 }] })
}

#[test]
fn a_sale_is_made_and_filled_in_with_what_tryton_suggests() {
    let host = host();
    customer_and_item(&host);
    reply(&host, "GET", "sale.sale", json!([]));
    reply(&host, "POST", "sale.sale", unfilled());
    fill_in(&host);
    let made = host.start::<Tryton>().act("sale.create", order()).unwrap();
    assert_eq!(
        (&made["id"], &made["status"]),
        (&json!("12"), &json!("draft")),
        "{made}"
    );
    let sent = host.requests();
    let bodies: Vec<Value> = sent
        .iter()
        .filter(|sent| sent.method == "PUT")
        .map(tombolo_sdk::testing::SentRequest::json)
        .collect();
    assert_eq!(
        bodies[0],
        json!({ "payment_term": 3 }),
        "only what is stored"
    );
    let line = json!({ "unit_price": { "__class__": "Decimal", "decimal": "10" }, "taxes": [["add", [66]]] });
    assert_eq!(bodies[1], json!({ "lines": [["write", [4], line]] }));
    let create = sent
        .iter()
        .find(|sent| sent.method == "POST" && sent.path.ends_with("/sale.sale"))
        .unwrap();
    assert_eq!(create.json()["description"], "Tombolo test-key");
}

#[test]
fn a_sale_that_is_there_is_not_made_again() {
    let filled_in =
        json!({ "id": 12, "state": "draft", "lines": [{ "id": 4, "write_date": super::at(1) }] });
    let host = host();
    customer_and_item(&host);
    reply(&host, "GET", "sale.sale", json!([filled_in]));
    reply(&host, "GET", "sale.sale/12", sale("draft", json!([])));
    host.start::<Tryton>().act("sale.create", order()).unwrap();
    let writes: Vec<String> = asked(&host)
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn a_sale_that_an_attempt_left_is_filled_in_by_the_next() {
    let host = host();
    customer_and_item(&host);
    reply(&host, "GET", "sale.sale", json!([unfilled()]));
    fill_in(&host);
    host.start::<Tryton>().act("sale.create", order()).unwrap();
    assert!(
        !asked(&host).contains(&"POST sale.sale".to_owned()),
        "{:?}",
        asked(&host)
    );
}

#[test]
fn a_price_in_another_currency_is_refused() {
    let host = host();
    customer_and_item(&host);
    reply(&host, "GET", "sale.sale", json!([unfilled()]));
    fill_in(&host);
    let mut input = order();
    input["lines"][0]["price"] = json!({ "amount": "9.00", "currency": "USD" });
    let failure = host
        .start::<Tryton>()
        .act("sale.create", input)
        .unwrap_err();
    assert_eq!(failure.kind(), "invalid-input", "{failure:?}");
    assert!(failure.message().contains("USD"), "{failure:?}");
}

#[test]
fn a_shipment_goes_on_from_where_it_is() {
    let step = |state: &str| json!({ "id": 4, "number": "1", "state": state });
    for (from, buttons) in [
        ("waiting", &["assign_try", "pick", "pack", "do"][..]),
        ("picked", &["pack", "do"][..]),
        ("done", &[][..]),
    ] {
        let host = host();
        reply(
            &host,
            "GET",
            "sale.sale/12",
            sale("processing", json!([step(from)])),
        );
        for button in buttons {
            let state = match *button {
                "assign_try" => "assigned",
                "pick" => "picked",
                "pack" => "packed",
                _ => "done",
            };
            reply(
                &host,
                "POST",
                &format!("stock.shipment.out/4/{button}"),
                step(state),
            );
        }
        reply(
            &host,
            "GET",
            "sale.sale/12",
            sale("processing", json!([step("done")])),
        );
        let shipped = host
            .start::<Tryton>()
            .act("sale.ship", json!({ "id": "12" }))
            .unwrap();
        assert_eq!(shipped["status"], "shipped", "{shipped}");
        assert_eq!(asked(&host).len(), buttons.len() + 2, "{from}");
    }
}

#[test]
fn what_cannot_be_assigned_is_given_back() {
    let waiting = json!({ "id": 4, "number": "S1", "state": "waiting" });
    let host = host();
    reply(
        &host,
        "GET",
        "sale.sale/12",
        sale("processing", json!([waiting])),
    );
    reply(
        &host,
        "POST",
        "stock.shipment.out/4/assign_try",
        waiting.clone(),
    );
    reply(&host, "POST", "stock.shipment.out/4/wait", waiting);
    let failure = host
        .start::<Tryton>()
        .act("sale.ship", json!({ "id": "12" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "rejected", "{failure:?}");
    assert!(
        failure
            .message()
            .contains("not enough stock for the shipment S1"),
        "{failure:?}"
    );
    assert!(asked(&host).contains(&"POST stock.shipment.out/4/wait".to_owned()));
}

#[test]
fn what_is_confirmed_stays_and_what_is_cancelled_is_refused_by_tryton() {
    let host = host();
    for _ in 0..2 {
        reply(&host, "GET", "sale.sale/12", sale("processing", json!([])));
    }
    host.start::<Tryton>()
        .act("sale.confirm", json!({ "id": "12" }))
        .unwrap();
    assert_eq!(asked(&host).len(), 2);

    reply(&host, "GET", "sale.sale/12", sale("cancelled", json!([])));
    let refusal = json!({ "message": "You can not call \"confirm\".", "description": "" });
    host.reply(
        "api",
        "POST",
        "/rest/model/sale.sale/12/confirm",
        Reply::json(400, refusal),
    );
    reply(
        &host,
        "POST",
        "ir.model.access/get_access",
        json!({ "sale.sale": { "write": 1 } }),
    );
    reply(
        &host,
        "POST",
        "res.user/get_preferences",
        json!({ "company": 1 }),
    );
    let failure = host
        .start::<Tryton>()
        .act("sale.confirm", json!({ "id": "12" }))
        .unwrap_err();
    assert_eq!(failure.kind(), "rejected", "{failure:?}");
}
