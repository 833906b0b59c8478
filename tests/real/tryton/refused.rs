//! Keys and groups, and what Tryton answers when it cannot answer.

use serde_json::json;

use super::{By, Company};
use crate::servers::tryton::Tryton;

by_both!(
    a_key_does_what_its_users_groups_may,
    a_wrong_address_is_told_from_a_record_that_is_not_there
);

fn a_key_does_what_its_users_groups_may(by: By) {
    let tryton = Tryton::start();
    let store = Company::with(&tryton, by, "storekeeper", "");
    // By its id some of Tryton's versions say that it is not there, others that the user may not see it.
    let sale = json!({ "id": "1" });
    store.fails("sale.get", sale.clone(), &["unauthorized"]);
    let by_number = json!({ "number": "1" });
    store.fails(
        "sale.get",
        by_number,
        &["unauthorized", "not allowed to access"],
    );
    store.does("item.stock", json!({ "sku": "WID-1" }));

    let seller = Company::with(&tryton, by, "seller", "");
    let lines = json!([{ "sku": "WID-1", "quantity": 1 }]);
    let made = seller.does(
        "sale.create",
        json!({ "customer": tryton.id("customer"), "lines": lines }),
    );
    seller.does("sale.confirm", json!({ "id": made["id"] }));
    seller.fails("sale.ship", json!({ "id": made["id"] }), &["unauthorized"]);
    let asked = json!({ "sku": "WID-1", "quantity": 1 });
    seller.fails(
        "purchase.request",
        asked,
        &["unauthorized", "not allowed to access"],
    );

    let stranger = Company::at(&tryton.url(), by, "tombolo", "not-a-key", "");
    stranger.fails(
        "sale.get",
        sale,
        &["unauthorized", "Tryton does not take the"],
    );
}

fn a_wrong_address_is_told_from_a_record_that_is_not_there(by: By) {
    let tryton = Tryton::start();
    let astray = tryton.url().replace("/tryton", "/nowhere");
    let astray = Company::at(&astray, by, "tombolo", &by.secret(&tryton, "tombolo"), "");
    // Over JSON-RPC some versions tell it from a database that does not answer, others do not.
    let words = match by {
        By::Rest => ["internal", "no such database"],
        By::JsonRpc => ["party.find", "`https://SERVER/DATABASE`"],
    };
    astray.fails("party.find", json!({}), &words);
}
