//! Feeds: in the order of changes, page by page, nothing lost where many changed at one instant.

use tombolo_sdk::{Failure, Page};

use super::*;

fn read(version: &str, replies: Vec<Reply>, cursor: Option<&str>) -> (Host, Result<Page, Failure>) {
    let entities = json!({ "order": {
        "service": "S", "set": "Orders", "key": ["No"], "types": { "Changed": "DateTimeOffset" },
        "fields": { "no": "No", "changed": "Changed" },
    } });
    let feed = json!({
        "entity": "order",
        "filter": { "Kind": { "ne": null } },
        "order": ["Changed", "No"],
        "event": { "type": "order.changed", "id": "{no}@{changed}", "subject": "{no}", "time": "{changed}" },
    });
    let host = Host::new(include_str!("../../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["GET /S/Orders"] } },
        "settings": { "version": version, "entities": entities },
        "feeds": { "orders": { "do": feed } },
        "emits": ["order.changed"],
    }));
    for reply in replies {
        host.reply("api", "GET", "/S/Orders", reply);
    }
    let page = host.start::<Odata>().read("orders", cursor, 2);
    (host, page)
}

#[test]
fn a_page_goes_on_behind_its_last_change_and_its_key() {
    for version in ["v2", "v4"] {
        let orders: Vec<Value> = ["1", "2", "3"].map(|no| order(version, no)).to_vec();
        let (host, page) = read(version, vec![list(version, &orders, None)], None);
        let page = page.unwrap();
        assert_eq!((page.events.len(), page.more), (2, true));
        let time = page.events[1].time.clone().unwrap();
        assert_eq!(page.events[1].id, Some(format!("2@{time}")));
        assert_eq!(page.cursor, Some(format!("[\"{time}\",\"2\"]")));
        assert_eq!(host.requests()[0].query[0].1, "Kind ne null");

        let (host, page) = read(
            version,
            vec![list(version, &orders[2..], None)],
            page.cursor.as_deref(),
        );
        let literal = if version == "v2" {
            format!("datetimeoffset'{time}'")
        } else {
            time
        };
        assert_eq!(
            host.requests()[0].query[0].1,
            format!(
                "Kind ne null and (Changed gt {literal} or (Changed eq {literal} and No gt '2'))"
            )
        );
        assert!(!page.unwrap().more);
    }
}

#[test]
fn a_feed_begins_where_the_operator_says_and_stays_where_nothing_is_new() {
    let (host, page) = read(
        "v4",
        vec![list("v4", &[], None)],
        Some("2026-01-01T00:00:00Z"),
    );
    assert_eq!(
        host.requests()[0].query[0].1,
        "Kind ne null and (Changed gt 2026-01-01T00:00:00Z)"
    );
    let page = page.unwrap();
    assert_eq!((page.cursor, page.more), (None, false));
}

#[test]
fn a_feed_that_cannot_go_on_says_so() {
    let orders: Vec<Value> = ["1", "2", "3"].map(v4_order).to_vec();
    let same = "[\"2026-01-01T00:00:00.5Z\",\"2\"]";
    let (_, page) = read("v4", vec![list("v4", &orders, None)], Some(same));
    assert!(page.unwrap_err().message().contains("ends where it began"));
    let mut unchanged = v4_order("1");
    unchanged["Changed"] = Value::Null;
    let (_, page) = read("v4", vec![list("v4", &[unchanged], None)], None);
    assert_eq!(page.unwrap_err().kind(), "invalid-input");
    let (_, page) = read("v4", vec![Reply::status(503)], None);
    assert_eq!(page.unwrap_err().kind(), "unavailable");
    let (host, page) = read("v4", vec![], Some("[\"x\"]"));
    assert_eq!(page.unwrap_err().kind(), "invalid-input");
    assert!(host.requests().is_empty());
}
