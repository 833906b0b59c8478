#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::http::Error;
use tombolo_sdk::testing::{Host, Reply};
use tombolo_sdk::{ActionCall, Failure};

use crate::Rest;

fn host(operation: Value) -> Host {
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["* /*"] } },
        "actions": { "it": { "effect": "write", "do": operation } },
    }))
}

/// One call, answered so.
fn answered(operation: Value, input: Value, reply: Reply) -> (Host, Result<Value, Failure>) {
    let host = host(operation);
    host.reply("api", "POST", "/x", reply);
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

#[test]
fn a_request_is_made_of_the_input() {
    let host = host(json!({
        "method": "POST",
        "path": "/customers/{customer}/activities",
        "query": { "limit": 10, "tag": "{tags}", "since": "{since?}" },
        "headers": { "x-trace": "t-{/meta/trace}" },
        "body": { "text": "{text}", "amount": "{amount}", "by": "tombolo {idempotency-key}", "note": "{note?}" },
        "idempotency-header": "Idempotency-Key",
        "result": "/data/id",
    }));
    host.reply(
        "api",
        "POST",
        "/customers/A%20%26%20B/activities",
        Reply::json(201, json!({ "data": { "id": "act-1" } })),
    );
    let call = ActionCall {
        action: "it".into(),
        // A number that no double holds.
        input: r#"{"customer": "A & B", "tags": ["x", 2], "meta": {"trace": 7}, "text": "say \"hi\"", "amount": 12345678901234567890.10}"#.into(),
        idempotency_key: "S-1.f/step".into(),
        attempt: 1,
        deadline_ms: 1000,
    };
    assert_eq!(host.start::<Rest>().call(call), Ok(json!("act-1")));
    let sent = &host.requests()[0];
    let query: Vec<_> = sent
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(query, [("limit", "10"), ("tag", "x"), ("tag", "2")]);
    assert_eq!(sent.header("x-trace"), Some("t-7"));
    assert_eq!(sent.header("idempotency-key"), Some("S-1.f/step"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    let body = std::str::from_utf8(&sent.body).unwrap();
    assert!(
        body.contains(r#""amount":12345678901234567890.10"#),
        "{body}"
    );
    assert_eq!(sent.json()["text"], "say \"hi\"");
    assert_eq!(sent.json()["by"], "tombolo S-1.f/step");
    assert_eq!(sent.json().get("note"), None);
}

#[test]
fn the_body_is_none_the_input_or_a_form() {
    let cases = [
        (json!({}), None, ""),
        (
            json!({ "body": "input" }),
            Some("application/json"),
            r#"{"a":"x y","b":[1,2]}"#,
        ),
        (json!({ "body": "{b}" }), Some("application/json"), "[1,2]"),
        (json!({ "body": "{q?}" }), None, ""),
        (
            json!({ "body-format": "form", "body": { "a": "{a}", "b": "{b}", "c": "1&2" } }),
            Some("application/x-www-form-urlencoded"),
            "a=x+y&b=1&b=2&c=1%262",
        ),
    ];
    for (more, content_type, body) in cases {
        let (host, result) = answered(
            post(more.clone()),
            json!({ "a": "x y", "b": [1, 2] }),
            Reply::status(204),
        );
        assert_eq!(result, Ok(Value::Null), "{more}");
        let sent = &host.requests()[0];
        assert_eq!(
            (
                sent.header("content-type"),
                std::str::from_utf8(&sent.body).unwrap()
            ),
            (content_type, body),
            "{more}"
        );
    }
}

#[test]
fn the_answer_is_whole_a_part_a_text_or_nothing() {
    let body = json!({ "data": { "n": 1.5 }, "ok": true });
    let cases = [
        (json!({}), Reply::json(200, body.clone()), Ok(body.clone())),
        (
            json!({ "result": "/data/n" }),
            Reply::json(200, body.clone()),
            Ok(json!(1.5)),
        ),
        (
            json!({ "result": "" }),
            Reply::json(200, body.clone()),
            Ok(body),
        ),
        (json!({}), Reply::status(204), Ok(Value::Null)),
        (
            json!({ "answer": "text" }),
            Reply::status(200).body("a\n\"b\""),
            Ok(json!("a\n\"b\"")),
        ),
        (
            json!({ "answer": "ignore" }),
            Reply::status(200).body("<html>"),
            Ok(Value::Null),
        ),
        (
            json!({}),
            Reply::status(200).body("<html>"),
            Err("unavailable"),
        ),
        (
            json!({}),
            Reply::status(200).body(vec![0xff]),
            Err("unavailable"),
        ),
        (
            json!({ "result": "/other" }),
            Reply::json(200, json!({})),
            Err("unavailable"),
        ),
        (
            json!({ "result": "/other" }),
            Reply::status(204),
            Err("unavailable"),
        ),
    ];
    for (more, reply, expected) in cases {
        let (_, result) = answered(post(more.clone()), json!({}), reply);
        assert_eq!(
            result.as_ref().map_err(Failure::kind),
            expected.as_ref().map_err(|kind| *kind),
            "{more}"
        );
    }
}

#[test]
fn refusals_carry_the_systems_own_words() {
    let more = json!({ "error": "/error/message", "error-code": "/error/code" });
    let body = json!({ "error": { "message": "no such\ncustomer", "code": 17 } });
    let cases = [
        (
            400,
            Failure::rejected("17", "no such customer (status 400)"),
        ),
        (
            402,
            Failure::rejected("17", "no such customer (status 402)"),
        ),
        (403, Failure::unauthorized("no such customer (status 403)")),
        (404, Failure::not_found("no such customer (status 404)")),
        (409, Failure::conflict("no such customer (status 409)")),
        (
            422,
            Failure::rejected("17", "no such customer (status 422)"),
        ),
        (
            429,
            Failure::rate_limited("no such customer (status 429)", Some(7000)),
        ),
        (
            503,
            Failure::unavailable("no such customer (status 503)", Some(7000)),
        ),
    ];
    for (status, expected) in cases {
        let reply = Reply::json(status, body.clone()).header("Retry-After", "7");
        assert_eq!(
            answered(post(more.clone()), json!({}), reply).1,
            Err(expected),
            "{status}"
        );
    }
    let (_, result) = answered(
        post(more),
        json!({}),
        Reply::json(422, json!({ "other": 1 })),
    );
    assert_eq!(
        result,
        Err(Failure::invalid_input(
            "",
            "the system answered 422: {\"other\":1}; compare what was sent with what its documentation asks for"
        ))
    );
}

#[test]
fn a_system_that_says_no_with_200_is_understood() {
    let more = json!({ "refused": "/errcode", "error": "/errmsg", "error-code": "/errcode", "result": "/data" });
    let (_, good) = answered(
        post(more.clone()),
        json!({}),
        Reply::json(200, json!({ "errcode": 0, "data": 1 })),
    );
    assert_eq!(good, Ok(json!(1)));
    let (_, bad) = answered(
        post(more),
        json!({}),
        Reply::json(200, json!({ "errcode": 40001, "errmsg": "bad token" })),
    );
    assert_eq!(bad, Err(Failure::rejected("40001", "bad token")));
}

#[test]
fn what_never_arrived_may_be_tried_again() {
    for (error, kind) in [
        (Error::Timeout, "unavailable"),
        (Error::Unreachable("no route".into()), "unavailable"),
        (Error::Quota("calls".into()), "rate-limited"),
        (Error::TooLarge(8), "rejected"),
        (Error::Denied("not granted".into()), "unauthorized"),
    ] {
        let (_, result) = answered(post(json!({})), json!({}), Reply::error(error));
        assert_eq!(result.unwrap_err().kind(), kind);
    }
}

#[test]
fn an_input_cannot_leave_its_place() {
    let operation = json!({ "method": "POST", "path": "/a/{id}", "headers": { "x-h": "{h?}" } });
    for input in [
        json!({ "id": "../admin" }),
        json!({ "id": "a/b" }),
        json!({ "id": ".." }),
        json!({ "id": "" }),
        json!({ "id": "%2e%2e" }),
        json!({}),
        json!({ "id": {} }),
        json!({ "id": "1", "h": "x\r\nhost: evil" }),
    ] {
        let host = host(operation.clone());
        assert_eq!(
            host.start::<Rest>()
                .act("it", input.clone())
                .unwrap_err()
                .kind(),
            "invalid-input",
            "{input}"
        );
        assert!(host.requests().is_empty());
    }
}

// === pages ===

fn list(paging: Value) -> Host {
    host(json!({ "method": "GET", "path": "/items", "query": { "q": "{q}" }, "paging": paging }))
}

fn read_on(host: &Host, replies: Vec<Reply>) -> (Result<Value, Failure>, Vec<String>) {
    for reply in replies {
        host.reply("api", "GET", "/items", reply);
    }
    let result = host.start::<Rest>().act("it", json!({ "q": "x" }));
    let requests = host.requests();
    let queries = requests.iter().map(|sent| {
        sent.query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    });
    (result, queries.collect())
}

fn page(items: Value) -> Reply {
    Reply::json(200, items)
}

#[test]
fn pages_are_read_to_the_end_by_each_way() {
    let host = list(json!({ "by": "page", "size": 2, "size-parameter": "per_page" }));
    let (result, queries) = read_on(&host, vec![page(json!([1, 2])), page(json!([3]))]);
    assert_eq!(result, Ok(json!([1, 2, 3])));
    assert_eq!(queries, ["q=x&page=1&per_page=2", "q=x&page=2&per_page=2"]);

    let host = list(json!({ "by": "page", "parameter": "p", "start": 0 }));
    let (result, queries) = read_on(&host, vec![page(json!([1, 2])), page(json!([]))]);
    assert_eq!(result, Ok(json!([1, 2])));
    assert_eq!(queries, ["q=x&p=0", "q=x&p=1"]);

    let host = list(json!({ "by": "offset", "size": 2, "items": "/data" }));
    let (result, queries) = read_on(
        &host,
        vec![page(json!({ "data": [1, 2] })), page(json!({ "data": [] }))],
    );
    assert_eq!(result, Ok(json!([1, 2])));
    assert_eq!(queries, ["q=x&offset=0", "q=x&offset=2"]);

    let host = list(json!({ "by": "cursor", "items": "/data", "next": "/next" }));
    let (result, queries) = read_on(
        &host,
        vec![
            page(json!({ "data": [1], "next": "c1" })),
            page(json!({ "data": [2], "next": null })),
        ],
    );
    assert_eq!(result, Ok(json!([1, 2])));
    assert_eq!(queries, ["q=x", "q=x&cursor=c1"]);

    let host = list(json!({ "by": "link" }));
    let next = page(json!([1])).header(
        "Link",
        "<https://elsewhere.example/other?q=x&after=9>; rel=\"next\"",
    );
    let (result, queries) = read_on(&host, vec![next, page(json!([2]))]);
    assert_eq!(result, Ok(json!([1, 2])));
    assert_eq!(
        queries,
        ["q=x", "q=x&after=9"],
        "of a link the query alone is followed"
    );
}

#[test]
fn a_list_without_end_is_bounded() {
    let replies = || vec![page(json!([1])), page(json!([2]))];
    let (result, _) = read_on(&list(json!({ "by": "page", "pages": 2 })), replies());
    assert!(
        matches!(&result, Err(Failure::Rejected(rejection)) if rejection.code == "too-many-pages"),
        "{result:?}"
    );
    let (result, _) = read_on(
        &list(json!({ "by": "page", "pages": 2, "beyond": "cut" })),
        replies(),
    );
    assert_eq!(result, Ok(json!([1, 2])));
    let same = || page(json!({ "data": [], "next": "c" }));
    let (result, _) = read_on(
        &list(json!({ "by": "cursor", "items": "/data", "next": "/next" })),
        vec![same(), same()],
    );
    assert_eq!(result.unwrap_err().kind(), "unavailable");
    let large = page(json!(["x".repeat(1 << 20)]));
    let (result, _) = read_on(&list(json!({ "by": "page" })), vec![large]);
    assert!(matches!(&result, Err(Failure::Rejected(rejection)) if rejection.code == "too-large"));
}

#[test]
fn a_page_that_fails_fails_the_list() {
    let (result, _) = read_on(
        &list(json!({ "by": "page" })),
        vec![page(json!([1])), Reply::status(500)],
    );
    assert_eq!(result.unwrap_err().kind(), "unavailable");
    let (result, _) = read_on(
        &list(json!({ "by": "page", "items": "/data" })),
        vec![page(json!({ "data": {} }))],
    );
    assert_eq!(result.unwrap_err().kind(), "unavailable");
}

#[test]
fn an_operation_that_cannot_work_names_its_field() {
    let cases = [
        (json!({ "path": "/x" }), "method"),
        (json!({ "method": "get", "path": "/x" }), "get"),
        (json!({ "method": "GET", "path": "x" }), "path"),
        (json!({ "method": "GET", "path": "/x?a=1" }), "query"),
        (json!({ "method": "GET", "path": "/{x" }), "path"),
        (json!({ "method": "GET", "path": "/x", "bodi": {} }), "bodi"),
        (
            json!({ "method": "GET", "path": "/x", "query": "a=1" }),
            "query",
        ),
        (
            json!({ "method": "GET", "path": "/x", "headers": { "a": "}" } }),
            "headers.a",
        ),
        (
            json!({ "method": "GET", "path": "/x", "result": "data" }),
            "result",
        ),
        (
            json!({ "method": "GET", "path": "/x", "error": "~" }),
            "error",
        ),
        (
            json!({ "method": "GET", "path": "/x", "answer": "text", "result": "/a" }),
            "answer",
        ),
        (
            json!({ "method": "GET", "path": "/x", "paging": { "by": "cursor" } }),
            "paging.next",
        ),
        (
            json!({ "method": "GET", "path": "/x", "paging": { "by": "offset" } }),
            "paging.size",
        ),
        (
            json!({ "method": "GET", "path": "/x", "paging": { "by": "page", "pages": 0 } }),
            "paging.pages",
        ),
        (
            json!({ "method": "GET", "path": "/x", "paging": { "by": "page" }, "result": "/a" }),
            "paging",
        ),
    ];
    for (operation, field) in cases {
        let failure = host(operation.clone())
            .start::<Rest>()
            .act("it", json!({}))
            .unwrap_err();
        assert_eq!(failure.kind(), "internal", "{operation}");
        assert!(
            failure
                .message()
                .starts_with("actions.it.do in the system file: "),
            "{failure:?}"
        );
        assert!(failure.message().contains(field), "{field}: {failure:?}");
    }
}
