//! Feeds: what is asked for, what becomes of the items, where the next page begins.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};
use tombolo_sdk::{Failure, Page};

use crate::Rest;

fn feed(more: Value) -> Value {
    let mut feed = json!({
        "path": "/orders",
        "query": { "since": "{cursor?}", "limit": "{limit}" },
        "items": "/data",
        "cursor": { "item": "/changed" },
        "event": { "type": "order.changed", "id": "{no}@{changed}", "time": "{changed}" },
    });
    feed.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    feed
}

fn read(feed: Value, reply: Reply, cursor: Option<&str>) -> (Host, Result<Page, Failure>) {
    let host = Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["GET /orders"] } },
        "feeds": { "orders": { "do": feed } },
        "emits": ["order.changed", "order.bad-line"],
    }));
    host.reply("api", "GET", "/orders", reply);
    let page = host.start::<Rest>().read("orders", cursor, 2);
    (host, page)
}

fn order(no: u32, minute: u32) -> Value {
    json!({ "no": no, "changed": format!("2026-01-01T00:0{minute}:00Z") })
}

#[test]
fn a_full_page_goes_on_behind_its_last_item() {
    let reply = || Reply::json(200, json!({ "data": [order(1, 1), order(2, 2)] }));
    let (host, page) = read(feed(json!({})), reply(), None);
    let page = page.unwrap();
    assert_eq!(
        host.requests()[0].query,
        [("limit".to_owned(), "2".to_owned())]
    );
    assert_eq!(page.cursor.as_deref(), Some("2026-01-01T00:02:00Z"));
    assert!(page.more);
    assert_eq!(page.events[0].id.as_deref(), Some("1@2026-01-01T00:01:00Z"));
    assert_eq!(page.events[1].data, order(2, 2).to_string());

    let (host, page) = read(feed(json!({})), reply(), Some("2026-01-01T00:02:00Z"));
    assert_eq!(host.requests()[0].query[0].1, "2026-01-01T00:02:00Z");
    assert!(
        !page.unwrap().more,
        "the same cursor again: nothing newer is there"
    );

    let (_, page) = read(
        feed(json!({})),
        Reply::json(200, json!({ "data": [] })),
        Some("x"),
    );
    let page = page.unwrap();
    assert_eq!(
        (page.cursor, page.more, page.events.len()),
        (None, false, 0)
    );
}

#[test]
fn items_are_told_in_our_names() {
    let shaped = json!({ "output": { "number": { "pointer": "/no", "as": "text" }, "at": "/changed" },
        "event": { "type": "order.changed", "id": "{number}@{at}" } });
    let reply = Reply::json(200, json!({ "data": [order(1, 1)] }));
    let (_, page) = read(feed(shaped), reply, None);
    let page = page.unwrap();
    assert_eq!(page.events[0].id.as_deref(), Some("1@2026-01-01T00:01:00Z"));
    let data: Value = serde_json::from_str(&page.events[0].data).unwrap();
    assert_eq!(data, json!({ "number": "1", "at": "2026-01-01T00:01:00Z" }));
    assert_eq!(page.cursor.as_deref(), Some("2026-01-01T00:01:00Z"));
}

#[test]
fn a_cursor_in_the_answer_ends_with_the_list() {
    let by_answer = || feed(json!({ "cursor": { "answer": "/next" } }));
    let (_, page) = read(
        by_answer(),
        Reply::json(200, json!({ "data": [order(1, 1)], "next": 7 })),
        None,
    );
    let page = page.unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("7"), true));
    for end in [json!(null), json!(""), json!(false)] {
        let (_, page) = read(
            by_answer(),
            Reply::json(200, json!({ "data": [], "next": end })),
            Some("7"),
        );
        assert!(!page.unwrap().more);
    }
}

#[test]
fn a_csv_page_becomes_events_line_by_line() {
    let csv = |cursor: Value, more: Value| {
        let mut csv = json!({ "columns": ["no", "changed"] });
        csv.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        feed(json!({ "format": { "csv": csv }, "cursor": cursor }))
    };
    let text = "no,changed\n007,2026-01-01T00:01:00Z\nbad\n008,2026-01-01T00:02:00Z\n009,2026-01-01T00:03:00Z\n";
    let line = json!({ "line": true });
    let report = json!({ "report": "order.bad-line" });
    let (_, page) = read(
        csv(line.clone(), report.clone()),
        Reply::status(200).body(text),
        None,
    );
    let page = page.unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("4"), true));
    assert_eq!(
        page.events[0].data,
        r#"{"no":"007","changed":"2026-01-01T00:01:00Z"}"#
    );
    assert_eq!(page.events[2].type_, "order.bad-line");
    let (_, page) = read(
        csv(line.clone(), report),
        Reply::status(200).body(text),
        Some("4"),
    );
    let page = page.unwrap();
    assert_eq!(
        (page.cursor.as_deref(), page.more, page.events.len()),
        (Some("5"), false, 1)
    );
    let (_, page) = read(csv(line, json!({})), Reply::status(200).body(text), None);
    assert_eq!(
        page.unwrap_err().message(),
        "line 3: found 1 fields, expected 2"
    );
}

#[test]
fn a_fixed_width_page_becomes_events_line_by_line() {
    let options = json!({
        "columns": [
            { "name": "no", "from": 1, "width": 4 },
            { "name": "changed", "from": 5, "width": 20 },
            { "name": "what", "from": 25, "width": 6 },
        ],
        "skip": 1,
        "report": "order.bad-line",
    });
    let fixed =
        || feed(json!({ "format": { "fixed-width": options }, "cursor": { "line": true } }));
    let at = "2026-01-01T00:01:00Z";
    let text = format!("ORDERS\n007 {at}Möbel\nbad\n008 {at} 1,50\n009 {at}-\n");
    let (_, page) = read(fixed(), Reply::status(200).body(text.clone()), None);
    let page = page.unwrap();
    assert_eq!(
        page.events[0].data,
        format!(r#"{{"no":"007","changed":"{at}","what":"Möbel"}}"#)
    );
    assert_eq!(page.events[0].id, Some(format!("007@{at}")));
    assert!(page.events[1].data.contains(r#""what":"1,50""#));
    assert_eq!(page.events[2].type_, "order.bad-line");
    assert!(page.events[2].data.contains(r#""line":3"#));
    assert!(page.more);
    let (_, rest) = read(
        fixed(),
        Reply::status(200).body(text),
        page.cursor.as_deref(),
    );
    let rest = rest.unwrap();
    assert_eq!((rest.events.len(), rest.more), (1, false));
    assert!(rest.events[0].data.starts_with(r#"{"no":"009""#));
}

#[test]
fn what_the_system_or_the_operator_got_wrong_is_said() {
    let (_, page) = read(
        feed(json!({})),
        Reply::json(200, json!({ "rows": [] })),
        None,
    );
    assert_eq!(page.unwrap_err().kind(), "unavailable");
    let (_, page) = read(
        feed(json!({})),
        Reply::json(200, json!({ "data": [{ "no": 1 }] })),
        None,
    );
    let Failure::InvalidInput(problems) = page.unwrap_err() else {
        unreachable!()
    };
    assert!(problems[0].path.starts_with("/data/0"), "{problems:?}");
    let (_, page) = read(feed(json!({})), Reply::json(503, json!({})), None);
    assert_eq!(page.unwrap_err().kind(), "unavailable");
    let both = feed(json!({ "cursor": { "item": "/a", "answer": "/b" } }));
    let (_, page) = read(both, Reply::json(200, json!({})), None);
    assert!(page.unwrap_err().message().contains("feeds.orders.do"));
}
