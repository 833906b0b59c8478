//! What the system's errors mean, and what an operator cannot write.

use tombolo_sdk::Failure;
use tombolo_sdk::http::Error;

use super::*;

fn answered(version: &str, reply: Reply) -> Failure {
    let settings = json!({ "errors": { "M3/305": "not-found", "SY/530": "unavailable" } });
    let host = host(
        version,
        settings,
        json!({ "get": "order", "key": { "No": "1" } }),
    );
    host.reply("api", "GET", "/S/Orders('1')", reply);
    run(&host, json!({})).unwrap_err()
}

#[test]
fn errors_are_told_in_the_systems_own_words() {
    let v2 = |code: &str| json!({ "error": { "code": code, "message": { "lang": "en", "value": "Exception raised" }, "innererror": { "errordetails": [{ "code": code, "message": "Material X\nis gone" }] } } });
    let v4 = |code: &str| json!({ "error": { "code": code, "message": "Not that", "details": [{ "code": "D", "message": "Why not" }] } });
    let words = "Exception raised (Material X is gone)";
    for (status, code, expected) in [
        (
            400,
            "V1/555",
            Failure::rejected("V1/555", format!("{words} (status 400)")),
        ),
        (
            400,
            "M3/305",
            Failure::not_found(format!("{words} (status 400)")),
        ),
        (
            500,
            "SY/530",
            Failure::unavailable(format!("{words} (status 500)"), None),
        ),
        (
            404,
            "x",
            Failure::not_found(format!("{words} (status 404)")),
        ),
        (412, "x", Failure::conflict(format!("{words} (status 412)"))),
        (428, "x", Failure::conflict(format!("{words} (status 428)"))),
        (
            401,
            "x",
            Failure::unauthorized(format!("{words} (status 401)")),
        ),
        (
            403,
            "x",
            Failure::unauthorized(format!("{words} (status 403)")),
        ),
        (
            405,
            "x",
            Failure::rejected("x", format!("{words} (status 405)")),
        ),
    ] {
        assert_eq!(answered("v2", Reply::json(status, v2(code))), expected);
    }
    assert_eq!(
        answered("v4", Reply::json(422, v4("7"))),
        Failure::rejected("7", "Not that (Why not) (status 422)")
    );
    let later = Reply::json(429, v4("7")).header("retry-after", "3");
    assert_eq!(
        answered("v4", later),
        Failure::rate_limited("Not that (Why not) (status 429)", Some(3000))
    );
}

#[test]
fn odd_answers_are_no_results() {
    for (reply, kind) in [
        (Reply::status(503), "unavailable"),
        (
            Reply::status(200)
                .header("content-type", "text/html")
                .body("<html>"),
            "unavailable",
        ),
        (Reply::status(302).header("location", "/login"), "rejected"),
        (Reply::status(400).body("<html>"), "invalid-input"),
        (Reply::error(Error::Timeout), "unavailable"),
        (
            Reply::error(Error::Denied("not granted".into())),
            "unauthorized",
        ),
        (
            Reply::json(200, json!({ "d": { "No": "1", "State": "Z" } })),
            "unavailable",
        ),
        (
            Reply::json(200, json!({ "d": { "No": "1", "Changed": "soon" } })),
            "unavailable",
        ),
        (Reply::json(200, json!({ "x": 1 })), "not-found"),
    ] {
        let failure = answered("v2", reply);
        assert_eq!(failure.kind(), kind, "{failure:?}");
    }
}

#[test]
fn what_cannot_work_names_its_field() {
    let key = json!({ "No": "1" });
    for (action, field) in [
        (json!({}), "exactly one of list, get"),
        (json!({ "get": "order", "list": "order" }), "exactly one of"),
        (
            json!({ "get": "orders", "key": key }),
            "get: found the entity `orders`",
        ),
        (json!({ "get": "order" }), "either `key` or `filter`"),
        (
            json!({ "get": "order", "key": key, "filter": key }),
            "either `key` or `filter`",
        ),
        (
            json!({ "get": "order", "key": key, "body": {} }),
            "body: `get` takes none",
        ),
        (json!({ "gett": "order" }), "gett"),
        (json!({ "create": "order" }), "body: is missing"),
        (
            json!({ "create": "order", "body": {}, "once": { "property": "R", "length": 8 } }),
            "once.length: found 8",
        ),
        (
            json!({ "create": "order", "body": { "a b": 1 } }),
            "`a b` cannot be a name",
        ),
        (json!({ "update": "order", "body": {} }), "key: is missing"),
        (
            json!({ "update": "order", "key": key, "body": {}, "etag": "some" }),
            "etag: expected read",
        ),
        (
            json!({ "list": "order", "filter": { "No eq 1 or No": "x" } }),
            "filter: `No eq 1 or No`",
        ),
        (
            json!({ "list": "order", "filter": { "No": { "like": "x" } } }),
            "found `like`",
        ),
        (
            json!({ "list": "order", "filter": { "No": "{no" } }),
            "filter: No: ",
        ),
        (
            json!({ "list": "order", "after": "{after}" }),
            "after: needs `limit`",
        ),
        (json!({ "action": "a/b", "on": "order" }), "action: `a/b`"),
        (json!({ "function": "F" }), "on: is missing"),
        (
            json!({ "get": "order", "key": key, "together": true }),
            "together:",
        ),
        (json!({ "steps": [] }), "steps: found 0"),
        (
            json!({ "steps": [{ "get": "order", "key": key }, { "list": "nothing" }] }),
            "steps[1].list: found the entity",
        ),
        (json!({ "steps": [{ "steps": [] }] }), "steps[0].steps"),
    ] {
        let host = host("v4", json!({}), action.clone());
        let failure = run(&host, json!({})).unwrap_err();
        assert_eq!(failure.kind(), "internal", "{action}");
        assert!(
            failure
                .message()
                .starts_with("actions.it.do in the system file: "),
            "{failure:?}"
        );
        assert!(failure.message().contains(field), "{field}: {failure:?}");
    }
    for (entity, field) in [
        (json!({ "set": "a/b" }), "`a/b` cannot be a name"),
        (json!({ "service": "../x", "set": "a" }), "service: found"),
        (
            json!({ "set": "a", "fields": { "x": { "property": "P", "as": "date" } } }),
            "fields.x: as:",
        ),
        (
            json!({ "set": "a", "fields": { "x": { "property": "P", "of": 1 } } }),
            "found `of`",
        ),
        (
            json!({ "set": "a", "fields": { "x": { "choose": [{ "when": { "P": 1 } }] } } }),
            "`value` is missing",
        ),
        (
            json!({ "set": "a", "fields": { "x": { "each": "P" } } }),
            "fields: is missing",
        ),
        (
            json!({ "set": "a", "types": { "P": "Edm.String" } }),
            "Edm.String",
        ),
    ] {
        let host = host(
            "v4",
            json!({ "entities": { "order": entity } }),
            json!({ "list": "order" }),
        );
        let failure = run(&host, json!({})).unwrap_err();
        assert_eq!(failure.kind(), "internal");
        assert!(failure.message().contains(field), "{field}: {failure:?}");
    }
}
