//! `erp/1`: parties, items and stock, a sale from draft to shipment, a request that becomes a purchase, invoices.

use serde_json::json;

use super::{By, Company};
use crate::checked::passes;
use crate::servers::tryton::Tryton;

by_both!(
    the_profiles_own_cases_pass,
    a_sale_goes_from_draft_to_shipment,
    a_sale_is_refused_what_tryton_refuses,
    a_request_becomes_a_purchase_once
);

fn the_profiles_own_cases_pass(by: By) {
    let tryton = Tryton::start();
    let company = Company::of(&tryton, by);
    let (secret, customer) = (by.secret(&tryton, "tombolo"), tryton.id("customer"));
    let given = [&*format!("party.id={customer}"), "item.sku=WID-1"];
    let out = passes(
        &company.site,
        ("tryton", "erp"),
        &[(super::SECRET, &secret)],
        &given,
    );
    assert!(out.contains("crm/1") && out.contains("erp/1"), "{out}");
}

fn a_sale_goes_from_draft_to_shipment(by: By) {
    let tryton = Tryton::start();
    let company = Company::of(&tryton, by);

    let party = company.does(
        "party.create",
        json!({
            "name": "Nord AG", "code": "N-7", "email": "info@nord.example", "phone": "+49 30 123456",
            "tax_id": "DE136695976",
            "address": { "street": "Hafen 1", "postal_code": "20457", "city": "Hamburg", "country": "DE" },
        }),
    );
    assert_eq!(party["code"], "N-7", "{party}");
    assert_eq!(party["tax_id"], "DE136695976", "{party}");
    let id = party["id"].as_str().unwrap();
    assert_eq!(company.does("party.get", json!({ "id": id })), party);
    for by in [
        json!({ "name": "nord" }),
        json!({ "code": "N-7" }),
        json!({ "email": "info@nord.example" }),
        json!({ "tax_id": "DE136695976", "name": "AG" }),
    ] {
        let found = company.does("party.find", by.clone());
        assert_eq!(found["parties"], json!([party]), "{by}");
    }
    let none = company.does("party.find", json!({ "name": "100%" }));
    assert_eq!(none, json!({ "parties": [] }), "a % is no wildcard");
    let first = company.does("party.find", json!({ "limit": 2 }));
    assert_eq!(first["parties"].as_array().unwrap().len(), 2, "{first}");
    let second = company.does("party.find", json!({ "limit": 2, "after": first["next"] }));
    assert_ne!(first["parties"][1], second["parties"][0]);

    let items = company.does("item.find", json!({ "sku": "WID-1" }));
    assert_eq!(
        items["items"][0]["price"],
        json!({ "amount": "10", "currency": "EUR" })
    );
    let by_name = company.does("item.find", json!({ "name": "widg" }));
    assert_eq!(by_name, items);

    let sale = company.does(
        "sale.create",
        json!({
            "customer": id, "reference": "S-42", "requested": "2027-01-15", "note": "Ring twice",
            "lines": [
                { "sku": "WID-1", "quantity": 3 },
                { "sku": "WID-1", "quantity": 1, "price": { "amount": "8.50", "currency": "EUR" } },
            ],
        }),
    );
    assert_eq!(sale["status"], "draft", "{sale}");
    assert_eq!(
        sale["lines"][0]["price"]["amount"], "10.0000",
        "Tryton's own price: {sale}"
    );
    assert_eq!(
        sale["lines"][1]["price"]["amount"], "8.50",
        "the input's price: {sale}"
    );
    // 38.50 and a tax of a tenth, which Tryton knows of the item.
    assert_eq!(
        sale["total"],
        json!({ "amount": "42.35", "currency": "EUR" }),
        "{sale}"
    );
    let sale_id = sale["id"].clone();

    let confirmed = company.does("sale.confirm", json!({ "id": sale_id }));
    assert_eq!(confirmed["status"], "confirmed", "{confirmed}");
    assert_eq!(
        confirmed["shipments"][0]["status"], "waiting",
        "{confirmed}"
    );
    let again = company.does("sale.confirm", json!({ "id": sale_id }));
    assert_eq!(again, confirmed, "one that is confirmed stays as it is");
    let number = confirmed["number"].clone();
    assert_eq!(
        company.does("sale.get", json!({ "number": number })),
        confirmed
    );
    assert_eq!(
        company.does("sale.get", json!({ "reference": "S-42" })),
        confirmed
    );

    let stock = company.does("item.stock", json!({ "sku": "WID-1" }));
    assert_eq!(
        (&stock["on_hand"], &stock["available"]),
        (&json!(125.0), &json!(121.0)),
        "{stock}"
    );
    assert_eq!(
        (&stock["order_point"], &stock["short"]),
        (&json!(20.0), &json!(false)),
        "{stock}"
    );
    let north = company.does(
        "item.stock",
        json!({ "sku": "WID-1", "warehouse": "NORTH" }),
    );
    assert_eq!(
        (&north["on_hand"], &north["available"]),
        (&json!(25.0), &json!(25.0)),
        "{north}"
    );
    assert_eq!(north.get("order_point"), None, "of the other one: {north}");
    assert_eq!(north["warehouses"].as_array().unwrap().len(), 1, "{north}");

    let shipped = company.does("sale.ship", json!({ "id": sale_id }));
    assert_eq!(shipped["status"], "shipped", "{shipped}");
    assert_eq!(shipped["shipments"][0]["status"], "done", "{shipped}");
    assert_eq!(company.does("sale.ship", json!({ "id": sale_id })), shipped);
    let stock = company.does("item.stock", json!({ "sku": "WID-1" }));
    assert_eq!(stock["on_hand"], json!(121.0), "{stock}");

    let records = tryton.look(
        "sale.sale",
        &json!([["id", "=", sale_id.as_str().unwrap().parse::<u64>().unwrap()]]),
        &[
            "state",
            "shipment_state",
            "comment",
            "shipment_address.city",
        ],
    );
    assert_eq!(records[0]["shipment_state"], "sent", "{records:?}");
    assert_eq!(records[0]["comment"], "Ring twice");
    assert_eq!(records[0]["shipment_address"]["city"], "Hamburg");

    let invoices = company.does("invoice.find", json!({ "sale": sale_id, "open": true }));
    let invoice = &invoices["invoices"][0];
    assert_eq!(
        (&invoice["status"], &invoice["sale"]),
        (&json!("draft"), &sale_id),
        "{invoices}"
    );
    assert_eq!(
        invoice["open"],
        json!({ "amount": "42.35", "currency": "EUR" }),
        "{invoice}"
    );
    let of_party = company.does("invoice.find", json!({ "party": id }));
    assert_eq!(of_party, invoices);
}

