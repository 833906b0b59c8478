#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::json::{JsonProblem, check, check_untrusted};
use super::*;

mod mutated;

const NOW: &str = "2026-11-22T10:00:00.000Z";

fn read(text: &str) -> Result<Event, EventError> {
    Event::from_cloudevents_json(text.as_bytes(), NOW)
}

fn with(fields: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"plant","type":"device.alarm"{fields}}}"#)
}

#[test]
fn data_stays_the_text_it_came_as() {
    let event = read(&with(
        r#","data":{"b": 1.50,  "a":"\u00e9"},"subject":"pump","time":"2026-01-02T03:04:05+08:00""#,
    ))
    .unwrap();
    assert_eq!(event.data.get(), r#"{"b": 1.50,  "a":"\u00e9"}"#);
    assert_eq!(
        (event.subject.as_deref(), event.time.as_str()),
        (Some("pump"), "2026-01-02T03:04:05+08:00")
    );
}

#[test]
fn absent_and_null_attributes_have_defaults() {
    for fields in [
        "",
        r#","time":null,"subject":null,"data":null,"datacontenttype":null,"data_base64":null,"foo":null"#,
    ] {
        let event = read(&with(fields)).unwrap();
        assert_eq!(
            (event.time.as_str(), event.data.get(), event.subject),
            (NOW, "null", None),
            "{fields}"
        );
    }
}

#[test]
fn json_content_types_are_taken() {
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "text/json",
        "application/vnd.x+json",
    ] {
        assert!(
            read(&with(&format!(
                r#","datacontenttype":"{content_type}","dataschema":"https://x.example/s""#
            )))
            .is_ok(),
            "{content_type}"
        );
    }
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let long = format!(r#","subject":"{}""#, "x".repeat(EVENT_NAME + 1));
    let deep = format!(
        r#","data":{}{}"#,
        "[".repeat(JSON_DEPTH + 1),
        "]".repeat(JSON_DEPTH + 1)
    );
    let large = format!(r#","data":"{}""#, "x".repeat(JSON_BYTES));
    for (fields, field, problem) in [
        (
            r#","data_base64":"AAAA""#,
            "data_base64",
            "send JSON in `data`",
        ),
        (r#","tombolohops":3"#, "tombolohops", "only this host"),
        (r#","tombolocause":"1.x""#, "tombolocause", "only this host"),
        (r#","tomboloroot":1"#, "tomboloroot", "only this host"),
        (
            r#","traceparent":"00-1""#,
            "event",
            "extension attribute `traceparent`",
        ),
        (
            r#","datacontenttype":"text/xml""#,
            "datacontenttype",
            "found `text/xml`",
        ),
        (
            r#","datacontenttype":"json""#,
            "datacontenttype",
            "found `json`",
        ),
        (r#","time":"yesterday""#, "time", "RFC 3339"),
        (r#","time":"2026-01-02 03:04:05Z""#, "time", "RFC 3339"),
        (r#","time":"2026-01-02T03:04:05""#, "time", "RFC 3339"),
        (r#","time":"2026-13-02T03:04:05Z""#, "time", "RFC 3339"),
        (r#","time":"2026-01-02T03:04:05Z[UTC]""#, "time", "RFC 3339"),
        (r#","subject":"""#, "subject", "empty"),
        (r#","subject":"a\nb""#, "subject", "control character"),
        (&long, "subject", "bytes"),
        (&deep, "data", "nested deeper"),
        (&large, "data", "bytes of JSON"),
        (r#","data":"\ud800""#, "data", "surrogate"),
        (r#","data":{"#, "event", "expected one CloudEvents"),
        (r#","id":"2""#, "event", "`id` twice"),
        (r#","data":1,"data":2"#, "event", "`data` twice"),
        (r#","subject":7"#, "event", "expected a string"),
    ] {
        let error = read(&with(fields)).expect_err(fields);
        assert!(
            error.field == field && error.problem.contains(problem),
            "{fields}: {error}"
        );
    }
}

#[test]
fn the_hosts_own_sources_cannot_be_claimed() {
    for source in ["/systems/erp", "/systems", "/flows/x"] {
        let error = read(&with("").replace("plant", source)).unwrap_err();
        assert_eq!(error.field, "source", "{source}");
    }
    assert!(read(&with("").replace("plant", "/systemsx")).is_ok());
    let claimed = with("").replace("device.alarm", "tombolo.system-down");
    assert_eq!(read(&claimed).unwrap_err().field, "type");
}

#[test]
fn what_is_not_one_event_is_refused() {
    for text in [
        "",
        "[]",
        "null",
        "7",
        "{}",
        "{\"specversion\":\"0.3\"}",
        "\u{feff}{}",
        r#"{"specversion":"1.0"}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(Event::from_cloudevents_json(b"{\"id\":\"\xff\"}", NOW).is_err());
    assert!(read(&with("").replace("1.0", "1.1")).is_err());
    let nested = format!("{{\"x\":{}", "[".repeat(500_000));
    assert!(read(&nested).is_err());
}

#[test]
fn an_event_that_was_caused_too_often_is_refused() {
    let mut event = read(&with("")).unwrap();
    event.hops = HOPS;
    assert_eq!(event.check(), Ok(()));
    event.hops += 1;
    assert_eq!(event.check().unwrap_err().field, "tombolohops");
}

#[test]
fn brackets_in_strings_are_not_nesting() {
    assert_eq!(check(r#"["[[[\"[[[", {"a]": "\\"}]"#, 100, 2), Ok(()));
    assert_eq!(
        check("[[[]]]", 100, 2),
        Err(JsonProblem::TooDeep { most: 2 })
    );
    assert_eq!(check("[[],[],[]]", 100, 2), Ok(()));
    assert_eq!(
        check("[1,2]", 4, 2),
        Err(JsonProblem::TooLong { found: 5, most: 4 })
    );
}

#[test]
fn surrogates_come_in_pairs() {
    for (text, right) in [
        (r#""\ud83d\ude00""#, true),
        (r#""\\ud800""#, true),
        (r#""\u00e9""#, true),
        (r#""\ud83d""#, false),
        (r#""\ude00""#, false),
        (r#""\ud83d\ud83d""#, false),
        (r#""\ud83dx\ude00""#, false),
        (r#""\ud83d\n""#, false),
        (r#"{"\udc00":1}"#, false),
    ] {
        assert_eq!(check_untrusted(text, 100, 5).is_ok(), right, "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(text).is_ok(),
            right,
            "serde_json: {text}"
        );
    }
}

#[test]
fn untrusted_text_must_be_json() {
    for text in ["", "{", "{a:1}", "[1,]", "01", "nul", "\"", "1 2"] {
        assert!(
            matches!(
                check_untrusted(text, 100, 5),
                Err(JsonProblem::Malformed(_))
            ),
            "{text}"
        );
    }
}
