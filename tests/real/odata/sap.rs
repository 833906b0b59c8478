//! The example `sap-s4`: `erp/1` in V2 and in V4.

use serde_json::json;

use super::*;
use crate::checked::passes;

const ACTIONS: [&str; 15] = [
    "party.find",
    "party.get",
    "party.create",
    "item.find",
    "item.stock",
    "sale.create",
    "sale.get",
    "sale.confirm",
    "sale.cancel",
    "sale.ship",
    "purchase.request",
    "purchase.order",
    "purchase.get",
    "purchase.confirm",
    "purchase.cancel",
];

#[test]
fn an_erp_over_v2() {
    erp("v2");
}

#[test]
fn an_erp_over_v4() {
    erp("v4");
}

#[test]
fn the_entities_are_what_the_services_say() {
    for version in ["v2", "v4"] {
        let system = |cap: &Cap| example(cap, version, CLERK.0, "S4_PASSWORD");
        let mistyped = |cap: &Cap| {
            let total = "        TotalNetAmount: Decimal\n";
            let (key, other) = ("key: [BusinessPartner, AddressID]", "key: [AddressID]");
            let system = system(cap);
            assert!(system.contains(total) && system.contains(key), "{system}");
            system.replace(total, "").replace(key, other)
        };
        let fixture = Fixture::start(
            |cap| vec![("s4", system(cap)), ("mistyped", mistyped(cap))],
            &["names.check"],
        );
        let found = fixture.good("s4", "names.check", &json!({}));
        assert_eq!(found["problems"], json!([]), "{version}");
        assert!(found["entities"].as_u64() > Some(9), "{found}");
        let found = fixture.good("mistyped", "names.check", &json!({}));
        assert_eq!(
            found["problems"],
            json!([
                "party-address: the key of `A_BusinessPartnerAddress` is another: write `key: [BusinessPartner, AddressID]`",
                "sale: `TotalNetAmount` is Edm.Decimal, not String: write `TotalNetAmount: Decimal` under `types`",
            ]),
            "{version}"
        );
    }
}

#[test]
fn the_profiles_own_cases_pass() {
    let system = |cap: &Cap| vec![("s4", example(cap, "v2", CLERK.0, "S4_PASSWORD"))];
    let fixture = Fixture::start(system, &[]);
    let given = ["party.id=17100001", "item.sku=TG11"];
    passes(&fixture.site, ("odata", "s4"), &ENVIRONMENT, &given);
}

fn erp(version: &str) {
    let fixture = Fixture::start(
        |cap| {
            vec![
                ("s4", example(cap, version, CLERK.0, "S4_PASSWORD")),
                (
                    "visitor",
                    example(cap, version, VISITOR.0, "VISITOR_PASSWORD"),
                ),
                ("wrong", example(cap, version, CLERK.0, "WRONG_PASSWORD")),
            ]
        },
        &ACTIONS,
    );
    parties(&fixture);
    items(&fixture);
    let shipped = sales(&fixture);
    purchases(&fixture);
    made_once(&fixture);
    a_session_that_ended(&fixture);
    let one = json!({ "id": "17100001" });
    fixture.bad(
        "visitor",
        "party.get",
        &one,
        "unauthorized",
        "lacking required roles",
    );
    fixture.bad("wrong", "party.get", &one, "unauthorized", "401");
    feeds(&fixture, &shipped);
}

