//! Creating, updating, deleting, actions, `$batch`, tokens.

use tombolo_sdk::ActionCall;

use super::*;

fn call(host: &Host, input: Value, key: &str) -> Result<Value, tombolo_sdk::Failure> {
    host.start::<Odata>().call(ActionCall {
        action: "it".into(),
        input: input.to_string(),
        idempotency_key: key.into(),
        attempt: 1,
        deadline_ms: 1000,
    })
}

#[test]
fn a_body_has_the_values_of_its_types_and_what_is_made_along() {
    let action = json!({ "create": "order", "body": {
        "No": "{no?}", "Sum": "{sum}", "Day": "{day?}", "Count": "{count}", "Kind": "OR", "Sum2": 7,
        "Partner": { "first": ["{partner?}", "{/meta/partner?}", "none"] },
        "to_Line": { "each": "{lines}", "body": { "Item": "{sku}", "Sum": "{n}", "Note": "{note?}" } },
        "to_Text": { "each": "{note?}", "body": { "Text": "{value}" } },
        "to_Address": [{ "City": "{city?}" }],
    } });
    // A number that no double holds.
    let input = r#"{"sum": 12345678901234567890.10, "day": "2026-01-01", "count": 9007199254740993, "meta": {"partner": "p"}, "lines": [{"sku": "a", "n": 1.5}, {"sku": "b", "n": 2, "note": "x"}], "note": "n"}"#;
    for (version, day) in [
        ("v2", "\"/Date(1767225600000)/\""),
        ("v4", "\"2026-01-01\""),
    ] {
        let host = host(version, json!({}), action.clone());
        host.reply(
            "api",
            "POST",
            "/S/Orders",
            one(version, &order(version, "1")),
        );
        let made = host.start::<Odata>().call(ActionCall {
            action: "it".into(),
            input: input.into(),
            idempotency_key: "k".into(),
            attempt: 1,
            deadline_ms: 1000,
        });
        assert_eq!(made.unwrap()["no"], "1");
        let body = String::from_utf8(host.requests()[0].body.clone()).unwrap();
        let expected = format!(
            r#"{{"Sum":"12345678901234567890.10","Day":{day},"Count":"9007199254740993","Kind":"OR","Sum2":"7","Partner":"p","to_Line":[{{"Item":"a","Sum":"1.5"}},{{"Item":"b","Sum":"2","Note":"x"}}],"to_Text":[{{"Text":"n"}}],"to_Address":[{{}}]}}"#
        );
        assert_eq!(body, expected);
        let prefer = (version == "v4").then_some("return=representation");
        assert_eq!(host.requests()[0].header("prefer"), prefer);
    }
    let refusing = host("v4", json!({}), action);
    let wrong = json!({ "sum": 1, "count": "many", "lines": [] });
    assert!(
        run(&refusing, wrong)
            .unwrap_err()
            .message()
            .contains("`Count` found `many`")
    );
    assert!(refusing.requests().is_empty());
}

