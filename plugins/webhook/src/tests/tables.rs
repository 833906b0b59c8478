//! CSV and fixed-width bodies: an event per row, lines that do not fit by their numbers.

use serde_json::{Value, json};
use tombolo_sdk::{Failure, Inbound, Reception};

use super::host;
use crate::Webhook;

fn posted(options: Value, body: &str) -> Result<Reception, Failure> {
    host(options)
        .start::<Webhook>()
        .receive(Inbound::post("alarm", body))
}

fn stock(format: Value) -> Value {
    json!({ "verify": "none", "type": "a", "format": format, "subject": "/sku", "id": "body" })
}

#[test]
fn each_row_is_an_event_with_the_text_as_it_stands() {
    let csv = stock(json!({ "csv": { "separator": ";" } }));
    let events = posted(csv.clone(), "sku;n\n007;1,50\n008;\n")
        .unwrap()
        .events;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].data, r#"{"sku":"007","n":"1,50"}"#);
    assert_eq!(events[1].subject.as_deref(), Some("008"));
    assert!(events[0].id.as_deref().unwrap().ends_with("/0"));
    let again = posted(csv, "sku;n\n007;1,50\n008;\n").unwrap().events;
    assert_eq!(
        again[1].id, events[1].id,
        "the same file is the same events"
    );

    let fixed = stock(json!({ "fixed-width": { "columns": [
        { "name": "sku", "from": 1, "width": 3 }, { "name": "n", "from": 4, "width": 4 },
    ] } }));
    let events = posted(fixed, "007  12\r\n").unwrap().events;
    assert_eq!(events[0].data, r#"{"sku":"007","n":"12"}"#);
}

#[test]
fn lines_that_do_not_fit_refuse_the_body_or_are_reported() {
    let refused = posted(stock(json!({ "csv": {} })), "sku,n\n1\n2,3\n4\n").unwrap_err();
    let Failure::InvalidInput(problems) = refused else {
        unreachable!()
    };
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[1].message, "line 4: found 1 fields, expected 2");
    let reported = stock(json!({ "csv": { "report": "b" } }));
    let events = posted(reported, "sku,n\n1\n2,3\n").unwrap().events;
    assert_eq!(
        (events[0].type_.as_str(), events[1].type_.as_str()),
        ("a", "b")
    );
    assert!(events[1].data.contains("\"line\":2"));
}

#[test]
fn what_the_mapping_misses_is_told_by_line() {
    let options = json!({ "verify": "none", "type": "a", "format": { "csv": {} }, "time": "/at" });
    let Failure::InvalidInput(problems) =
        posted(options, "at\n\n2026-01-01T00:00:00Z\nsoon\n").unwrap_err()
    else {
        unreachable!()
    };
    assert_eq!(problems[0].path, "/line 4/at");
    let mut both = stock(json!({ "csv": {} }));
    both["each"] = json!("/rows");
    assert!(posted(both, "").unwrap_err().message().contains("each"));
    let many = format!("sku\n{}", "1\n".repeat(1_001));
    let failure = posted(stock(json!({ "csv": {} })), &many).unwrap_err();
    assert!(failure.message().contains("1001 rows"), "{failure:?}");
}
