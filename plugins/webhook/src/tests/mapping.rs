//! From a verified body to events.

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Running};
use tombolo_sdk::{Event, Failure, Inbound, Reception};

use super::{MANIFEST, host, only};
use crate::Webhook;

fn open(options: Value) -> Running<Webhook> {
    host(options).start()
}

// === from body to event ===

const BODY: &str = r#"{"kind": "ALARM", "id": 17, "device": "P-4", "at": "2026-11-22T10:00:00Z", "payload": {"temperature": 81.50, "big": 12345678901234567890}, "none": null}"#;

fn mapped(mut options: Value, body: &str) -> Result<Reception, Failure> {
    options["verify"] = json!("none");
    open(options).receive(
        Inbound::post("alarm", body)
            .with_header("X-Kind", "ok")
            .with_header("X-Id", "h-1"),
    )
}

#[test]
fn parts_are_taken_by_pointer_and_data_stays_the_text_it_was() {
    let options = json!({
        "type": { "pointer": "/kind", "map": { "ALARM": "device.alarm" } },
        "id": "/id", "subject": "/device", "time": "/at", "data": "/payload",
    });
    let event = only(mapped(options, BODY).unwrap());
    let expected = Event::new(
        "device.alarm",
        r#"{"temperature": 81.50, "big": 12345678901234567890}"#.into(),
    )
    .with_id("17")
    .with_subject("P-4")
    .with_time("2026-11-22T10:00:00Z");
    assert_eq!(event, expected);
    let whole = only(mapped(json!({ "type": "a" }), BODY).unwrap());
    assert_eq!(whole, Event::new("a", BODY.into()));
}

#[test]
fn the_type_is_constant_mapped_prefixed_or_skipped() {
    let cases = [
        (json!("a"), Ok(Some("a"))),
        (
            json!({ "pointer": "/kind", "map": { "ALARM": "a" } }),
            Ok(Some("a")),
        ),
        (
            json!({ "pointer": "/device", "map": { "P-4": "b" } }),
            Ok(Some("b")),
        ),
        (
            json!({ "header": "X-Kind", "prefix": "device." }),
            Ok(Some("device.ok")),
        ),
        (
            json!({ "header": "X-Kind", "prefix": "device.", "map": { "ok": "a" } }),
            Ok(Some("a")),
        ),
        (
            json!({ "pointer": "/kind", "map": { "OTHER": "a" }, "unmapped": "skip" }),
            Ok(None),
        ),
        (
            json!({ "pointer": "/kind", "map": { "OTHER": "a" } }),
            Err("invalid-input"),
        ),
        (json!({ "pointer": "/missing" }), Err("invalid-input")),
        (json!({ "pointer": "/payload" }), Err("invalid-input")),
        (json!({ "header": "x-missing" }), Err("invalid-input")),
        (json!({ "map": {} }), Err("internal")),
        (json!({ "pointer": "/a", "header": "b" }), Err("internal")),
        (json!({ "pointer": "kind" }), Err("internal")),
    ];
    for (option, expected) in cases {
        let result = mapped(json!({ "type": option }), BODY);
        let found = match &result {
            Ok(reception) => Ok(reception.events.first().map(|event| event.type_.as_str())),
            Err(failure) => Err(failure.kind()),
        };
        assert_eq!(found, expected, "{option}");
    }
}

#[test]
fn the_id_is_a_pointer_a_header_or_the_bodys_digest() {
    let id = |option: Value, body: &str| {
        mapped(json!({ "type": "a", "id": option }), body).map(|reception| only(reception).id)
    };
    assert_eq!(id(json!("/id"), BODY), Ok(Some("17".into())));
    assert_eq!(
        id(json!({ "header": "X-Id" }), BODY),
        Ok(Some("h-1".into()))
    );
    // SHA-256 of `{}`.
    assert_eq!(
        id(json!("body"), "{}"),
        Ok(Some(
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".into()
        ))
    );
    assert_eq!(
        id(json!("/none"), BODY).unwrap_err().kind(),
        "invalid-input",
        "without its id an event would not be told from its repeat"
    );
    assert_eq!(id(json!("id"), BODY).unwrap_err().kind(), "internal");
}

