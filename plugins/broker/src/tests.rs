#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use tombolo_sdk::testing::Host;
use tombolo_sdk::{Failure, Inbound, broker};

use crate::Broker;

fn host(action: Value, hook: Value) -> Host {
    Host::new(include_str!("../adapter.toml")).system(json!({
        "connections": { "bus": { "publish": ["plant/*/command"] } },
        "actions": { "command.send": { "do": action } },
        "hooks": { "alarm": { "do": hook } },
        "emits": ["device.alarm", "device.ok"],
    }))
}

fn hook(event: Value) -> Value {
    json!({ "event": event })
}

fn message(topic: &str, body: &str) -> Inbound {
    let mut inbound = Inbound::post("alarm", body);
    "MESSAGE".clone_into(&mut inbound.method);
    topic.clone_into(&mut inbound.url);
    inbound.with_header("message-id", "m-1")
}

#[test]
fn an_action_publishes_what_its_templates_say() {
    let action = json!({ "topic": "plant/{device}/command", "payload": { "go": "{speed}" }, "headers": { "trace": "t-{device}" } });
    let host = host(action, hook(json!({ "type": "device.ok" })));
    let running = host.start::<Broker>();
    running
        .act("command.send", json!({ "device": "p4", "speed": 1.50 }))
        .unwrap();
    let sent = &host.messages()[0];
    assert_eq!(
        (sent.connection.as_str(), sent.topic.as_str()),
        ("bus", "plant/p4/command")
    );
    assert_eq!(sent.payload, br#"{"go":1.5}"#);
    let headers: Vec<(&str, &str)> = sent
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        headers,
        [
            ("trace", "t-p4"),
            ("content-type", "application/json"),
            ("message-id", "test-key")
        ]
    );

    host.not_published(broker::Error::Timeout);
    let failure = running
        .act("command.send", json!({ "device": "p4", "speed": 1 }))
        .unwrap_err();
    assert_eq!(failure.kind(), "unavailable");
    let failure = running
        .act("command.send", json!({ "speed": 1 }))
        .unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}

#[test]
fn a_message_becomes_an_event() {
    let event = json!({ "type": "device.{/payload/kind}", "subject": "{/parts/1}", "time": "{/payload/at?}" });
    let running = host(json!({ "topic": "plant/x/command" }), hook(event)).start::<Broker>();
    let reception = running
        .receive(message(
            "plant/p4/alarm",
            r#" {"kind": "alarm", "value": 12345678901234567890.10} "#,
        ))
        .unwrap();
    let event = &reception.events[0];
    assert_eq!(event.type_, "device.alarm");
    assert_eq!(event.subject.as_deref(), Some("p4"));
    assert_eq!(event.id.as_deref(), Some("m-1"));
    assert_eq!(
        event.data,
        r#"{"kind": "alarm", "value": 12345678901234567890.10}"#
    );
}

#[test]
fn text_and_what_is_no_json() {
    let text = json!({ "format": "text", "event": { "type": "device.ok", "id": "{topic}", "data": { "said": "{payload}" } } });
    let running = host(json!({ "topic": "plant/x/command" }), text).start::<Broker>();
    let reception = running.receive(message("a", "on")).unwrap();
    assert_eq!(reception.events[0].data, r#"{"said":"on"}"#);
    assert_eq!(reception.events[0].id.as_deref(), Some("a"));

    let running = host(
        json!({ "topic": "plant/x/command" }),
        hook(json!({ "type": "device.ok" })),
    )
    .start::<Broker>();
    let failure = running.receive(message("a", "on")).unwrap_err();
    assert!(
        matches!(failure, Failure::InvalidInput(_)) && failure.message().contains("format: text")
    );
    assert_eq!(
        running
            .receive(Inbound::post("alarm", "{}"))
            .unwrap_err()
            .kind(),
        "not-offered"
    );
}
