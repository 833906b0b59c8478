//! Pages of transactions.

use serde_json::{Value, json};
use tombolo_sdk::Page;
use tombolo_sdk::testing::{Host, Reply};

use super::{answer, host, list};
use crate::RequestTracker;

fn transaction(id: u64, ticket: u64, kind: &str, second: u64) -> Value {
    json!({ "id": id.to_string(), "ObjectId": ticket.to_string(), "Type": kind, "Creator": { "id": "anna" },
        "Created": format!("2026-01-01T00:00:{second:02}Z") })
}

/// A page of them, at 00:00:30.
fn page(host: &Host, transactions: Value) {
    let reply = list(transactions).header("date", "Thu, 01 Jan 2026 00:00:30 GMT");
    host.reply("api", "GET", "/transactions", reply);
}

fn read(host: &Host, cursor: Option<&str>) -> Page {
    host.start::<RequestTracker>()
        .read("changes", cursor, 100)
        .unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.events
        .iter()
        .map(|event| event.id.as_deref().unwrap())
        .collect()
}

#[test]
fn a_page_tells_each_entry_and_each_ticket_once() {
    let host = host();
    page(
        &host,
        json!([
            transaction(42, 7, "Create", 1),
            transaction(43, 7, "EmailRecord", 1),
            transaction(44, 8, "Create", 1),
            transaction(45, 7, "Status", 1),
        ]),
    );
    let parts = json!([{ "id": "1", "ContentType": "multipart/mixed" }, { "id": "2", "ContentType": "text/html" },
        { "id": "3", "ContentType": "text/plain", "Filename": "log.txt" }, { "id": "4", "ContentType": "text/plain", "Filename": "" }]);
    host.reply("api", "GET", "/transaction/42/attachments", list(parts));
    host.reply(
        "api",
        "GET",
        "/attachment/4",
        Reply::json(200, json!({ "Content": "w7xiZX\nI=\n" })),
    );
    host.reply("api", "GET", "/transaction/44/attachments", list(json!([])));
    host.reply("api", "GET", "/ticket/8", answer(8, 44, json!({})));
    host.reply("api", "GET", "/ticket/7", answer(7, 45, json!({})));
    let read = read(&host, Some("41"));
    assert_eq!(ids(&read), ["entry-42", "changed-44", "changed-45"]);
    assert_eq!(read.cursor.as_deref(), Some("45"));
    assert!(read.more);
    let entry: Value = serde_json::from_str(&read.events[0].data).unwrap();
    assert_eq!(entry["text"], "\u{fc}ber");
    let query = host.requests()[0].query.clone();
    assert!(
        query.contains(&(
            "query".into(),
            "(ObjectType = 'RT::Ticket') AND (id > '41')".into()
        )),
        "{query:?}"
    );
}

#[test]
fn what_is_younger_than_the_margin_waits() {
    let host = host();
    page(
        &host,
        json!([
            transaction(42, 7, "Told", 20),
            transaction(43, 7, "Told", 21),
            transaction(44, 7, "Told", 20)
        ]),
    );
    let read = read(&host, Some("41"));
    assert_eq!((read.cursor.as_deref(), read.more), (Some("42"), false));
}

#[test]
fn an_empty_page_leaves_the_cursor() {
    let host = host();
    page(&host, json!([]));
    let read = read(&host, Some("41"));
    assert_eq!(
        (read.cursor, read.more, read.events.len()),
        (None, false, 0)
    );
}

#[test]
fn a_ticket_that_is_gone_does_not_stop_the_feed() {
    let host = host();
    page(
        &host,
        json!([
            transaction(42, 7, "Status", 1),
            transaction(43, 8, "Status", 1)
        ]),
    );
    host.reply(
        "api",
        "GET",
        "/ticket/7",
        Reply::json(404, json!({ "message": "Not Found" })),
    );
    host.reply(
        "api",
        "GET",
        "/ticket/8",
        Reply::json(403, json!({ "message": "Forbidden" })),
    );
    let read = read(&host, None);
    assert_eq!((read.events.len(), read.cursor.as_deref()), (0, Some("43")));
}

#[test]
fn a_cursor_that_is_none_is_told() {
    let failure = host()
        .start::<RequestTracker>()
        .read("changes", Some("2026-01-01"), 10)
        .unwrap_err();
    assert_eq!(failure.kind(), "internal");
}
