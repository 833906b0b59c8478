//! Pages of feeds.

use serde_json::{Value, json};
use tombolo_sdk::Page;
use tombolo_sdk::testing::Host;

use super::{at, decoded, host, reply};
use crate::Tryton;

fn row(id: u64, made: u32, written: Option<u32>) -> Value {
    json!({ "id": id, "create_date": at(made), "write_date": written.map(at) })
}

fn sale(id: u64) -> Value {
    json!({ "id": id, "state": "draft", "party": 1, "lines": [], "write_date": at(1) })
}

/// A page: what was only made, what was written, and the sales that are then read.
fn page(host: &Host, made: Value, written: Value, sales: &[u64], cursor: Option<&str>) -> Page {
    reply(host, "GET", "sale.sale", made);
    reply(host, "GET", "sale.sale", written);
    if !sales.is_empty() {
        reply(
            host,
            "GET",
            "sale.sale",
            sales.iter().map(|id| sale(*id)).collect(),
        );
    }
    host.start::<Tryton>().read("sales", cursor, 2).unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.events
        .iter()
        .filter_map(|event| event.id.as_deref())
        .collect()
}

#[test]
fn made_and_written_are_one_list_by_time() {
    let host = host();
    let made = json!([row(5, 2, None), row(6, 4, None)]);
    let written = json!([row(1, 0, Some(1)), row(2, 0, Some(3))]);
    let page = page(&host, made, written, &[1, 5], None);
    assert_eq!(
        ids(&page),
        [
            "sales/1@2026-01-01T00:00:01.000000Z",
            "sales/5@2026-01-01T00:00:02.000000Z"
        ]
    );
    assert!(page.more);
    assert_eq!(
        page.cursor.as_deref(),
        Some("2026-01-01T00:00:02.000000Z/0/5")
    );
    assert_eq!(page.events[0].subject.as_deref(), Some("1"));
}

#[test]
fn a_page_that_ends_within_one_moment_goes_on_in_it() {
    let host = host();
    let cursor = "2026-01-01T00:00:01.000000Z/0/2";
    let page = page(
        &host,
        json!([]),
        json!([row(3, 0, Some(1))]),
        &[3],
        Some(cursor),
    );
    assert_eq!(ids(&page), ["sales/3@2026-01-01T00:00:01.000000Z"]);
    let expected = json!([
        ["write_date", "!=", null],
        [
            "OR",
            [["write_date", ">", at(1)]],
            [["write_date", "=", at(1)], ["id", ">", 2]]
        ],
    ]);
    assert_eq!(decoded(&host, 2, "d"), expected);
    assert_eq!(
        decoded(&host, 2, "o"),
        json!([["write_date", "ASC"], ["id", "ASC"]])
    );
}

#[test]
fn the_end_looks_back_as_far_as_a_transaction_may_be_open() {
    // The clock of the tests' host stands at midnight; ten seconds later here.
    let end = |now: u64| {
        let host = host().at_ms(1_767_225_600_000 + now * 1000);
        page(&host, json!([]), json!([row(3, 0, Some(10))]), &[3], None).cursor
    };
    assert_eq!(end(20).as_deref(), Some("2025-12-31T23:55:20.000000Z/0/0"));
    assert_eq!(
        end(400).as_deref(),
        Some("2026-01-01T00:00:10.000000Z/0/3"),
        "nothing to wait for"
    );
}

#[test]
fn nothing_new_keeps_the_cursor() {
    let host = host().at_ms(1_767_225_600_000 + 400_000);
    let page = page(
        &host,
        json!([]),
        json!([]),
        &[],
        Some("2026-01-01T00:00:01Z"),
    );
    assert_eq!(
        page.cursor.as_deref(),
        Some("2026-01-01T00:00:01.000000Z/0/0")
    );
    assert!(page.events.is_empty() && !page.more);
}

#[test]
fn a_page_that_is_just_full_says_that_nothing_follows() {
    let host = host();
    let made = json!([row(8, 1, None), row(9, 2, None)]);
    let page = page(&host, made, json!([]), &[8, 9], None);
    assert_eq!(page.events.len(), 2);
    assert!(!page.more);
}

#[test]
fn a_record_that_is_gone_is_passed_over() {
    let host = host().at_ms(1_767_225_600_000 + 400_000);
    let page = page(
        &host,
        json!([row(8, 1, None), row(9, 2, None)]),
        json!([]),
        &[9],
        None,
    );
    assert_eq!(ids(&page), ["sales/9@2026-01-01T00:00:02.000000Z"]);
    assert_eq!(
        page.cursor.as_deref(),
        Some("2026-01-01T00:00:02.000000Z/0/9")
    );
}

#[test]
fn a_cursor_that_is_none_says_how_to_begin_anew() {
    let failure = host()
        .start::<Tryton>()
        .read("sales", Some("yesterday"), 2)
        .unwrap_err();
    assert!(failure.message().contains("yesterday"), "{failure:?}");
    assert!(failure.message().contains("--from"), "{failure:?}");
}
