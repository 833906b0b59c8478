//! `crm/1`: customers, notes on them, opportunities.

use serde_json::json;

use super::{By, Company};
use crate::servers::tryton::Tryton;

by_both!(a_customer_is_made_changed_noted_on_and_won);

fn a_customer_is_made_changed_noted_on_and_won(by: By) {
    let tryton = Tryton::start();
    let company = Company::of(&tryton, by);

    let made = company.does(
        "customer.create",
        json!({ "name": "Nord AG", "phone": "+49 30 123456" }),
    );
    let id = made["id"].clone();
    let changed = company.does(
        "customer.update",
        json!({ "id": id, "email": "info@nord.example", "phone": "+49 40 7654" }),
    );
    assert_eq!(
        changed["name"], "Nord AG",
        "what is not given stays: {changed}"
    );
    assert_eq!(changed["email"], "info@nord.example", "{changed}");
    assert_eq!(company.does("customer.get", json!({ "id": id })), changed);
    for by in [
        json!({ "phone": "+49 40 7654" }),
        json!({ "email": "info@nord.example", "name": "nord" }),
    ] {
        let found = company.does("customer.find", by.clone());
        assert_eq!(found["customers"], json!([changed]), "{by}");
    }

    let note =
        json!({ "customer": id, "text": "Spare part ordered", "at": "2026-11-27T10:00:00Z" });
    company.does("activity.add", note);
    let resource = format!("party.party,{}", id.as_str().unwrap());
    let notes = tryton.look(
        "ir.note",
        &json!([["resource", "=", resource]]),
        &["message"],
    );
    let message = notes[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Spare part ordered\n\n2026-11-27T10:00:00Z\nTombolo "),
        "{message}"
    );
    company.fails(
        "activity.add",
        json!({ "customer": "999999", "text": "lost" }),
        &["not-found", "999999"],
    );

    let amount = json!({ "amount": "500.00", "currency": "EUR" });
    let opportunity = company.does(
        "opportunity.create",
        json!({ "customer": id, "title": "Ten presses", "amount": amount, "text": "By spring" }),
    );
    assert_eq!(
        (&opportunity["status"], &opportunity["stage"]),
        (&json!("open"), &json!("lead"))
    );
    assert_eq!(opportunity["amount"], amount, "{opportunity}");
    let of = json!({ "id": opportunity["id"] });
    assert_eq!(company.does("opportunity.get", of), opportunity);
    let won = company.does(
        "opportunity.close",
        json!({ "id": opportunity["id"], "won": true }),
    );
    assert_eq!(won["status"], "won", "{won}");
    let lost = json!({ "id": opportunity["id"], "won": false });
    company.fails("opportunity.close", lost, &["rejected", "won already"]);

    let other = company.does(
        "opportunity.create",
        json!({ "customer": id, "title": "A saw" }),
    );
    let lost = json!({ "id": other["id"], "won": false, "reason": "too dear" });
    assert_eq!(company.does("opportunity.close", lost)["status"], "lost");
    let lost = tryton.look(
        "sale.opportunity",
        &json!([["description", "=", "A saw"]]),
        &["state", "lost_reason"],
    );
    assert_eq!(
        (&lost[0]["state"], &lost[0]["lost_reason"]),
        (&json!("lost"), &json!("too dear"))
    );
    let foreign =
        json!({ "customer": id, "title": "Yen", "amount": { "amount": "1", "currency": "JPY" } });
    company.fails(
        "opportunity.create",
        foreign,
        &["invalid-input", "JPY", "EUR"],
    );
}
