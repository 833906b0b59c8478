#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod mapping;
mod tables;
mod verify;

use serde_json::{Value, json};
use tombolo_sdk::testing::Host;
use tombolo_sdk::{Event, Reception};

const MANIFEST: &str = include_str!("../adapter.toml");

fn host(options: Value) -> Host {
    Host::new(MANIFEST).system(json!({
        "hooks": { "alarm": { "summary": "Alarms", "do": options } },
        "emits": ["device.alarm", "device.ok", "github.push", "a", "b"],
    }))
}

fn only(reception: Reception) -> Event {
    assert_eq!(reception.events.len(), 1, "{reception:?}");
    reception.events.into_iter().next().unwrap()
}
