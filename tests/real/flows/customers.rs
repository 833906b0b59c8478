//! Customers of Tryton and of a system that speaks S/4's OData are compared, what both have is linked, and a contradiction is a
//! question.

use serde_json::{Value, json};
use tombolo_tests::host::wait;

use super::Running;
use crate::odata::example;
use crate::servers::cap::{CLERK, Cap};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;

#[test]
fn two_erps_are_reconciled_and_one_conflict_becomes_a_task() {
    let (tryton, cap) = (Tryton::start(), Cap::start());
    let books = example(&cap, "v2", CLERK.0, "S4_PASSWORD");
    let running = Running::start_with(
        "nightly-customers",
        free_port(),
        &["tryton", "odata"],
        &[("ERP", tryton.url())],
        &[
            ("TRYTON_KEY", tryton.key("tombolo")),
            ("S4_PASSWORD", CLERK.1.to_owned()),
        ],
        |site| {
            site.write("systems/books.yaml", &books);
            let makes = "on: test.makes\nsteps:\n  - call: erp.party.create\n    with: \"${event.data}\"\n  - call: books.party.create\n    with: \"${event.data}\"\n";
            site.write("flows/makes.yaml", makes);
        },
    );
    let host = running.host();
    for (code, name) in [("K-1", "Nord AG"), ("K-2", "Sued AG")] {
        let party = json!({ "name": name, "code": code });
        assert_eq!(host.publish("test.makes", code, &party).status, 202);
    }
    host.wait_for("both are in both", |host| {
        let runs = host.get("/api/runs?flow=makes&status=done");
        (runs.as_array()?.len() == 2).then_some(())
    });
    // One of them is called otherwise in Tryton now, and its id there is said to be somebody else's in the books.
    let parties = tryton.look("party.party", &json!([["name", "=", "Sued AG"]]), &["name"]);
    let id = parties[0]["id"].to_string();
    tryton.does(
        "PUT",
        &format!("party.party/{id}?f=name"),
        &json!({ "name": "Sued und Soehne" }),
    );
    let link = json!({ "kind": "customer", "ids": [{ "system": "erp", "id": id }, { "system": "books", "id": "17100001" }], "by": "mia", "reason": "test" });
    assert_eq!(host.post("/api/xref/link", &link).status, 200);

    let started = host.post("/api/reconciliations/customers/run", &Value::Null);
    assert_eq!(started.status, 202, "{}", started.body);
    let task = wait("the contradiction's task", || {
        let tasks = host.get("/api/tasks?open=true");
        tasks.as_array()?.first().cloned()
    });
    assert_eq!(task["role"], "data-steward", "{task}");
    let report = host.get("/api/reconciliations/customers");
    let counts = report.to_string();
    assert!(counts.contains("\"different\":1"), "{counts}");
    let answered = host.post(
        &format!("/api/tasks/{}/answer", task["id"].as_str().unwrap()),
        &json!({ "answer": "replace", "by": "dora", "comment": "" }),
    );
    assert_eq!(answered.status, 200, "{}", answered.body);
    host.wait_for_run("differences", "done");
    let links = host.get("/api/xref?kind=customer").to_string();
    assert!(!links.contains("17100001"), "{links}");
}
