//! Answers that are lost after Tryton did what it was asked: the next attempt, under the same key, finds it.

use serde_json::json;

use super::{By, Company};
use crate::servers::lossy::Lossy;
use crate::servers::tryton::Tryton;

by_both!(what_was_made_once_is_not_made_again);

fn what_was_made_once_is_not_made_again(by: By) {
    let tryton = Tryton::start();
    let line = Lossy::to(tryton.port());
    let url = tryton
        .url()
        .replace(&tryton.port().to_string(), &line.port.to_string());
    let company = Company::at(&url, by, "tombolo", &by.secret(&tryton, "tombolo"), "");
    let customer = tryton.id("customer");
    let lines = json!([{ "sku": "WID-1", "quantity": 2 }]);
    let cases = [
        ("party.create", "party.party", json!({ "name": "Once AG" })),
        (
            "sale.create",
            "sale.sale",
            json!({ "customer": customer, "lines": lines }),
        ),
        (
            "purchase.request",
            "purchase.requisition",
            json!({ "sku": "WID-1", "quantity": 1 }),
        ),
        (
            "purchase.order",
            "purchase.purchase",
            json!({ "supplier": tryton.id("supplier"), "lines": lines }),
        ),
        (
            "opportunity.create",
            "sale.opportunity",
            json!({ "customer": customer, "title": "T" }),
        ),
        (
            "activity.add",
            "ir.note",
            json!({ "customer": customer, "text": "once" }),
        ),
    ];
    for (action, model, input) in cases {
        let before = tryton.look(model, &json!([]), &["create_date"]).len();
        line.lose(&by.creates(model));
        let made = company.does(action, input.clone());
        assert!(line.has_lost(), "{action}: no answer was lost");
        let after = tryton.look(model, &json!([]), &["create_date"]);
        assert_eq!(after.len(), before + 1, "{action}: {after:?}");
        // The same input under another key is another wish.
        let other = company.does(action, input);
        assert_ne!(other["id"], made["id"], "{action}");
    }

    // Between a sale's making and its filling in.
    line.lose(&by.writes("sale.sale"));
    let sale = company.does(
        "sale.create",
        json!({ "customer": customer, "lines": lines }),
    );
    assert_eq!(
        sale["total"],
        json!({ "amount": "22.00", "currency": "EUR" }),
        "{sale}"
    );
}
