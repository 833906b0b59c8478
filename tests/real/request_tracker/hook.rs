//! What the Scrip posts, and what somebody else could.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use tombolo_tests::host::{Response, TestHost, wait};

use super::{BASIC, Desk, ENVIRONMENT};
use crate::asked::events;
use crate::servers::request_tracker::{RequestTracker, SECRET, correspond, ticket};

fn started(port: u16) -> (Desk, RequestTracker) {
    let host = Desk::start(port, BASIC, "", &ENVIRONMENT);
    let hook = format!("http://{}/hooks/desk/change", host.address);
    (host, RequestTracker::start(port, &hook))
}

#[test]
fn what_happens_in_request_tracker_is_told_by_its_scrip() {
    let (host, rt) = started(RequestTracker::port());
    let (root, tombolo) = (rt.root(), rt.user("tombolo", "tombolo-password"));
    let id = ticket(
        &tombolo,
        &json!({ "Queue": "General", "Subject": "Press 4", "Content": "Es l\u{e4}uft nicht",
            "Requestor": "anna@example.com", "CustomFields": { "Tombolo reference": "P-4" } }),
    );
    let changed = wait("the new ticket", || events(&host, "ticket.changed").pop());
    assert_eq!(changed["subject"], id.as_str());
    for (name, expected) in [
        ("id", json!(id)),
        ("subject", json!("Press 4")),
        ("status", json!("new")),
        ("queue", json!("General")),
        ("requester", json!("anna")),
        ("reference", json!("P-4")),
        ("priority", json!("low")),
    ] {
        assert_eq!(changed["data"][name], expected, "{name}");
    }
    // What the Scrip says is the version that a change is asked for with.
    let etag = tombolo.send("GET", &format!("/ticket/{id}"), &Value::Null);
    let etag = etag.header("etag").unwrap().trim_matches('"').to_owned();
    assert_eq!(changed["data"]["version"], etag);

    correspond(&root, &id, "It comes on Friday");
    let body = json!({ "Content": "Supplier called", "ContentType": "text/plain" });
    root.send("POST", &format!("/ticket/{id}/comment"), &body);
    root.send(
        "PUT",
        &format!("/ticket/{id}"),
        &json!({ "Status": "stalled" }),
    );
    wait("the last change", || {
        let last = events(&host, "ticket.changed").pop()?;
        (last["data"]["status"] == "waiting").then_some(())
    });
    let entries: Vec<(Value, Value)> = wait("three entries", || {
        let entries = events(&host, "ticket.entry-added");
        (entries.len() == 3).then_some(entries)
    })
    .iter()
    .map(|event| {
        (
            event["data"]["text"].clone(),
            event["data"]["public"].clone(),
        )
    })
    .collect();
    for (text, public) in [
        ("Es l\u{e4}uft nicht", true),
        ("It comes on Friday", true),
        ("Supplier called", false),
    ] {
        assert!(
            entries.contains(&(json!(text), json!(public))),
            "{text}: {entries:?}"
        );
    }
    let statuses: Vec<Value> = events(&host, "ticket.changed")
        .iter()
        .map(|event| event["data"]["status"].clone())
        .collect();
    assert_eq!(
        statuses,
        ["new", "open", "waiting"],
        "each change once, in order"
    );
}

#[test]
fn posts_that_overtake_each_other_or_come_again_tell_nothing_wrong() {
    let (host, _rt) = started(RequestTracker::port());
    let status = |version: u64| match version {
        901 => "open",
        _ => "stalled",
    };
    let post = |version: u64, kind: &str| {
        let body = json!({
            "ticket": { "id": 7, "version": version, "subject": "a", "status": status(version), "queue": "General",
                "priority": 0, "requester": "anna", "owner": "Nobody", "reference": null, "changed": "2026-11-27T01:58:10Z" },
            "transactions": [{ "id": version, "type": kind, "field": null, "by": "anna", "at": "2026-11-27T01:58:10Z",
                "text": (kind == "Correspond").then_some("hello") }],
        });
        send(&host, &body, SECRET, 0)
    };
    for (version, kind) in [
        (902, "Status"),
        (901, "Status"),
        (902, "Status"),
        (900, "Correspond"),
        (900, "Correspond"),
        (903, "EmailRecord"),
    ] {
        assert_eq!(post(version, kind).status, 202, "{version} {kind}");
    }
    let changed = events(&host, "ticket.changed");
    assert_eq!(
        changed.len(),
        1,
        "the older state came too late: {changed:?}"
    );
    assert_eq!(changed[0]["data"]["status"], "waiting");
    let entries = events(&host, "ticket.entry-added");
    assert_eq!(
        entries.len(),
        1,
        "what was written is never too late, and comes once: {entries:?}"
    );
    assert_eq!(entries[0]["data"]["id"], "900");
}

#[test]
fn who_does_not_know_the_secret_tells_nothing() {
    let (host, _rt) = started(RequestTracker::port());
    let body = json!({ "ticket": { "id": 7, "version": 9, "status": "open", "queue": "General", "priority": 0,
        "changed": "2026-11-27T01:58:10Z" }, "transactions": [] });
    let other = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    assert_eq!(send(&host, &body, other, 0).status, 401);
    assert_eq!(send(&host, &body, SECRET, 3600).status, 401, "an hour old");
    let bare = host.send(
        "POST",
        "/hooks/desk/change",
        &[],
        body.to_string().as_bytes(),
    );
    assert_eq!(bare.status, 401);
    assert_eq!(send(&host, &body, SECRET, 0).status, 202);
    assert_eq!(send(&host, &json!({ "other": 1 }), SECRET, 0).status, 422);
}

/// Posts to the hook, signed so many seconds ago.
fn send(host: &TestHost, body: &Value, secret: &str, ago: u64) -> Response {
    let body = body.to_string();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let time = (now - ago).to_string();
    let key = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("rt-1.{time}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag));
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", "rt-1"),
        ("webhook-timestamp", time.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    host.send("POST", "/hooks/desk/change", &headers, body.as_bytes())
}
