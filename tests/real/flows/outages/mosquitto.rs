//! Mosquitto. It is full for a message that is larger than it takes: what it holds for a listener who is away beyond its limits it
//! drops without a word to who sent it, so that there is nothing to see.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tombolo_tests::client::Client;
use tombolo_tests::host::wait;

use super::midway::{Midway, Plan, Server, Takes};
use crate::devices::plant;
use crate::servers::Process;
use crate::servers::mosquitto::{GATEWAY, LARGEST, Mosquitto};

impl Server for Mosquitto {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn input(&mut self, case: &str) -> Value {
        json!({ "device": "p4", "command": case })
    }

    /// A broker has no list of what it was told: whoever listens has, and its session waits while nobody is connected. What is
    /// sent again after a lost acknowledgement is the same message, as MQTT's "at least once" has it.
    fn made(&self, case: &str) -> usize {
        let listener = Client::mqtt(self.open_port);
        let heard = wait("the command", || {
            let heard: BTreeSet<String> = listener.received().into_iter().collect();
            heard
                .iter()
                .any(|text| text.contains(case))
                .then_some(heard)
        });
        heard.iter().filter(|text| text.contains(case)).count()
    }
}

#[test]
fn a_command_is_sent_once_whatever_mosquitto_suffers() {
    let mut broker = Mosquitto::start();
    drop(Client::mqtt(broker.open_port));
    let system = plant(broker.port, "file:secret");
    let midway = Midway::start(&Plan {
        adapter: "broker",
        system: &system,
        secret: GATEWAY.1,
        first: (
            "device.command",
            json!({ "device": "p4", "command": "begun" }),
        ),
        second: "device.command",
    });
    midway.stopped(&mut broker, &["unavailable"]);
    midway.slow(&mut broker, &["did not confirm in time"]);
    midway.wrong_password(&mut broker, GATEWAY.1, Takes::Waiting, &["NotAuthorized"]);
    // One that never fits is not waited for, and does not keep the others waiting.
    let full = json!({ "device": "p4", "command": "x".repeat(LARGEST) });
    let less = json!({ "device": "p4", "command": "less" });
    midway.mended("full", &full, &["larger than this broker takes"], &less);
    assert_eq!(broker.made("less"), 1);
}