#[test]
fn each_element_is_an_event_with_an_id_of_its_own() {
    let body = r#"{"items": [{"n": 1, "s": "x"}, {"n": 2, "s": "y"}]}"#;
    let reception = mapped(
        json!({ "type": "a", "each": "/items", "id": "/n", "data": "", "subject": "/s" }),
        body,
    )
    .unwrap();
    let found: Vec<_> = reception
        .events
        .iter()
        .map(|event| {
            (
                event.id.as_deref(),
                event.subject.as_deref(),
                event.data.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some("1"), Some("x"), r#"{"n": 1, "s": "x"}"#),
            (Some("2"), Some("y"), r#"{"n": 2, "s": "y"}"#)
        ]
    );

    let reception = mapped(
        json!({ "type": "a", "each": "/items", "id": { "header": "x-id" } }),
        body,
    )
    .unwrap();
    let ids: Vec<_> = reception
        .events
        .iter()
        .map(|event| event.id.as_deref())
        .collect();
    assert_eq!(ids, [Some("h-1/0"), Some("h-1/1")]);

    let failure = mapped(json!({ "type": "a", "each": "/items", "id": "/m" }), body).unwrap_err();
    assert!(
        matches!(&failure, Failure::InvalidInput(problems) if problems[0].path == "/items/0/m"),
        "{failure:?}"
    );
    assert_eq!(
        mapped(json!({ "type": "a", "each": "/other" }), body)
            .unwrap_err()
            .kind(),
        "invalid-input"
    );
    assert_eq!(
        mapped(json!({ "type": "a", "each": "/items" }), r#"{"items": []}"#)
            .unwrap()
            .events
            .len(),
        0
    );
}

#[test]
fn what_cannot_be_an_event_is_told_to_the_sender() {
    for (options, body) in [
        (json!({ "type": "a" }), ""),
        (json!({ "type": "a" }), "{"),
        (json!({ "type": "a" }), "{} {}"),
        (json!({ "type": "a", "id": "/id" }), "{\"id\": 1} x"),
        (json!({ "type": "a", "data": "/data" }), "{}"),
        (
            json!({ "type": "a", "time": "/at" }),
            r#"{"at": "yesterday"}"#,
        ),
        (json!({ "type": "a", "subject": "/at" }), r#"{"at": {}}"#),
    ] {
        assert_eq!(
            mapped(options.clone(), body).unwrap_err().kind(),
            "invalid-input",
            "{options} {body}"
        );
    }
    let absent = only(mapped(json!({ "type": "a", "subject": "/x", "time": "/x" }), "{}").unwrap());
    assert_eq!((absent.subject, absent.time), (None, None));
}

#[test]
fn a_hook_that_cannot_work_names_its_field_and_leaves_the_others_alone() {
    let host = Host::new(MANIFEST).system(json!({
        "hooks": {
            "good": { "do": { "verify": "none", "type": "a" } },
            "bad": { "do": { "verify": "none", "type": "a", "subjekt": "/x" } },
            "open": { "do": { "type": "a" } },
        },
        "emits": ["a"],
    }));
    let hooks = host.start::<Webhook>();
    assert!(hooks.receive(Inbound::post("good", "{}")).is_ok());
    for (hook, field) in [("bad", "subjekt"), ("open", "verify")] {
        let failure = hooks.receive(Inbound::post(hook, "{}")).unwrap_err();
        assert_eq!(failure.kind(), "internal");
        assert!(
            failure
                .message()
                .starts_with(&format!("hooks.{hook}.do in the system file: ")),
            "{failure:?}"
        );
        assert!(failure.message().contains(field), "{failure:?}");
    }
}
