#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::testing::{Host, Reply};

use crate::Soap;

fn host(operation: Value) -> Host {
    let mut whole = json!({
        "path": "/orders",
        "action": "urn:GetOrder",
        "namespaces": { "o": "urn:orders" },
        "body": { "o:GetOrder": { "o:number": "{number}" } },
    });
    whole
        .as_object_mut()
        .unwrap()
        .extend(operation.as_object().unwrap().clone());
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["POST /orders"] } },
        "actions": { "order.get": { "effect": "read", "do": whole } },
    }))
}

fn envelope(body: &str) -> Reply {
    enveloped(200, body)
}

fn enveloped(status: u16, body: &str) -> Reply {
    let text = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    );
    Reply::status(status).body(text)
}

fn answered(operation: Value, reply: Reply) -> Result<Value, Failure> {
    let host = host(operation);
    host.reply("api", "POST", "/orders", reply);
    host.start::<Soap>()
        .act("order.get", json!({ "number": 7 }))
}

const ORDER: &str = "<r:Reply xmlns:r=\"urn:orders\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">
  <r:order id=\"7\"><r:state>open &amp; &#228;lter</r:state><r:line>a</r:line><r:line><![CDATA[<b>]]></r:line>
  <r:sum currency=\"EUR\">0012.50</r:sum><r:note/><r:due xsi:nil=\"true\"/></r:order></r:Reply>";

#[test]
fn a_request_is_an_envelope_made_of_the_input() {
    let host = host(json!({
        "body": { "o:GetOrder": {
            "@version": "{version}",
            "o:number": "{number}",
            "o:line": "{lines}",
            "o:absent": "{absent?}",
            "o:note": { "@lang": "de", "#text": "{note}" },
        } },
        "header": { "o:trace": "{idempotency-key}" },
        "idempotency-header": "Idempotency-Key",
    }));
    host.reply("api", "POST", "/orders", envelope(""));
    let input = json!({ "version": "1\"<", "number": 7, "lines": [{ "o:sku": "a" }, { "o:sku": "b&c" }], "note": "x\ny" });
    assert_eq!(
        host.start::<Soap>().act("order.get", input),
        Ok(Value::Null)
    );
    let request = &host.requests()[0];
    assert_eq!(request.header("soapaction"), Some("\"urn:GetOrder\""));
    assert_eq!(
        request.header("content-type"),
        Some("text/xml; charset=utf-8")
    );
    assert_eq!(request.header("idempotency-key"), Some("test-key"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:o=\"urn:orders\">\
         <soap:Header><o:trace>test-key</o:trace></soap:Header><soap:Body><o:GetOrder version=\"1&quot;&lt;\"><o:number>7</o:number>\
         <o:line><o:sku>a</o:sku></o:line><o:line><o:sku>b&amp;c</o:sku></o:line><o:note lang=\"de\">x&#10;y</o:note></o:GetOrder></soap:Body></soap:Envelope>"
    );
}

#[test]
fn an_answer_is_json_with_attributes_lists_and_exact_text() {
    let whole = answered(json!({}), envelope(ORDER)).unwrap();
    assert_eq!(
        whole["Reply"]["order"],
        json!({ "@id": "7", "state": "open & \u{e4}lter", "line": ["a", "<b>"], "sum": { "@currency": "EUR", "#text": "0012.50" }, "note": "", "due": null })
    );
    let one = answered(
        json!({ "result": "/Reply/order/sum/#text" }),
        envelope(ORDER),
    )
    .unwrap();
    assert_eq!(one, json!("0012.50"));
    let listed = answered(
        json!({ "lists": ["/Reply/order", "/Reply/order/note", "/Reply/order/none"], "result": "/Reply/order" }),
        envelope(ORDER),
    )
    .unwrap();
    assert_eq!(listed[0]["note"], json!([""]));
    assert_eq!(listed[0]["none"], json!([]));
    let qualified = answered(
        json!({ "qualified": true, "result": "/o:Reply/o:order/o:state" }),
        envelope(ORDER),
    );
    assert_eq!(qualified, Ok(json!("open & \u{e4}lter")));
}

#[test]
fn a_fault_is_a_failure_of_its_kind() {
    let old = |code: &str| {
        enveloped(
            500,
            &format!(
                "<s:Fault><faultcode>s:{code}</faultcode><faultstring>no such order</faultstring><detail><NoOrder/></detail></s:Fault>"
            ),
        )
    };
    let new = "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>m:Locked</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en\">locked</s:Text></s:Reason></s:Fault>";
    let table = [
        (json!({}), old("Client"), "rejected"),
        (json!({}), old("Client.Order"), "rejected"),
        (json!({}), old("Server"), "unavailable"),
        (
            json!({ "faults": { "NoOrder": "not-found" } }),
            old("Server"),
            "not-found",
        ),
        (
            json!({ "faults": { "Server": "rejected" } }),
            old("Server"),
            "rejected",
        ),
        (
            json!({ "version": "1.2", "faults": { "Locked": "conflict" } }),
            enveloped(500, new),
            "conflict",
        ),
        (json!({ "version": "1.2" }), enveloped(500, new), "rejected"),
    ];
    for (options, reply, kind) in table {
        let failure = answered(options.clone(), reply).unwrap_err();
        assert_eq!(failure.kind(), kind, "{options}: {failure:?}");
        assert!(["no such order", "locked"].contains(&failure.message()));
    }
}

#[test]
fn what_no_answer_may_have_is_refused() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
    let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
    let table = [
        (Reply::status(200).body(bomb), "document type"),
        (envelope("<x>&other;</x>"), "&other;"),
        (envelope(&deep), "nest deeper"),
        (envelope("<x>"), "at byte"),
        (Reply::status(200).body("<html/>"), "root is `html`"),
        (Reply::status(200).body("{}"), "ends before"),
    ];
    for (reply, part) in table {
        let failure = answered(json!({}), reply).unwrap_err();
        assert_eq!(failure.kind(), "unavailable");
        assert!(failure.message().contains(part), "{part}: {failure:?}");
    }
    let page = answered(json!({}), Reply::status(404).body("<html/>")).unwrap_err();
    assert_eq!(page.kind(), "not-found");
}

