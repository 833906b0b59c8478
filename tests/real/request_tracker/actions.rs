//! Each action through the host, and then a look at Request Tracker itself.

use serde_json::{Value, json};

use super::{BASIC, Desk, ENVIRONMENT, site};
use crate::asked::ask;
use crate::checked::passes;
use crate::servers::client::Client;
use crate::servers::lossy::Lossy;
use crate::servers::request_tracker::{RequestTracker, correspond, ticket};

fn started() -> (RequestTracker, Desk) {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let host = Desk::start(rt.port, BASIC, "", &ENVIRONMENT);
    (rt, host)
}

/// The values of a custom field.
fn field<'a>(ticket: &'a Value, name: &str) -> &'a Value {
    let fields = ticket["CustomFields"].as_array().unwrap();
    &fields.iter().find(|field| field["name"] == name).unwrap()["values"]
}

/// The types of what was done to a ticket, in order.
fn history(root: &Client, ticket: &str) -> Vec<String> {
    let list = root.get(&format!(
        "/ticket/{ticket}/history?fields=Type&per_page=100"
    ));
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["Type"].as_str().unwrap().to_owned())
        .collect()
}

fn times(history: &[String], kind: &str) -> usize {
    history.iter().filter(|found| *found == kind).count()
}

#[track_caller]
fn refused(result: Result<Value, Value>, kind: &str, words: &str) {
    let failure = result.expect_err("a failure");
    let text = failure.to_string();
    assert!(
        text.contains(&format!("\"{kind}\"")) && text.contains(words),
        "expected {kind} with {words:?}: {text}"
    );
}

#[test]
fn a_ticket_lives_its_life() {
    let (rt, host) = started();
    let root = rt.root();
    let input = json!({ "subject": "Press 4 stands still: it's the \"valve\"", "text": "Ein Teil fehlt: \u{fc}",
        "requester": "anna@example.com", "priority": "high", "reference": "alarm/7 'x' \\" });
    let made = ask(&host, "ticket.create", "c-1", &input).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let there = root.get(&format!("/ticket/{id}"));
    assert_eq!(there["Subject"], input["subject"]);
    assert_eq!(there["Priority"], "100");
    assert_eq!(there["Requestor"][0]["id"], "anna");
    assert_eq!(
        field(&there, "Tombolo reference"),
        &json!([input["reference"]])
    );
    for (name, expected) in [
        ("status", json!("new")),
        ("queue", json!("General")),
        ("priority", json!("high")),
        ("requester", json!("anna")),
        ("reference", input["reference"].clone()),
    ] {
        assert_eq!(made[name], expected, "{name} of {made}");
    }

    assert_eq!(
        ask(&host, "ticket.get", "g-1", &json!({ "id": id })).unwrap(),
        made
    );

    let reply = json!({ "id": id, "text": "It comes on Friday" });
    let reply = ask(&host, "ticket.reply", "r-1", &reply).unwrap();
    let comment = json!({ "id": id, "text": "Supplier called" });
    let comment = ask(&host, "ticket.comment", "m-1", &comment).unwrap();
    for (entry, kind) in [(&reply, "Correspond"), (&comment, "Comment")] {
        let transaction = root.get(&format!("/transaction/{}", entry["id"].as_str().unwrap()));
        assert_eq!(transaction["Type"], kind);
    }

    let version = ask(&host, "ticket.get", "g-2", &json!({ "id": id })).unwrap()["version"].clone();
    let change = json!({ "id": id, "status": "waiting", "queue": "Repairs", "priority": "urgent",
        "owner": "tombolo", "subject": "Press 4", "version": version });
    let changed = ask(&host, "ticket.update", "u-1", &change).unwrap();
    assert_ne!(changed["version"], version);
    assert_eq!(changed["status"], "waiting");
    let there = root.get(&format!("/ticket/{id}?fields%5BQueue%5D=Name"));
    assert_eq!(there["Status"], "stalled");
    assert_eq!(there["Queue"]["Name"], "Repairs");
    assert_eq!(there["Owner"]["id"], "tombolo");
    assert_eq!(there["Priority"], "150");
    assert_eq!(there["Subject"], "Press 4");
}

#[test]
fn the_profiles_own_cases_pass() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let site = site(rt.port, BASIC, "");
    let out = passes(&site, ("rt", "desk"), &ENVIRONMENT, &[]);
    assert!(out.contains("ticket.update"), "{out}");
}

