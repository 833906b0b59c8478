//! Feeds by the date of the last change: page by page, each change once, none lost where many have one time.

use serde_json::{Value, json};
use tombolo_tests::host::wait;

use super::{By, Company};
use crate::servers::tryton::Tryton;

const FEEDS: &str = "feeds:
  parties: { every: 3 s, page: 2 }
  customers: { every: 3 s, page: 100 }
  items: { every: 3 s, page: 1 }
  sales: { every: 3 s, page: 2 }
  purchases: { every: 3 s, page: 2 }
  opportunities: { every: 3 s, page: 2 }
  stock: { every: 3 s, page: 2 }
";

by_both!(
    feeds_tell_each_change_once,
    a_feed_goes_on_where_the_host_died
);

fn feeds_tell_each_change_once(by: By) {
    let tryton = Tryton::start();
    let company = Company::with(&tryton, by, "tombolo", FEEDS);
    let customer = tryton.id("customer");

    // One transaction, one time: more than two pages of them.
    let contacts: Vec<Value> = (0..5)
        .map(
            |number| json!({ "type": "email", "value": format!("desk-{number}@customer.example") }),
        )
        .collect();
    let party = format!("party.party/{customer}?f=name");
    let values = json!({ "contact_mechanisms": [["create", contacts]] });
    tryton.does("PUT", &party, &values);
    let parties = tryton.look("party.party", &json!([]), &["name"]).len();
    wait("all parties", || {
        (subjects(&company, "party.changed").len() == parties
            && subjects(&company, "customer.changed").len() == parties)
            .then_some(())
    });

    // The address is another record than the party.
    let before = events(&company, "party.changed").len();
    let input = json!({ "id": customer, "email": "new@customer.example" });
    company.does("customer.update", input);
    wait("the change of an address", || {
        let events = events(&company, "party.changed");
        (events.len() > before && events[0]["data"]["email"] == "new@customer.example")
            .then_some(())
    });

    // The name is the template's.
    wait("both items", || {
        (subjects(&company, "item.changed").len() == 2).then_some(())
    });
    let lines = json!([{ "sku": "WID-1", "quantity": 110 }]);
    let sale = company.does(
        "sale.create",
        json!({ "customer": customer, "lines": lines }),
    );
    company.does("sale.confirm", json!({ "id": sale["id"] }));
    wait("the sale is confirmed", || {
        let events = events(&company, "sale.changed");
        let last = events.first()?;
        assert_eq!(last["subject"], sale["id"]);
        (last["data"]["status"] == "confirmed").then_some(())
    });
    wait("the item is short", || {
        let events = events(&company, "stock.changed");
        let last = events
            .iter()
            .find(|event| event["data"]["sku"] == "WID-1")?;
        (last["data"]["available"] == json!(15.0)).then_some(())?;
        assert_eq!(last["data"]["on_hand"], json!(125.0), "{last}");
        assert_eq!(last["data"]["order_point"], json!(20.0), "{last}");
        assert_eq!(last["data"]["short"], json!(true), "{last}");
        Some(())
    });

    let opportunity = json!({ "customer": customer, "title": "Never written" });
    let opportunity = company.does("opportunity.create", opportunity);
    wait("what was made and never written", || {
        let events = events(&company, "opportunity.changed");
        (events.first()?["subject"] == opportunity["id"]).then_some(())
    });
    let lines = json!([{ "sku": "GAD-1", "quantity": 1 }]);
    let supplier = tryton.id("supplier");
    company.does(
        "purchase.order",
        json!({ "supplier": supplier, "lines": lines }),
    );
    wait("the purchase", || {
        (subjects(&company, "purchase.changed").len() == 1).then_some(())
    });

    // Read again and again meanwhile; the same change is the same event.
    for kind in ["party.changed", "sale.changed", "stock.changed"] {
        let ids: Vec<String> = events(&company, kind)
            .iter()
            .map(|event| event["id"].to_string())
            .collect();
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "{kind}: {ids:?}");
    }
}

fn a_feed_goes_on_where_the_host_died(by: By) {
    let tryton = Tryton::start();
    let company = Company::with(&tryton, by, "tombolo", FEEDS);
    wait("the items", || {
        (subjects(&company, "item.changed").len() == 2).then_some(())
    });
    let Company { host, site, .. } = company;
    host.kill();
    let widget = tryton.look(
        "product.product",
        &json!([["code", "=", "WID-1"]]),
        &["template"],
    );
    // What happens while nobody looks; a product's name is its template's.
    let template = format!("product.template/{}?f=name", widget[0]["template"]);
    tryton.does("PUT", &template, &json!({ "name": "Widget mark II" }));
    let host = tombolo_tests::host::TestHost::start(
        &site,
        &[(super::SECRET, &by.secret(&tryton, "tombolo"))],
    );
    wait("the new name", || {
        let events = host.get("/api/events?type=item.changed&limit=1000");
        let last = events.as_array()?.first()?.clone();
        (last["data"]["name"] == "Widget mark II").then_some(())
    });
}

/// The newest first.
fn events(company: &Company, kind: &str) -> Vec<Value> {
    let events = company
        .host
        .get(&format!("/api/events?type={kind}&limit=1000"));
    events.as_array().cloned().unwrap_or_default()
}

fn subjects(company: &Company, kind: &str) -> Vec<String> {
    let mut subjects: Vec<String> = events(company, kind)
        .iter()
        .map(|event| event["subject"].to_string())
        .collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}