#[test]
fn a_username_token_has_a_digest_that_the_host_made() {
    let host = host(json!({ "security": { "user": "tombolo" }, "version": "1.2" }))
        .key("password", "secret")
        .at_ms(1_763_778_600_000);
    host.reply("api", "POST", "/orders", envelope(""));
    host.start::<Soap>()
        .act("order.get", json!({ "number": 7 }))
        .unwrap();
    let request = &host.requests()[0];
    assert_eq!(
        request.header("content-type"),
        Some("application/soap+xml; charset=utf-8; action=\"urn:GetOrder\"")
    );
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert!(
        body.contains("<wsu:Created>2025-11-22T02:30:00.000Z</wsu:Created>"),
        "{body}"
    );
    assert!(body.contains("<wsse:Username>tombolo</wsse:Username>"));
    // SHA-1 over `test-key/1/1763778600000`, `2025-11-22T02:30:00.000Z` and `secret`, by another program.
    assert!(
        body.contains("#PasswordDigest\">VFMoy68TfRbgP+Ku3IpQUJky4fc=</wsse:Password>"),
        "{body}"
    );
    assert!(!body.contains("secret<"));
}

#[test]
fn what_cannot_work_is_said_with_its_field() {
    let table = [
        (json!({ "path": "orders" }), "path"),
        (json!({ "body": "x" }), "body"),
        (json!({ "namespaces": { "soap": "x" } }), "namespaces"),
        (json!({ "action": "a\"b" }), "action"),
        (json!({ "lists": ["x"] }), "lists"),
    ];
    for (options, field) in table {
        let failure = answered(options, envelope("")).unwrap_err();
        assert!(failure.message().contains(field), "{failure:?}");
    }
    let injected = json!({ "body": { "o:GetOrder": "{whole}" } });
    let host = host(injected);
    let failure = host
        .start::<Soap>()
        .act("order.get", json!({ "whole": { "a><b": 1 } }))
        .unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}