fn parties(fixture: &Fixture) {
    let find = |input| fixture.good("s4", "party.find", &input);
    // Two at a time, by the place of the last.
    let first = find(json!({ "limit": 2 }));
    assert_eq!(ids(&first["parties"]), ["17100001", "17100002"]);
    let rest = find(json!({ "limit": 2, "after": first["next"] }));
    assert_eq!(ids(&rest["parties"]), ["17100003", "17300001"]);
    assert_eq!(rest.get("next"), None);
    assert_eq!(
        ids(&find(json!({ "name": "o'NEILL" }))["parties"]),
        ["17100001"],
        "a quote stays a quote"
    );
    assert_eq!(
        ids(&find(json!({ "email": "info@kunde.example" }))["parties"]),
        ["17100002"]
    );
    assert_eq!(
        ids(&find(json!({ "tax_id": "DE123456789", "name": "inlandskunde" }))["parties"]),
        ["17100002"]
    );
    assert_eq!(
        ids(&find(json!({ "tax_id": "DE123456789", "code": "C-17100001" }))["parties"]),
        [""; 0]
    );
    assert_eq!(
        ids(&find(json!({ "email": "' or 'a' eq 'a" }))["parties"]),
        [""; 0],
        "nothing gets out of its quotes"
    );

    let party = fixture.good("s4", "party.get", &json!({ "id": "17100002" }));
    assert_eq!(
        (&party["email"], &party["tax_id"]),
        (&json!("info@kunde.example"), &json!("DE123456789"))
    );
    fixture.bad(
        "s4",
        "party.get",
        &json!({ "id": "404" }),
        "not-found",
        "Not Found",
    );

    let nord = json!({ "name": "Nord & Süd AG", "code": "N-1", "email": "n@nord.example", "phone": "+49 40 1", "tax_id": "DE7", "address": { "city": "Kiel", "country": "DE" } });
    let made = fixture.good("s4", "party.create", &nord);
    let again = fixture.good("s4", "party.get", &json!({ "id": made["id"] }));
    for field in ["name", "code", "email", "phone", "tax_id"] {
        assert_eq!(again[field], nord[field], "{field}");
    }
}

fn items(fixture: &Fixture) {
    // The server's own pages have four, whatever is asked for.
    let all = fixture.good("s4", "item.find", &json!({ "limit": 9 }));
    assert_eq!(all["items"].as_array().unwrap().len(), 9);
    let last = fixture.good(
        "s4",
        "item.find",
        &json!({ "limit": 9, "after": all["next"] }),
    );
    assert_eq!(
        (ids(&last["items"]), last.get("next")),
        (vec!["TG18".to_owned()], None)
    );
    let found = fixture.good("s4", "item.find", &json!({ "name": "GOOD tg11" }));
    assert_eq!(found["items"][0]["name"], "Trading good TG11");

    let stock = fixture.good("s4", "item.stock", &json!({ "sku": "TG11" }));
    assert_eq!(
        (&stock["on_hand"], &stock["available"], &stock["unit"]),
        (&json!(120.5), &json!(120.5), &json!("PC"))
    );
    assert_eq!(stock["warehouses"].as_array().unwrap().len(), 2);
    let one = fixture.good(
        "s4",
        "item.stock",
        &json!({ "sku": "TG11", "warehouse": "101A" }),
    );
    assert_eq!(one["on_hand"], 100.5);
    fixture.bad(
        "s4",
        "item.stock",
        &json!({ "sku": "NO" }),
        "not-found",
        "Not Found",
    );
}

