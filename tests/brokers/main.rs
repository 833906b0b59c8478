//! Brokers, in and out: the real binary against Mosquitto, RabbitMQ and nats-server.
//!
//! Each broker is told the same story: an alarm comes in and a command goes out; what cannot be read does not block what
//! can; what is published while the host is down arrives once it is back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::LazyLock;

use serde_json::Value;
use tombolo_tests::broker::Broker;
use tombolo_tests::built::adapter;
use tombolo_tests::client::Client;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

/// RabbitMQ alone takes a processor for seconds: one story at a time.
static ONE_AT_A_TIME: LazyLock<std::sync::Mutex<()>> = LazyLock::new(Default::default);

#[test]
fn mqtt_5_in_and_out() {
    let broker = Broker::mosquitto();
    let bus = format!("mqtt: \"mqtt://127.0.0.1:{}\"", broker.port);
    let client = Client::mqtt(broker.port);
    story(
        &bus,
        "topic: plant/+/alarm",
        "plant/{device}/command",
        "plant/*/command",
        &client,
    );
}

#[test]
fn mqtt_3_1_1_in_and_out() {
    let broker = Broker::mosquitto();
    let bus = format!("mqtt: \"mqtt://127.0.0.1:{}\", version: 3.1.1", broker.port);
    let client = Client::mqtt(broker.port);
    story(
        &bus,
        "topic: plant/+/alarm",
        "plant/{device}/command",
        "plant/*/command",
        &client,
    );
}

#[test]
fn amqp_in_and_out() {
    let broker = Broker::rabbitmq();
    let bus = format!(
        "amqp: \"amqp://127.0.0.1:{}\", user: guest, password: \"env:BUS_PASSWORD\"",
        broker.port
    );
    let client = Client::amqp(broker.port);
    story(
        &bus,
        "queue: alarms",
        "/{device}-commands",
        "/p4-commands",
        &client,
    );
}

#[test]
fn nats_in_and_out() {
    let broker = Broker::nats();
    let bus = format!("nats: \"nats://127.0.0.1:{}\"", broker.port);
    let client = Client::nats(broker.port);
    story(
        &bus,
        "stream: ALARMS, topic: alarms.>",
        "commands.{device}",
        "commands.*",
        &client,
    );
}

fn story(bus: &str, from: &str, topic: &str, publish: &str, client: &Client) {
    let _alone = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let site = site(bus, from, topic, publish);
    let environment = [("BUS_PASSWORD", "guest")];
    let host = TestHost::start(&site, &environment);

    // Again and again until it is heard: a topic remembers nothing for who subscribes later. Its id makes it one event.
    wait("the first alarm", || {
        client.publish(r#"{"id": "a-1", "device": "p4"}"#);
        Some(()).filter(|()| events(&host, "device.alarm").len() == 1)
    });
    host.wait_for_run("stop", "done");
    wait("the command", || {
        client
            .received()
            .contains(&r#"{"stop":"a-1"}"#.to_owned())
            .then_some(())
    });

    client.publish("not json");
    client.publish(r#"{"id": "a-2", "device": "p4"}"#);
    wait("the second alarm", || {
        Some(()).filter(|()| events(&host, "device.alarm").len() == 2)
    });
    let refused = events(&host, "tombolo.message-refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["data"]["body"], "not json");
    let posted = host.send("POST", "/hooks/plant/alarm", &[], br#"{"id": "a-9"}"#);
    assert_eq!(
        posted.status, 404,
        "a hook that a broker feeds is closed to posts"
    );

    host.kill();
    client.publish(r#"{"id": "a-3", "device": "p4"}"#);
    let host = TestHost::start(&site, &environment);
    wait("the third alarm", || {
        Some(()).filter(|()| events(&host, "device.alarm").len() == 3)
    });
    wait("the third command", || {
        client
            .received()
            .contains(&r#"{"stop":"a-3"}"#.to_owned())
            .then_some(())
    });
    let ids: Vec<Value> = events(&host, "device.alarm")
        .into_iter()
        .map(|event| event["id"].clone())
        .collect();
    assert_eq!(ids, ["a-3", "a-2", "a-1"], "each once, in order");

    // Not in the grant: nothing leaves.
    let before = client.received().len();
    host.publish(
        "device.lost",
        "l-1",
        &serde_json::json!({ "device": "x.y" }),
    );
    let run = host.wait_for_run("astray", "dead").to_string();
    assert!(run.contains("not in the grant"), "{run}");
    assert_eq!(client.received().len(), before);
}

fn events(host: &TestHost, kind: &str) -> Vec<Value> {
    let events = host.get(&format!("/api/events?type={kind}&limit=1000"));
    events.as_array().cloned().unwrap_or_default()
}

fn site(bus: &str, from: &str, topic: &str, publish: &str) -> TestSite {
    let site = TestSite::new();
    site.adapter("broker", &adapter("plugins/broker"));
    site.write(
        "systems/plant.yaml",
        &format!(
            r#"adapter: adapters/broker.wasm
connections:
  bus: {{ {bus}, publish: ["{publish}"] }}
hooks:
  alarm:
    from: {{ connection: bus, {from} }}
    do:
      event: {{ type: device.alarm, id: "{{/payload/id}}", subject: "{{/payload/device}}" }}
actions:
  command.send:
    effect: write
    do: {{ topic: "{topic}", payload: {{ stop: "{{id}}" }} }}
emits: [device.alarm]
"#
        ),
    );
    site.write(
        "flows/stop.yaml",
        "on: device.alarm\nkey: event.subject\nsteps:\n  - call: plant.command.send\n    with: { device: \"${event.data.device}\", id: \"${event.data.id}\" }\n",
    );
    site.write(
        "flows/astray.yaml",
        "on: device.lost\nsteps:\n  - call: plant.command.send\n    with: { device: \"${event.data.device}\", id: lost }\n",
    );
    site.approve("plant");
    site
}
