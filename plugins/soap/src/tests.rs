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
