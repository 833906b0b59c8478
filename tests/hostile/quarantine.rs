//! An adapter that keeps crashing: left alone until a person or another version ends it, its work kept.

use serde_json::json;
use tombolo_tests::component::{Parts, manifest};

use crate::fixture::attack_with;

/// Two attempts each: far more crashes than quarantine a system.
const EVENTS: usize = 20;

#[test]
fn case_19_a_system_that_keeps_crashing_is_quarantined_and_its_calls_wait() {
    let crashing = Parts {
        act: "unreachable".into(),
        ..Parts::default()
    };
    let attack = attack_with(&crashing.build());
    let host = &attack.host;
    for n in 0..EVENTS {
        let response = host.publish("attack", &format!("attack-{n}"), &json!({}));
        assert_eq!(response.status, 202, "{}", response.body);
    }
    let attacker = || {
        let systems = host.get("/api/systems");
        let mut all = systems.as_array().unwrap().iter();
        all.find(|one| one["system"] == "attacker").unwrap().clone()
    };
    host.wait_for("the quarantine", |_| {
        (attacker()["state"] == "quarantined").then_some(())
    });
    host.wait_for("the event for people", |host| {
        let events = host.get("/api/events?type=tombolo.system-quarantined");
        events
            .to_string()
            .contains("/systems/attacker")
            .then_some(())
    });
    let ended = |status: &str| {
        let runs = host.get(&format!("/api/runs?flow=attack&status={status}&limit=1000"));
        runs.as_array().map_or(0, Vec::len)
    };
    host.wait_for("all others wait in the store", |_| {
        let parked = usize::try_from(attacker()["delivery"]["parked"].as_u64()?).ok()?;
        (parked > 0 && parked + ended("dead") == EVENTS).then_some(())
    });
    attack.neighbour_works();

    let mended = Parts {
        manifest: manifest("hostile/adapter", "").replace("0.1.0", "0.1.1"),
        ..Parts::default()
    };
    attack.site.adapter_bytes("component", &mended.build());
    attack.site.approve("attacker");
    assert_eq!(host.post("/api/reload", &json!({})).status, 200);
    host.wait_for("what waited is done by the mended version", |_| {
        (ended("done") + ended("dead") == EVENTS && ended("done") > 0).then_some(())
    });
    assert_eq!(attacker()["state"], "running");
}