#[test]
fn what_was_made_under_a_key_is_found_and_not_made_again() {
    let action = json!({ "create": "order", "once": { "property": "Ref", "length": 12 }, "body": { "No": "{no}" } });
    let host = host("v2", json!({}), action);
    host.reply("api", "GET", "/S/Orders", list("v2", &[], None));
    host.reply("api", "POST", "/S/Orders", one("v2", &v2_order("1")));
    assert_eq!(
        call(&host, json!({ "no": "1" }), "run-7.step").unwrap()["no"],
        "1"
    );
    let reference = host.requests()[1].json()["Ref"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(reference.len(), 12);
    host.reply(
        "api",
        "GET",
        "/S/Orders",
        list("v2", &[v2_order("1")], None),
    );
    assert_eq!(
        call(&host, json!({ "no": "1" }), "run-7.step").unwrap()["no"],
        "1"
    );
    let asked = format!("GET /S/Orders?$filter=Ref eq '{reference}'&$orderby=No&$top=2");
    assert_eq!(
        sent(&host),
        [asked.as_str(), "POST /S/Orders", asked.as_str()]
    );
    host.reply("api", "GET", "/S/Orders", list("v2", &[], None));
    host.reply("api", "POST", "/S/Orders", one("v2", &v2_order("2")));
    call(&host, json!({ "no": "2" }), "run-8.step").unwrap();
    assert_ne!(
        host.requests()[4].json()["Ref"],
        reference.as_str(),
        "another key is another order"
    );
}

#[test]
fn a_change_is_of_the_version_that_was_seen() {
    let update = |more: Value| {
        let mut action =
            json!({ "update": "order", "key": { "No": "{no}" }, "body": { "State": "C" } });
        action
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        action
    };
    for (more, before, expected) in [
        (json!({}), 1, Some("W/\"7\"")),
        (json!({ "etag": "any" }), 0, Some("*")),
        (json!({ "etag": "none" }), 0, None),
        (json!({ "etag": "{etag?}" }), 0, Some("W/\"3\"")),
    ] {
        for version in ["v2", "v4"] {
            let host = host(version, json!({}), update(more.clone()));
            host.reply(
                "api",
                "GET",
                "/S/Orders('1')",
                one(version, &order(version, "1")),
            );
            host.reply("api", "PATCH", "/S/Orders('1')", Reply::status(204));
            assert_eq!(
                run(&host, json!({ "no": "1", "etag": "W/\"3\"" })),
                Ok(Value::Null)
            );
            assert_eq!(host.requests().len(), before + 1, "{more}");
            assert_eq!(
                host.requests()[before].header("if-match"),
                expected,
                "{more}"
            );
        }
    }
    // An entity whose mark stands in the header alone.
    let host = host("v4", json!({}), update(json!({})));
    host.reply(
        "api",
        "GET",
        "/S/Orders('1')",
        Reply::json(200, json!({ "No": "1" })).header("ETag", "\"h\""),
    );
    host.reply("api", "PATCH", "/S/Orders('1')", Reply::status(412));
    assert_eq!(
        run(&host, json!({ "no": "1" })).unwrap_err().kind(),
        "conflict"
    );
    assert_eq!(host.requests()[1].header("if-match"), Some("\"h\""));
}

#[test]
fn an_alternate_key_makes_or_changes_one() {
    let action =
        json!({ "upsert": "account", "key": { "code": "{code}" }, "body": { "name": "{name}" } });
    let host = host("v4", json!({}), action);
    host.reply(
        "api",
        "PATCH",
        "/accounts(code='A-1')",
        Reply::json(201, json!({ "accountid": "x" })),
    );
    assert_eq!(
        run(&host, json!({ "code": "A-1", "name": "n" })),
        Ok(json!({ "accountid": "x" }))
    );
    assert_eq!(host.requests()[0].header("if-match"), None);
}

#[test]
fn an_action_has_its_key_where_the_version_has_it() {
    let action = json!({ "action": "NS.Release", "on": "order", "key": { "No": "{no}" }, "parameters": { "Sum": "{sum}" } });
    let v2 = host("v2", json!({}), action.clone());
    v2.reply(
        "api",
        "POST",
        "/S/NS.Release",
        Reply::json(200, json!({ "d": { "Release": v2_order("1") } })),
    );
    assert_eq!(
        run(&v2, json!({ "no": "1", "sum": 2.5 })).unwrap()["no"],
        "1"
    );
    assert_eq!(sent(&v2), ["POST /S/NS.Release?No='1'&Sum=2.5m"]);
    assert!(v2.requests()[0].body.is_empty());
    let v4 = host("v4", json!({}), action);
    v4.reply(
        "api",
        "POST",
        "/S/Orders('1')/NS.Release",
        Reply::status(204),
    );
    assert_eq!(run(&v4, json!({ "no": "1", "sum": 2.5 })), Ok(Value::Null));
    assert_eq!(v4.requests()[0].json(), json!({ "Sum": "2.5" }));
}

const BATCH: &str = "--b\r\nContent-Type: multipart/mixed; boundary=c\r\nContent-Length: 9\r\n\r\n\
    --c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 204 No Content\r\nETag: x\r\n\r\n\r\n\
    --c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"d\":{\"No\":\"2\"}}\r\n--c--\r\n--b--\r\n";
const FAILED: &str = "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n\
    {\"error\":{\"code\":\"E1\",\"message\":{\"value\":\"no\"}}}\r\n--b--\r\n";

#[test]
fn changes_go_together_all_or_none() {
    let action = json!({ "update": "order", "each": "{nos}", "together": true, "etag": "any", "key": { "No": "{value}" }, "body": { "State": "C" } });
    let asked = json!({ "nos": ["1", "2"] });
    let host = host("v2", json!({}), action);
    let answer = |body: &str| {
        Reply::status(202)
            .header("Content-Type", "multipart/mixed; boundary=\"b\"")
            .body(body)
    };
    host.reply("api", "POST", "/S/$batch", answer(BATCH));
    assert_eq!(run(&host, asked.clone()), Ok(json!([null, { "no": "2" }])));
    let body = String::from_utf8(host.requests()[0].body.clone()).unwrap();
    assert_eq!(body.matches("PATCH Orders('").count(), 2, "{body}");
    assert_eq!(body.matches("if-match: *\r\n").count(), 2, "{body}");
    assert_eq!(
        body.matches("\r\n\r\n{\"State\":\"C\"}\r\n").count(),
        2,
        "{body}"
    );
    host.reply("api", "POST", "/S/$batch", answer(FAILED));
    let failure = run(&host, asked.clone()).unwrap_err();
    assert_eq!(
        failure,
        tombolo_sdk::Failure::rejected("E1", "no (status 400)")
    );
    for odd in [
        &BATCH.replace(
            "--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK",
            "--x",
        )[..],
        "<html>",
        "",
    ] {
        host.reply("api", "POST", "/S/$batch", answer(odd));
        assert_eq!(
            run(&host, asked.clone()).unwrap_err().kind(),
            "unavailable",
            "{odd}"
        );
    }
    assert_eq!(
        run(&host, json!({ "nos": [] })),
        Ok(json!([])),
        "nothing to change, nothing sent"
    );
    assert_eq!(host.requests().len(), 5);
    let many: Vec<String> = (0..101).map(|no| no.to_string()).collect();
    assert_eq!(
        run(&host, json!({ "nos": many })).unwrap_err().kind(),
        "rejected"
    );
}

#[test]
fn a_token_is_fetched_once_and_anew_when_it_is_too_old() {
    let action = json!({ "create": "order", "body": { "No": "1" } });
    let host = host("v2", json!({ "csrf": true }), action);
    let token = |value: &str| Reply::json(200, json!({})).header("X-CSRF-Token", value);
    let made = || one("v2", &v2_order("1"));
    let odata = host.start::<Odata>();
    host.reply("api", "GET", "/S/", token("t1"));
    host.reply("api", "POST", "/S/Orders", made());
    host.reply("api", "POST", "/S/Orders", made());
    odata.act("it", json!({})).unwrap();
    odata.act("it", json!({})).unwrap();
    assert_eq!(sent(&host), ["GET /S/", "POST /S/Orders", "POST /S/Orders"]);
    assert_eq!(host.requests()[0].header("x-csrf-token"), Some("Fetch"));
    assert_eq!(host.requests()[2].header("x-csrf-token"), Some("t1"));

    let old = || {
        Reply::status(403)
            .header("x-csrf-token", "Required")
            .header("content-type", "text/plain")
            .body("CSRF token validation failed")
    };
    host.reply("api", "POST", "/S/Orders", old());
    host.reply("api", "GET", "/S/", token("t2"));
    host.reply("api", "POST", "/S/Orders", made());
    odata.act("it", json!({})).unwrap();
    assert_eq!(host.requests()[5].header("x-csrf-token"), Some("t2"));

    // A service that never takes the token it gave is asked twice, not for ever.
    host.reply("api", "POST", "/S/Orders", old());
    host.reply("api", "GET", "/S/", token("t3"));
    host.reply("api", "POST", "/S/Orders", old());
    let failure = odata.act("it", json!({})).unwrap_err();
    assert_eq!(failure.kind(), "unauthorized");
    assert!(
        failure.message().contains("CSRF token validation failed"),
        "{failure:?}"
    );
}