/// Gives the sale that was shipped.
fn sales(fixture: &Fixture) -> String {
    let lines = json!([{ "sku": "TG11", "quantity": 3.5 }, { "sku": "TG12", "quantity": 1, "price": { "amount": "7.25", "currency": "EUR" } }]);
    let order = json!({ "customer": "17100001", "reference": "S-42", "lines": lines, "requested": "2026-12-24", "note": "ring twice" });
    let sale = fixture.good("s4", "sale.create", &order);
    assert_eq!(
        (&sale["status"], &sale["total"]["amount"]),
        (&json!("draft"), &json!("42.250"))
    );
    let id = json!({ "id": sale["id"] });
    let kept = fixture.cap.entities(
        "API_SALES_ORDER_SRV/A_SalesOrder",
        "PurchaseOrderByCustomer eq 'S-42'",
    );
    assert_eq!(
        (kept.len(), &kept[0]["RequestedDeliveryDate"]),
        (1, &json!("2026-12-24"))
    );
    let bad = |what: Value, words: &str| {
        let mut order = order.clone();
        order
            .as_object_mut()
            .unwrap()
            .extend(what.as_object().unwrap().clone());
        fixture.bad("s4", "sale.create", &order, "not-found", words);
    };
    bad(json!({ "customer": "9" }), "Sold-to party 9 is not defined");
    bad(
        json!({ "lines": [{ "sku": "NO", "quantity": 1 }] }),
        "Material NO does not exist",
    );

    fixture.bad("s4", "sale.ship", &id, "rejected", "blocked for delivery");
    for _ in 0..2 {
        assert_eq!(
            fixture.good("s4", "sale.confirm", &id)["status"],
            "confirmed",
            "twice does no harm"
        );
    }
    // TG12 is not in stock: all or nothing.
    fixture.bad(
        "s4",
        "sale.ship",
        &id,
        "rejected",
        "Deficit of SL Unrestricted-use 1 : TG12",
    );
    let waiting = fixture.good("s4", "sale.get", &json!({ "reference": "S-42" }));
    assert_eq!(waiting["shipments"][0]["status"], "ready");
    assert_eq!(waiting["lines"][1]["price"]["amount"], "7.250");
    fixture.cap.seen();
    assert_eq!(
        fixture.good("s4", "sale.cancel", &id)["status"],
        "cancelled"
    );
    let changes: Vec<_> = fixture
        .cap
        .seen()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    assert!(
        matches!(changes.as_slice(), [one] if one.ends_with("/API_SALES_ORDER_SRV/$batch")),
        "both items in one request: {changes:?}"
    );
    assert_eq!(
        fixture.good("s4", "sale.cancel", &id)["status"],
        "cancelled",
        "twice does no harm"
    );
    fixture.bad("s4", "sale.confirm", &id, "rejected", "is rejected");
    fixture.bad(
        "s4",
        "sale.confirm",
        &json!({ "id": "999" }),
        "not-found",
        "Not Found",
    );

    let order = json!({ "customer": "17100001", "lines": [{ "sku": "TG11", "quantity": 0.5 }] });
    let id = json!({ "id": fixture.good("s4", "sale.create", &order)["id"] });
    fixture.good("s4", "sale.confirm", &id);
    for _ in 0..2 {
        assert_eq!(fixture.good("s4", "sale.ship", &id)["status"], "shipped");
    }
    let stock = fixture.good(
        "s4",
        "item.stock",
        &json!({ "sku": "TG11", "warehouse": "101A" }),
    );
    assert_eq!(stock["on_hand"], 100, "booked once");
    fixture.bad("s4", "sale.cancel", &id, "rejected", "already delivered");
    fixture.bad(
        "s4",
        "sale.get",
        &json!({ "number": "999" }),
        "not-found",
        "no such",
    );
    id["id"].as_str().unwrap().to_owned()
}