#[test]
fn tickets_are_found_whatever_is_asked_for_and_page_by_page() {
    let (rt, host) = started();
    let tombolo = rt.user("tombolo", "tombolo-password");
    for number in 1..=5 {
        ticket(
            &tombolo,
            &json!({ "Queue": if number == 5 { "Repairs" } else { "General" }, "Subject": format!("It's machine {number}"),
                "Content": "x", "Requestor": "anna@example.com", "CustomFields": { "Tombolo reference": format!("CF-{number}'s") } }),
        );
    }
    let found = |id: &str, input: Value| -> Vec<String> {
        let output = ask(&host, "ticket.search", id, &input).unwrap();
        let tickets = output["tickets"].as_array().unwrap();
        let mut subjects: Vec<String> = tickets
            .iter()
            .map(|ticket| {
                ticket["subject"]
                    .as_str()
                    .unwrap()
                    .replace("It's machine ", "")
            })
            .collect();
        subjects.sort();
        subjects
    };
    assert_eq!(found("s-1", json!({ "text": "it's MACHINE" })).len(), 5);
    assert_eq!(found("s-2", json!({ "queue": "Repairs" })), ["5"]);
    assert_eq!(
        found("s-3", json!({ "queue": "General", "requester": "anna" })).len(),
        4
    );
    assert_eq!(
        found(
            "s-4",
            json!({ "requester": "anna@example.com", "status": "new" })
        )
        .len(),
        5
    );
    assert_eq!(found("s-5", json!({ "status": "solved" })), [""; 0]);
    assert_eq!(found("s-6", json!({ "reference": "CF-3's" })), ["3"]);
    // What would be another query if it left its quotes.
    for (id, text) in [
        ("s-7", "x' OR id > 0 OR Subject = 'x"),
        ("s-8", "x\\"),
        ("s-9", "CF.{Tombolo reference}"),
    ] {
        assert_eq!(found(id, json!({ "text": text })), [""; 0], "{text}");
    }
    let cf = ask(
        &host,
        "ticket.search",
        "s-10",
        &json!({ "reference": "CF.{Tombolo reference}" }),
    );
    refused(cf, "invalid-input", "name of a field");

    let mut seen = Vec::new();
    let mut input = json!({ "limit": 2 });
    for page in 1..=3 {
        let output = ask(&host, "ticket.search", &format!("p-{page}"), &input).unwrap();
        for ticket in output["tickets"].as_array().unwrap() {
            seen.push(ticket["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(output.get("next").is_some(), page < 3, "{output}");
        input = json!({ "after": output["next"] });
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[test]
fn what_is_not_there_and_what_request_tracker_refuses_is_told() {
    let (rt, host) = started();
    let tombolo = rt.user("tombolo", "tombolo-password");
    let id = ticket(
        &tombolo,
        &json!({ "Queue": "General", "Subject": "a", "Content": "b" }),
    );
    for (number, wrong) in ["999", "abc", "1/history"].into_iter().enumerate() {
        for (action, more) in [
            ("ticket.get", json!({})),
            ("ticket.reply", json!({ "text": "x" })),
            ("ticket.comment", json!({ "text": "x" })),
            ("ticket.update", json!({ "status": "open" })),
        ] {
            let mut input = json!({ "id": wrong });
            input
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let result = ask(&host, action, &format!("n-{number}"), &input);
            refused(result, "not-found", wrong);
        }
    }
    let create = |id: &str, more: Value| {
        let mut input = json!({ "subject": "a", "text": "b" });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ask(&host, "ticket.create", id, &input)
    };
    refused(
        create("q-1", json!({ "queue": "Nowhere" })),
        "not-found",
        "Nowhere",
    );
    refused(
        create("q-2", json!({ "requester": "not an address @x" })),
        "invalid-input",
        "is no address",
    );
    refused(
        create("q-3", json!({ "requester": "nobodyknows" })),
        "invalid-input",
        "no user",
    );

    let update = |event: &str, more: Value| {
        let mut input = json!({ "id": id });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ask(&host, "ticket.update", event, &input)
    };
    refused(
        update("o-1", json!({ "owner": "nobodyknows" })),
        "rejected",
        "That user does not exist",
    );
    refused(
        update("o-2", json!({ "owner": "anna", "priority": "high" })),
        "rejected",
        "may not own tickets",
    );
    refused(
        update("o-3", json!({ "queue": "Nowhere" })),
        "rejected",
        "Queue Nowhere does not exist",
    );
    assert_eq!(
        rt.root().get(&format!("/ticket/{id}"))["Owner"]["id"],
        "Nobody"
    );
}

#[test]
fn a_change_of_an_old_version_is_a_conflict() {
    let (rt, host) = started();
    let tombolo = rt.user("tombolo", "tombolo-password");
    let id = ticket(
        &tombolo,
        &json!({ "Queue": "General", "Subject": "a", "Content": "b" }),
    );
    let read = ask(&host, "ticket.get", "g-1", &json!({ "id": id })).unwrap();
    correspond(&rt.root(), &id, "Wait, it runs again");
    let stale = json!({ "id": id, "status": "rejected", "version": read["version"] });
    refused(
        ask(&host, "ticket.update", "u-1", &stale),
        "conflict",
        "changed since",
    );
    assert_eq!(rt.root().get(&format!("/ticket/{id}"))["Status"], "open");
    let read = ask(&host, "ticket.get", "g-2", &json!({ "id": id })).unwrap();
    let fresh = json!({ "id": id, "status": "rejected", "version": read["version"] });
    let changed = ask(&host, "ticket.update", "u-2", &fresh).unwrap();
    assert_eq!(changed["status"], "rejected");
}

#[test]
fn an_answer_that_is_lost_does_nothing_twice() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let line = Lossy::to(rt.port);
    let host = Desk::start(line.port, BASIC, "", &ENVIRONMENT);
    let root = rt.root();

    line.lose("POST /REST/2.0/ticket ");
    let input = json!({ "subject": "Once", "text": "x", "reference": "once" });
    let made = ask(&host, "ticket.create", "c-1", &input).unwrap();
    assert!(line.has_lost());
    let id = made["id"].as_str().unwrap();
    let found = root.get("/tickets?query=Subject='Once'");
    assert_eq!(found["total"], 1, "{found}");

    for (action, verb, kind) in [
        ("ticket.reply", "correspond", "Correspond"),
        ("ticket.comment", "comment", "Comment"),
    ] {
        line.lose(&format!("POST /REST/2.0/ticket/{id}/{verb} "));
        let input = json!({ "id": id, "text": "Only once" });
        let written = ask(&host, action, "w-1", &input).unwrap();
        assert!(line.has_lost());
        let history = history(&root, id);
        assert_eq!(times(&history, kind), 1, "{history:?}");
        let there = root.get(&format!("/transaction/{}", written["id"].as_str().unwrap()));
        assert_eq!(there["Type"], kind);
    }

    let version = ask(&host, "ticket.get", "g-1", &json!({ "id": id })).unwrap()["version"].clone();
    line.lose(&format!("PUT /REST/2.0/ticket/{id} "));
    let input = json!({ "id": id, "status": "waiting", "version": version });
    let changed =
        ask(&host, "ticket.update", "u-1", &input).expect("its own first attempt is no conflict");
    assert!(line.has_lost());
    assert_eq!(changed["status"], "waiting");
}

#[test]
fn a_wrong_password_is_told_and_a_token_opens() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    let wrong = [("RT_PASSWORD", "wrong"), ENVIRONMENT[1]];
    let host = Desk::start(rt.port, BASIC, "", &wrong);
    refused(
        ask(&host, "ticket.get", "g-1", &json!({ "id": "1" })),
        "unauthorized",
        "401",
    );
    drop(host);

    let id = ticket(
        &rt.root(),
        &json!({ "Queue": "General", "Subject": "a", "Content": "b" }),
    );
    let credential = "{ header: { name: Authorization, value: \"env:RT_TOKEN\" } }";
    let token = format!("token {}", rt.token());
    let host = Desk::start(
        rt.port,
        credential,
        "",
        &[("RT_TOKEN", &token), ENVIRONMENT[1]],
    );
    let read = ask(&host, "ticket.get", "g-1", &json!({ "id": id })).unwrap();
    assert_eq!(read["subject"], "a");
}

#[test]
fn a_user_without_the_rights_is_told_which_and_writes_nothing_twice() {
    let rt = RequestTracker::start(RequestTracker::port(), "");
    // Carl may write but sets no custom field; Nora may not even look.
    for (user, kind, words) in [
        ("carl", "rejected", "ModifyCustomField"),
        ("nora", "unauthorized", "Forbidden"),
    ] {
        let credential = BASIC.replace("tombolo", user);
        let password = format!("{user}-password");
        let host = Desk::start(
            rt.port,
            &credential,
            "",
            &[("RT_PASSWORD", &password), ENVIRONMENT[1]],
        );
        let input = json!({ "subject": format!("By {user}"), "text": "x" });
        refused(ask(&host, "ticket.create", "c-1", &input), kind, words);
    }
    let made = rt.root().get("/tickets?query=Subject='By%20carl'");
    assert_eq!(made["total"], 1, "{made}");
}