/// An operation of plain XML.
fn plain(more: Value) -> Value {
    let mut plain = json!({ "envelope": "none", "action": null, "faults": { "Error": "rejected", "Gone": "not-found" } });
    plain
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    plain
}

#[test]
fn plain_xml_is_the_element_itself_and_its_answers_root() {
    let host = host(plain(json!({
        "body": { "o:GetOrder": { "@version": "2", "o:number": "{number}" } },
        "result": "/order/line",
        "lists": ["/order/line"],
        "idempotency-header": "Idempotency-Key",
    })));
    let answer = "<?xml version=\"1.0\"?><order id=\"7\"><line>a</line><sum>0012.50</sum></order>";
    host.reply("api", "POST", "/orders", Reply::status(200).body(answer));
    let result = host
        .start::<Soap>()
        .act("order.get", json!({ "number": 7 }));
    assert_eq!(result, Ok(json!(["a"])));
    let request = &host.requests()[0];
    assert_eq!(
        request.header("content-type"),
        Some("application/xml; charset=utf-8")
    );
    assert_eq!(request.header("soapaction"), None);
    assert_eq!(request.header("idempotency-key"), Some("test-key"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><o:GetOrder xmlns:o=\"urn:orders\" version=\"2\"><o:number>7</o:number></o:GetOrder>"
    );
    assert_eq!(
        answered(plain(json!({})), Reply::status(200).body(" \n")),
        Ok(Value::Null)
    );
}

#[test]
fn plain_xml_can_be_asked_for_without_a_body() {
    let get = json!({ "path": "/orders", "envelope": "none", "method": "GET" });
    let host = Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "api": { "allow": ["GET /orders"] } },
        "actions": { "order.list": { "effect": "read", "do": get } },
    }));
    let answer = Reply::status(200).body("<orders><order>7</order></orders>");
    host.reply("api", "GET", "/orders", answer);
    assert_eq!(
        host.start::<Soap>().act("order.list", json!({})),
        Ok(json!({ "orders": { "order": "7" } }))
    );
    assert!(host.requests()[0].body.is_empty());
}

#[test]
fn what_plain_xml_says_went_wrong_is_a_failure() {
    let error = "<Error><Code>E7</Code><Message>no credit</Message></Error>";
    for (reply, kind, words) in [
        (Reply::status(200).body(error), "rejected", "E7: no credit"),
        (Reply::status(400).body(error), "rejected", "E7: no credit"),
        (
            Reply::status(200).body("<Gone>long ago</Gone>"),
            "not-found",
            "long ago",
        ),
        (Reply::status(404).body("<html/>"), "not-found", ""),
        (Reply::status(503).body(""), "unavailable", ""),
        (Reply::status(200).body("{}"), "unavailable", "no XML"),
    ] {
        let failure = answered(plain(json!({})), reply).unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure:?}");
        assert!(failure.message().contains(words), "{failure:?}");
    }
    for value in [json!(null), json!([1, 2])] {
        let host = host(plain(json!({ "body": { "a": "{whole}" } })));
        let failure = host
            .start::<Soap>()
            .act("order.get", json!({ "whole": value }))
            .unwrap_err();
        assert_eq!(failure.kind(), "invalid-input", "{failure:?}");
    }
}

#[test]
fn what_needs_an_envelope_is_refused_without_one() {
    let body = json!({ "a": "1", "b": "2" });
    for (more, field) in [
        (json!({ "version": "1.2" }), "version"),
        (json!({ "action": "urn:x" }), "action"),
        (json!({ "header": { "a": "1" } }), "header"),
        (json!({ "security": { "user": "u" } }), "security"),
        (json!({ "body": body }), "one member"),
        (json!({ "body": null }), "one member"),
        (json!({ "method": "GET" }), "body"),
        (json!({ "envelope": "soap", "method": "PUT" }), "method"),
        (json!({ "envelope": "soap", "body": null }), "body"),
    ] {
        let failure = answered(plain(more.clone()), envelope("")).unwrap_err();
        assert!(failure.message().contains(field), "{more}: {failure:?}");
    }
}