fn purchases(fixture: &Fixture) {
    let wanted = json!({ "sku": "TG11", "quantity": 40, "warehouse": "101A", "needed": "2026-12-01", "reason": "low" });
    let request = fixture.good("s4", "purchase.request", &wanted);
    assert_eq!(request["status"], "open");
    fixture.bad(
        "s4",
        "purchase.request",
        &json!({ "sku": "NO", "quantity": 1 }),
        "not-found",
        "Material NO",
    );
    let order = fixture.good("s4", "purchase.order", &json!({ "request": request["id"] }));
    assert_eq!(
        (&order["status"], &order["supplier"]),
        (&json!("draft"), &json!("17300001"))
    );
    let id = json!({ "id": order["id"] });
    let got = fixture.good("s4", "purchase.get", &id);
    assert_eq!(
        (&got["lines"][0]["sku"], &got["lines"][0]["quantity"]),
        (&json!("TG11"), &json!(40.0))
    );
    for _ in 0..2 {
        assert_eq!(
            fixture.good("s4", "purchase.confirm", &id)["status"],
            "confirmed"
        );
    }
    for _ in 0..2 {
        assert_eq!(
            fixture.good("s4", "purchase.cancel", &id)["status"],
            "cancelled"
        );
    }
    fixture.bad("s4", "purchase.confirm", &id, "rejected", "is deleted");
    fixture.bad(
        "s4",
        "purchase.order",
        &json!({ "request": "404" }),
        "not-found",
        "Not Found",
    );
    let orphan = fixture.good(
        "s4",
        "purchase.request",
        &json!({ "sku": "ORPHAN", "quantity": 1 }),
    );
    fixture.bad(
        "s4",
        "purchase.order",
        &json!({ "request": orphan["id"] }),
        "rejected",
        "Enter a supplier",
    );
    let direct = json!({ "supplier": "17300001", "lines": [{ "sku": "TG10", "quantity": 2, "price": { "amount": "3.5", "currency": "EUR" } }] });
    assert_eq!(
        fixture.good("s4", "purchase.order", &direct)["lines"][0]["price"]["amount"],
        "3.500"
    );
    fixture.bad(
        "s4",
        "purchase.get",
        &json!({ "id": "404" }),
        "not-found",
        "Not Found",
    );
}

/// The system makes it, the answer is lost, the same call comes again.
fn made_once(fixture: &Fixture) {
    let order = json!({ "customer": "17100001", "reference": "ONCE", "lines": [{ "sku": "TG11", "quantity": 1 }] });
    fixture.cap.lose_an_answer();
    let sale = fixture.good("s4", "sale.create", &order);
    let kept = fixture.cap.entities(
        "API_SALES_ORDER_SRV/A_SalesOrder",
        "PurchaseOrderByCustomer eq 'ONCE'",
    );
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["SalesOrder"], sale["id"]);
}

fn a_session_that_ended(fixture: &Fixture) {
    fixture.cap.forget_sessions();
    fixture.cap.seen();
    let order = json!({ "customer": "17100001", "lines": [{ "sku": "TG11", "quantity": 1 }] });
    fixture.good("s4", "sale.create", &order);
    let seen = fixture.cap.seen();
    let tokens = seen
        .iter()
        .filter(|line| line.ends_with("/API_SALES_ORDER_SRV/"));
    assert_eq!(tokens.count(), 1, "one token anew: {seen:?}");
    // Once refused for the old one, unless the call went to an instance that had none.
    let changes = seen.iter().filter(|line| line.starts_with("POST")).count();
    assert!(matches!(changes, 1 | 2), "{seen:?}");
}

/// Pages of two, all there is, in the order of changes.
fn feeds(fixture: &Fixture, shipped: &str) {
    let parties = fixture
        .cap
        .entities("API_BUSINESS_PARTNER/A_BusinessPartner", "")
        .len();
    let events = wait("an event of every party", || {
        let events = fixture.events("party.changed");
        (events.len() >= parties).then_some(events)
    });
    assert_eq!(events.len(), parties, "each once");
    let done = wait("the shipped sale", || {
        let events = fixture.events("sale.changed");
        let mut events = events.into_iter();
        events.find(|event| event["subject"] == *shipped && event["data"]["status"] == "shipped")
    });
    assert_eq!(done["data"]["lines"][0]["sku"], "TG11");
    let orders = fixture
        .cap
        .entities("API_SALES_ORDER_SRV/A_SalesOrder", "")
        .len();
    wait("an event of every sale", || {
        let mut subjects: Vec<_> = fixture
            .events("sale.changed")
            .iter()
            .map(|event| event["subject"].to_string())
            .collect();
        subjects.sort();
        subjects.dedup();
        (subjects.len() == orders).then_some(())
    });
}

fn ids(list: &Value) -> Vec<String> {
    let ids = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned());
    ids.collect()
}