fn a_sale_is_refused_what_tryton_refuses(by: By) {
    let tryton = Tryton::start();
    let company = Company::of(&tryton, by);
    let customer = tryton.id("customer");

    let order = |sku: &str, quantity: u32| {
        let lines = json!([{ "sku": sku, "quantity": quantity }]);
        company.does(
            "sale.create",
            json!({ "customer": customer, "lines": lines }),
        )["id"]
            .clone()
    };
    let drafted = order("WID-1", 1);
    company.fails(
        "sale.ship",
        json!({ "id": drafted }),
        &["rejected", "confirm it first"],
    );
    let cancelled = company.does("sale.cancel", json!({ "id": drafted }));
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(
        company.does("sale.cancel", json!({ "id": drafted })),
        cancelled
    );
    company.fails(
        "sale.confirm",
        json!({ "id": drafted }),
        &["rejected", "confirm"],
    );

    // None of it is there; nothing stays assigned, so that the next may try.
    let short = order("GAD-1", 5);
    company.does("sale.confirm", json!({ "id": short }));
    for _ in 0..2 {
        company.fails(
            "sale.ship",
            json!({ "id": short }),
            &["rejected", "not enough stock"],
        );
    }
    company.fails(
        "sale.cancel",
        json!({ "id": short }),
        &["rejected", "cancel"],
    );

    let lines = json!([{ "sku": "NONE-1", "quantity": 1 }]);
    let unknown_item = json!({ "customer": customer, "lines": lines });
    company.fails("sale.create", unknown_item, &["not-found", "NONE-1"]);
    let lines = json!([{ "sku": "WID-1", "quantity": 1 }]);
    let unknown_customer = json!({ "customer": "999999", "lines": lines });
    company.fails(
        "sale.create",
        unknown_customer,
        &["not-found", "party.party 999999"],
    );
    company.fails("sale.get", json!({ "id": "C-7" }), &["not-found", "C-7"]);
    company.fails(
        "sale.get",
        json!({ "number": "77777" }),
        &["not-found", "77777"],
    );
    company.fails(
        "party.create",
        json!({ "name": "Twin", "code": "1" }),
        &["conflict", "unique"],
    );
    let invalid = json!({ "name": "Odd", "tax_id": "XX12" });
    company.fails("party.create", invalid, &["rejected", "XX12"]);
}

fn a_request_becomes_a_purchase_once(by: By) {
    let tryton = Tryton::start();
    let company = Company::of(&tryton, by);

    let request = company.does(
        "purchase.request",
        json!({ "sku": "WID-1", "quantity": 40, "warehouse": "WH", "needed": "2027-02-01", "reason": "press 4 stands" }),
    );
    assert_eq!(request["status"], "open", "{request}");
    let purchase = company.does("purchase.order", json!({ "request": request["id"] }));
    assert_eq!(purchase["status"], "draft", "{purchase}");
    assert_eq!(purchase["supplier"], tryton.id("supplier"), "{purchase}");
    assert_eq!(
        purchase["lines"][0]["price"]["amount"], "5.0000",
        "the supplier's: {purchase}"
    );
    // Another key, the same request: Tryton orders it once.
    let again = company.does("purchase.order", json!({ "request": request["id"] }));
    assert_eq!(again["id"], purchase["id"]);

    let id = purchase["id"].clone();
    let confirmed = company.does("purchase.confirm", json!({ "id": id }));
    assert_eq!(confirmed["status"], "confirmed", "{confirmed}");
    assert_eq!(
        company.does("purchase.confirm", json!({ "id": id })),
        confirmed
    );
    assert_eq!(company.does("purchase.get", json!({ "id": id })), confirmed);
    company.fails(
        "purchase.cancel",
        json!({ "id": id }),
        &["rejected", "cancel"],
    );

    let direct = company.does(
        "purchase.order",
        json!({
            "supplier": tryton.id("supplier"),
            "lines": [{ "sku": "GAD-1", "quantity": 2, "price": { "amount": "4.20", "currency": "EUR" } }],
        }),
    );
    assert_eq!(
        direct["total"],
        json!({ "amount": "8.40", "currency": "EUR" }),
        "{direct}"
    );
    let cancelled = company.does("purchase.cancel", json!({ "id": direct["id"] }));
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    company.fails(
        "purchase.order",
        json!({ "request": "999999" }),
        &["not-found"],
    );
}
