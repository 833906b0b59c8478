//! Actions of several requests, and results in our own names: as a GraphQL interface needs them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::testing::{Host, Reply};

use crate::Rest;

fn host(operation: Value) -> Host {
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["POST /x"] } },
        "actions": { "it": { "effect": "write", "do": operation } },
    }))
}

/// One call, its requests answered so in order.
fn answered(operation: Value, input: Value, answers: &[Value]) -> (Host, Result<Value, Failure>) {
    let host = host(operation);
    for answer in answers {
        host.reply("api", "POST", "/x", Reply::json(200, answer.clone()));
    }
    let result = host.start::<Rest>().act("it", input);
    (host, result)
}

fn post(more: Value) -> Value {
    let mut operation = json!({ "method": "POST", "path": "/x" });
    operation
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    operation
}

/// Finds an order, ships what is on it unless that was done, marks it.
fn ship() -> Value {
    json!({ "steps": [
        { "as": "order", "do": post(json!({ "body": { "get": "{id}" }, "result": "/order", "absent": "not-found" })) },
        { "as": "made", "unless": "/steps/order/parcel", "do": post(json!({ "body": { "ship": "{/steps/order/lines}" }, "result": "/parcel" })) },
        { "unless": { "pointer": "/steps/order/state", "is": ["Shipped"] },
          "do": post(json!({ "body": { "mark": "{id}", "parcel": "{/steps/made/id?}" } })) },
    ] })
}

#[test]
fn a_step_uses_what_the_steps_before_found() {
    let answers = [
        json!({ "order": { "lines": [1, 2.50], "parcel": null, "state": "Paid" } }),
        json!({ "parcel": { "id": "p-1" } }),
        json!({ "ok": true }),
    ];
    let (host, result) = answered(ship(), json!({ "id": "7" }), &answers);
    assert_eq!(result, Ok(json!({ "ok": true })));
    let bodies: Vec<Value> = host.requests().iter().map(|sent| sent.json()).collect();
    assert_eq!(
        bodies,
        [
            json!({ "get": "7" }),
            json!({ "ship": [1, 2.50] }),
            json!({ "mark": "7", "parcel": "p-1" })
        ]
    );
}

#[test]
fn steps_that_are_done_are_left_out() {
    let half = [
        json!({ "order": { "lines": [1], "parcel": { "id": "p-1" }, "state": "Paid" } }),
        json!({ "ok": true }),
    ];
    let (host, result) = answered(ship(), json!({ "id": "7" }), &half);
    assert_eq!(result, Ok(json!({ "ok": true })));
    assert_eq!(host.requests().len(), 2);
    let order = json!({ "lines": [1], "parcel": { "id": "p-1" }, "state": "Shipped" });
    let (host, result) = answered(ship(), json!({ "id": "7" }), &[json!({ "order": order })]);
    assert_eq!((result, host.requests().len()), (Ok(order), 1));
}

#[test]
fn a_step_that_fails_ends_the_action() {
    for answer in [json!({ "order": null }), json!({})] {
        let (host, result) = answered(ship(), json!({ "id": "7" }), &[answer]);
        assert_eq!(result.unwrap_err().kind(), "not-found");
        assert_eq!(host.requests().len(), 1);
    }
}

#[test]
fn an_input_cannot_pretend_to_be_a_step() {
    let answers = [
        json!({ "order": { "lines": [1], "parcel": null, "state": "Paid" } }),
        json!({ "parcel": { "id": "p-1" } }),
        json!({}),
    ];
    let input =
        json!({ "id": "7", "steps": { "order": { "lines": [9] }, "made": { "id": "p-9" } } });
    let (host, result) = answered(ship(), input, &answers);
    assert!(result.is_ok());
    assert_eq!(host.requests()[1].json(), json!({ "ship": [1] }));
    assert_eq!(host.requests()[2].json()["parcel"], "p-1");
}

