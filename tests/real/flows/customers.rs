//! Customers of Tryton and of a system that speaks S/4's OData are compared, what both have is linked, and a contradiction is a
//! question.

use serde_json::{Value, json};
use tombolo_tests::host::{TestHost, wait};

use super::Running;
use crate::servers::cap::{CLERK, Cap};
use crate::servers::free_port;
use crate::servers::tryton::Tryton;

#[test]
fn two_erps_are_reconciled_and_one_conflict_becomes_a_task() {
    let (tryton, cap) = (Tryton::start(), Cap::start());
    let running = Running::start_with(
        "nightly-customers",
        free_port(),
        &["tryton", "odata"],
        &[
            ("ERP", tryton.url()),
            (
                "BOOKS",
                format!("http://127.0.0.1:{}/sap/opu/odata/sap", cap.port),
            ),
            ("BOOKS_USER", CLERK.0.to_owned()),
        ],
        &[
            ("TRYTON_KEY", tryton.key("tombolo")),
            ("S4_PASSWORD", CLERK.1.to_owned()),
        ],
        |site| {
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
    host.wait_for("the report", |host| {
        let jobs = host.get("/api/reconciliations");
        (!jobs[0]["report"].is_null()).then_some(())
    });
    let report = host.get("/api/reconciliations/customers");
    lists(&report, &tryton, &cap);
    // What agrees was linked without a question.
    let both = (
        tryton.look("party.party", &json!([["code", "=", "K-1"]]), &["name"])[0]["id"].to_string(),
        book(&cap, "K-1"),
    );
    host.wait_for("the link of K-1", |host| {
        linked(host).contains(&both).then_some(())
    });
    let answered = host.post(
        &format!("/api/tasks/{}/answer", task["id"].as_str().unwrap()),
        &json!({ "answer": "replace", "by": "dora", "comment": "" }),
    );
    assert_eq!(answered.status, 200, "{}", answered.body);
    host.wait_for("no question is open", |host| {
        let waiting = host.get("/api/runs?flow=differences&status=waiting");
        waiting.as_array()?.is_empty().then_some(())
    });
    let mut expected = [both, (id, book(&cap, "K-2"))];
    expected.sort();
    assert_eq!(
        linked(host),
        expected,
        "both customers, and nothing of what one ERP lacks"
    );
}

/// That the report lists what differs, and nothing else: K-2's two names, and what one side lacks.
fn lists(report: &Value, tryton: &Tryton, cap: &Cap) {
    let mut listed: Vec<(&str, &str)> = Vec::new();
    for difference in report["differences"].as_array().unwrap() {
        let (key, what) = (&difference["key"], &difference["what"]);
        listed.push((key.as_str().unwrap(), what.as_str().unwrap()));
        if what == "different" {
            let names = json!([{ "field": "name", "left": "Sued und Soehne", "right": "Sued AG" }]);
            assert_eq!(difference["fields"], names, "{difference}");
        }
    }
    let parties = tryton.look("party.party", &json!([["code", "!=", null]]), &["code"]);
    let books = cap.entities("API_BUSINESS_PARTNER/A_BusinessPartner", "");
    let codes = |rows: &[Value], field: &str| -> Vec<String> {
        let codes = rows.iter().filter_map(|row| row[field].as_str());
        codes
            .filter(|code| !code.is_empty() && !code.starts_with("K-"))
            .map(str::to_owned)
            .collect()
    };
    let (left, right) = (codes(&parties, "code"), codes(&books, "SearchTerm1"));
    assert!(!left.is_empty() && !right.is_empty(), "{left:?} {right:?}");
    let mut expected = vec![("K-2", "different")];
    expected.extend(left.iter().map(|code| (code.as_str(), "only-left")));
    expected.extend(right.iter().map(|code| (code.as_str(), "only-right")));
    expected.sort_unstable();
    assert_eq!(listed, expected, "{report}");
    assert_eq!(report["counts"]["same"], 1, "{report}");
}

/// The id that the books have for a code.
fn book(cap: &Cap, code: &str) -> String {
    let found = cap.entities(
        "API_BUSINESS_PARTNER/A_BusinessPartner",
        &format!("SearchTerm1 eq '{code}'"),
    );
    found[0]["BusinessPartner"].as_str().unwrap().to_owned()
}

/// The customers that have an id in both ERPs: Tryton's and the books'.
fn linked(host: &TestHost) -> Vec<(String, String)> {
    let found = host.get("/api/xref?kind=customer");
    let of = |entity: &Value, system: &str| {
        let mut ids = entity["ids"].as_array().unwrap().iter();
        let id = ids.find(|id| id["system"] == system)?["id"].as_str();
        id.map(str::to_owned)
    };
    let entities = found["entities"].as_array().unwrap().iter();
    let mut linked: Vec<_> = entities
        .filter_map(|entity| Some((of(entity, "erp")?, of(entity, "books")?)))
        .collect();
    linked.sort();
    linked
}
