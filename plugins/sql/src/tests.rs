#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::sql::{Error, Outcome};
use tombolo_sdk::testing::Host;

use crate::Sql;

fn host(operation: Value) -> Host {
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "db": { "statements": {
            "stock": { "effect": "read", "text": "SELECT on_hand FROM stock WHERE sku = :sku AND day::date = ':no'" },
            "request": { "effect": "write", "text": "INSERT INTO requests (key, sku, quantity) VALUES (:key, :sku, :quantity)" },
        } } },
        "actions": { "it": { "effect": "read", "do": operation } },
    }))
}

#[test]
fn the_result_is_all_rows_one_the_first_or_a_count() {
    let two = json!([{ "on_hand": 1 }, { "on_hand": 2 }]);
    let one = json!([{ "on_hand": 1 }]);
    let cases = [
        ("rows", two.clone(), Ok(two.clone())),
        ("rows", json!([]), Ok(json!([]))),
        ("one", one.clone(), Ok(json!({ "on_hand": 1 }))),
        ("one", json!([]), Err("not-found")),
        ("one", two.clone(), Err("conflict")),
        ("first", two, Ok(json!({ "on_hand": 1 }))),
        ("first", json!([]), Ok(Value::Null)),
    ];
    for (result, rows, expected) in cases {
        let host = host(json!({ "statement": "stock", "result": result }));
        host.rows("db", "stock", rows.clone());
        let found = host.start::<Sql>().act("it", json!({ "sku": "A" }));
        assert_eq!(
            found.as_ref().map_err(Failure::kind),
            expected.as_ref().map_err(|kind| *kind),
            "{result} of {rows}"
        );
    }
    let host = host(json!({ "statement": "request", "result": "affected" }));
    host.affected("db", "request", 3);
    assert_eq!(
        host.start::<Sql>()
            .act("it", json!({ "key": 1, "sku": "A", "quantity": 2 })),
        Ok(json!({ "affected": 3 }))
    );
}

#[test]
fn a_number_keeps_every_digit() {
    let host = host(json!({ "statement": "stock", "result": "one" }));
    let rows = r#"[{"on_hand": "12345678901234567890.1234567890"}]"#;
    host.outcome(
        "db",
        "stock",
        Ok(Outcome {
            rows: rows.into(),
            affected: 0,
        }),
    );
    assert_eq!(
        host.start::<Sql>().act("it", json!({ "sku": "A" })),
        Ok(json!({ "on_hand": "12345678901234567890.1234567890" }))
    );
}

#[test]
fn parameters_are_the_input_or_made_of_it() {
    let plain = host(json!({ "statement": "stock" }));
    plain.rows("db", "stock", json!([]));
    plain
        .start::<Sql>()
        .act("it", json!({ "sku": "A'; DROP TABLE stock; --" }))
        .unwrap();
    assert_eq!(
        plain.statements()[0].parameters,
        json!({ "sku": "A'; DROP TABLE stock; --" })
    );

    let made = host(json!({
        "statement": "request",
        "parameters": { "key": "{idempotency-key}", "sku": "S-{/part/sku}", "quantity": "{quantity}" },
        "result": "affected",
    }));
    made.affected("db", "request", 1);
    made.start::<Sql>()
        .act("it", json!({ "part": { "sku": 4 }, "quantity": 2.5 }))
        .unwrap();
    assert_eq!(
        made.statements()[0].parameters,
        json!({ "key": "test-key", "sku": "S-4", "quantity": 2.5 })
    );
}

#[test]
fn a_parameter_that_is_missing_or_unknown_is_the_inputs_fault() {
    for input in [json!({}), json!({ "sku": "A", "more": 1 })] {
        let host = host(json!({ "statement": "stock" }));
        assert_eq!(
            host.start::<Sql>().act("it", input).unwrap_err().kind(),
            "invalid-input"
        );
        assert!(host.statements().is_empty(), "nothing was sent");
    }
    let host = host(json!({ "statement": "stock", "parameters": { "sku": "{sku}" } }));
    let failure = host.start::<Sql>().act("it", json!({})).unwrap_err();
    assert_eq!(
        failure,
        Failure::invalid_input("/sku", "is missing; this action needs it")
    );
}

#[test]
fn the_databases_errors_say_whether_trying_again_can_help() {
    let cases = [
        (Error::Constraint("23505: duplicate key".into()), "conflict"),
        (Error::Constraint("23503: foreign key".into()), "rejected"),
        (Error::Failed("42703: no such column".into()), "rejected"),
        (Error::Unreachable("refused".into()), "unavailable"),
        (Error::Timeout, "unavailable"),
        (Error::TooLarge(10_000), "rejected"),
        (Error::Denied("not granted".into()), "unauthorized"),
    ];
    for (error, kind) in cases {
        let host = host(json!({ "statement": "stock" }));
        host.outcome("db", "stock", Err(error.clone()));
        assert_eq!(
            host.start::<Sql>()
                .act("it", json!({ "sku": "A" }))
                .unwrap_err()
                .kind(),
            kind,
            "{error:?}"
        );
    }
}

#[test]
fn an_action_that_cannot_work_names_its_field() {
    for (operation, field) in [
        (json!({}), "statement"),
        (json!({ "statement": "stock", "result": "all" }), "all"),
        (
            json!({ "statement": "stock", "parameters": [] }),
            "parameters",
        ),
        (
            json!({ "statement": "stock", "parameters": { "sku": "{" } }),
            "parameters.sku",
        ),
        (
            json!({ "statement": "stock", "paramters": {} }),
            "paramters",
        ),
    ] {
        let failure = host(operation)
            .start::<Sql>()
            .act("it", json!({}))
            .unwrap_err();
        assert_eq!(failure.kind(), "internal");
        assert!(
            failure
                .message()
                .starts_with("actions.it.do in the system file: "),
            "{failure:?}"
        );
        assert!(failure.message().contains(field), "{field}: {failure:?}");
    }
}

#[test]
fn a_feed_goes_on_behind_the_last_row() {
    let host = Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "db": { "statements": {
            "since": { "effect": "read", "text": "SELECT no, state FROM orders WHERE no > coalesce(:cursor, 0) ORDER BY no LIMIT :limit" },
        } } },
        "feeds": { "orders": { "do": {
            "statement": "since",
            "cursor": "/no",
            "event": { "type": "order.{state}", "id": "{no}", "subject": "{no}" },
        } } },
        "emits": ["order.open"],
    }));
    let row = |no: u32| json!({ "no": no, "state": "open" });
    host.rows("db", "since", json!([row(1), row(2)]));
    host.rows("db", "since", json!([row(3)]));
    host.rows("db", "since", json!([{ "no": [], "state": "open" }]));
    let running = host.start::<Sql>();
    let page = running.read("orders", None, 2).unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("2"), true));
    let page = running.read("orders", Some("2"), 2).unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("3"), false));
    assert_eq!(page.events[0].id.as_deref(), Some("3"));
    let asked: Vec<Value> = host
        .statements()
        .iter()
        .map(|ran| ran.parameters.clone())
        .collect();
    assert_eq!(
        asked,
        [
            json!({ "cursor": null, "limit": 2 }),
            json!({ "cursor": 2, "limit": 2 })
        ]
    );
    let failure = running.read("orders", Some("3"), 2).unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}