#[test]
fn a_refusal_is_found_where_the_system_puts_it_and_its_code_means_what_the_operator_says() {
    let more = json!({
        "result": "/data/it", "absent": "not-found",
        "refused": ["/errors", "/data/it/errorCode"],
        "error": ["/errors/0/message", "/data/it/message"],
        "error-code": ["/errors/0/extensions/code", "/data/it/errorCode"],
        "errors": { "FORBIDDEN": "unauthorized", "GONE": "not-found", "BUSY": "unavailable", "": "unavailable" },
    });
    let graphql = |code: &str| json!({ "errors": [{ "message": "No!", "extensions": { "code": code } }], "data": { "it": null } });
    let cases = [
        (
            json!({ "data": { "it": { "id": 1 } } }),
            Ok(json!({ "id": 1 })),
        ),
        (
            graphql("FORBIDDEN"),
            Err(Failure::unauthorized("No! (FORBIDDEN)")),
        ),
        (graphql("GONE"), Err(Failure::not_found("No! (GONE)"))),
        (
            graphql("BUSY"),
            Err(Failure::unavailable("No! (BUSY)", None)),
        ),
        (graphql("OTHER"), Err(Failure::rejected("OTHER", "No!"))),
        (
            json!({ "errors": [{ "message": "disk is full" }], "data": null }),
            Err(Failure::unavailable("disk is full", None)),
        ),
        (
            json!({ "data": { "it": { "errorCode": "STOCK", "message": "none left" } } }),
            Err(Failure::rejected("STOCK", "none left")),
        ),
    ];
    for (answer, expected) in cases {
        let (_, result) = answered(post(more.clone()), json!({}), &[answer]);
        assert_eq!(result, expected);
    }
}

#[test]
fn a_graphql_document_keeps_its_braces_and_its_errors_are_found() {
    let more = json!({ "path": "/x", "graphql": "query($n: Int = 3) { orders(first: $n) { id } }",
        "variables": { "n": "{n?}", "name": "{name}" }, "result": "/data/orders", "errors": { "FORBIDDEN": "unauthorized" } });
    let good = json!({ "data": { "orders": [7] } });
    let (host, result) = answered(more.clone(), json!({ "name": "a\"}{" }), &[good]);
    assert_eq!(result, Ok(json!([7])));
    assert_eq!(
        host.requests()[0].json(),
        json!({ "query": "query($n: Int = 3) { orders(first: $n) { id } }", "variables": { "name": "a\"}{" } })
    );
    for (code, kind) in [("FORBIDDEN", "unauthorized"), ("OTHER", "rejected")] {
        let bad = json!({ "errors": [{ "message": "No!", "extensions": { "code": code } }], "data": null });
        let (_, result) = answered(more.clone(), json!({ "name": "a" }), &[bad]);
        let failure = result.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.message().contains("No!")),
            (kind, true)
        );
    }
}

#[test]
fn a_result_is_told_in_our_names() {
    let more = json!({ "result": "/data/items/0", "absent": "not-found",
        "output": { "number": "/code", "total": { "amount": { "pointer": "/sum", "decimal": 2 }, "currency": "/currency" } } });
    let item = json!({ "data": { "items": [{ "code": "A", "sum": 1250, "currency": "EUR" }] } });
    let (_, result) = answered(post(more.clone()), json!({}), &[item]);
    assert_eq!(
        result,
        Ok(json!({ "number": "A", "total": { "amount": "12.50", "currency": "EUR" } }))
    );
    let (_, result) = answered(post(more), json!({}), &[json!({ "data": { "items": [] } })]);
    assert_eq!(result.unwrap_err().kind(), "not-found");
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let cases = [
        (json!({ "steps": [] }), "steps: found 0"),
        (
            json!({ "steps": [{ "do": { "path": "/x" } }] }),
            "steps.0: method: is missing",
        ),
        (
            json!({ "steps": [{ "do": post(json!({ "result": "x" })) }] }),
            "steps.0: result: ",
        ),
        (
            json!({ "steps": [{ "do": post(json!({})), "when": "x" }] }),
            "steps.0: when: ",
        ),
        (json!({ "steps": [], "path": "/x" }), "unknown field `path`"),
        (post(json!({ "stepz": [] })), "unknown field `stepz`"),
        (
            post(json!({ "absent": "not-found" })),
            "absent: expected `result`",
        ),
        (post(json!({ "output": { "a": 7 } })), "output: a: "),
        (post(json!({ "output": {}, "answer": "text" })), "answer: "),
        (post(json!({ "graphql": "{ a }", "body": {} })), "body: "),
    ];
    for (operation, words) in cases {
        let failure = host(operation.clone())
            .start::<Rest>()
            .act("it", json!({}))
            .unwrap_err();
        assert_eq!(failure.kind(), "internal");
        assert!(
            failure.message().contains(words),
            "{operation}: {failure:?}"
        );
    }
}
