//! Events and state: storms, floods, borrowed names, wrong payloads, races for room.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tombolo_tests::site::TOKEN;

use crate::fixture::{Attack, attack, died_saying, says};

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
hooks:
  in: { summary: Takes what comes, do: {} }
emits: [attack.received]
actions:
  go: { effect: read, summary: Goes, do: {} }
";

/// The site with more flows.
fn site(flows: &[(&str, &str)]) -> Attack {
    let attack = attack(SYSTEM);
    for (name, text) in flows {
        attack.site.write(&format!("flows/{name}.yaml"), text);
    }
    let reload = attack.host.post("/api/reload", &json!({}));
    assert_eq!(reload.status, 200, "{}", reload.body);
    attack
}

/// What the hook answers to a body that the adapter makes events of.
fn hook(attack: &Attack, headers: &[(&str, &str)], body: &str) -> u16 {
    let response = attack
        .host
        .send("POST", "/hooks/attacker/in", headers, body.as_bytes());
    response.status
}

fn stored(attack: &Attack, kind: &str) -> Vec<Value> {
    let events = attack.host.get(&format!("/api/events?type={kind}"));
    events.as_array().cloned().unwrap_or_default()
}

#[test]
fn case_40_systems_and_flows_that_answer_each_other_end_at_a_number() {
    let attack = site(&[
        (
            "ping",
            "on: ping\nsteps: [{ emit: { type: pong, data: {} } }]\n",
        ),
        (
            "pong",
            "on: pong\nsteps: [{ emit: { type: ping, data: {} } }]\n",
        ),
    ]);
    attack.site.write(
        "systems/neighbour.yaml",
        "adapter: adapters/attacker.wasm\nactions: { go: { effect: read, summary: Goes, do: {} } }\n",
    );
    attack.site.approve("neighbour");
    let bounce = json!({"do": "bounce", "here": "attacker", "there": "neighbour"});
    died_saying(&attack.deed(&bounce), &["chain of calls is 4 deep"]);
    assert_eq!(attack.host.publish("ping", "p-1", &json!({})).status, 202);
    let dead = attack.host.wait_for("the storm ends", |host| {
        let dead = host.get("/api/dead").to_string();
        dead.contains("flows react").then_some(dead)
    });
    assert!(dead.contains("expected at most 16"), "{dead}");
    let all = stored(&attack, "ping").len() + stored(&attack, "pong").len();
    assert_eq!(all, 17, "the first and sixteen that came of it");
    attack.neighbour_works();
}

#[test]
fn case_41_one_event_does_not_become_a_hundred_thousand() {
    let each = "  - each: event.data.items\n    steps: [{ emit: { type: copy, data: {} } }]\n";
    let attack = site(&[
        ("many", &format!("on: many\nsteps:\n{each}")),
        ("twice", &format!("on: twice\nsteps:\n{each}{each}")),
    ]);
    // By an adapter, by a batch, by a flow with too many items, by one with too many events.
    for count in ["1001", "100000"] {
        assert_eq!(hook(&attack, &[("x-count", count)], "{}"), 502);
    }
    assert_eq!(stored(&attack, "attack.received").len(), 0);
    let event = json!({"specversion": "1.0", "type": "copy", "source": "/t", "id": "1"});
    let authorization = format!("Bearer {TOKEN}");
    let response = attack.host.send(
        "POST",
        "/events",
        &[
            ("authorization", &authorization),
            ("content-type", "application/cloudevents-batch+json"),
        ],
        json!(vec![event; 1_001]).to_string().as_bytes(),
    );
    assert_eq!(response.status, 422, "{}", response.body);
    let items = |count: usize| json!({"items": vec![1; count]});
    died_saying(
        &attack.run("many", &items(1_001)),
        &["1001 items, expected at most 1000"],
    );
    died_saying(&attack.run("twice", &items(600)), &["at most 1000"]);
    attack.neighbour_works();
}

#[test]
fn case_41_what_comes_of_one_event_through_several_runs_ends_at_a_hundred_thousand() {
    // A run that emits a thousand events, each of which causes a run that does.
    let each = "  - each: event.data.items\n";
    let copy = "    steps: [{ emit: { type: copy, data: { items: '${event.data.items}' } } }]\n";
    let attack = site(&[
        ("many", &format!("on: many\nsteps:\n{each}{copy}")),
        (
            "more",
            &format!("on: copy\nsteps:\n{each}    steps: [{{ emit: {{ type: leaf }} }}]\n"),
        ),
    ]);
    let items = json!({"items": vec![1; 1_000]});
    assert_eq!(attack.host.publish("many", "m-1", &items).status, 202);
    // Runs at once share the last room: of 1,000 that want as many each, 99 end well at most.
    let (letters, dead) = attack.host.wait_for("the storm ends", |host| {
        let dead = host.get("/api/dead?flow=more&limit=1000");
        let letters = dead["letters"].as_array()?.len();
        (letters >= 901).then(|| (letters, dead.to_string()))
    });
    let said = "number 100001 of those that came of event 1, expected at most 100000";
    assert_eq!(dead.matches(said).count(), letters, "{dead}");
    let newest = || attack.host.get("/api/events?limit=1")[0]["seq"].as_i64();
    assert_eq!(
        newest(),
        Some(1 + 100_000 + 100),
        "the first, all that may come of it, and what tells of the first dead letters"
    );
    assert_eq!(stored(&attack, "tombolo.dead-letter&limit=1000").len(), 100);
    // Nor does it begin anew when the event is given to the flow again.
    let order = json!({"flow": "many", "type": "many"});
    assert_eq!(attack.host.post("/api/replay", &order).status, 200);
    let runs = "/api/runs?flow=many&status=dead";
    attack.host.wait_for("the replay ends", |host| {
        let ended = host.get(runs).to_string().contains("replay-1");
        ended.then_some(())
    });
    assert_eq!(newest(), Some(1 + 100_000 + 100));
    attack.neighbour_works();
}

#[test]
fn case_42_an_event_cannot_have_another_systems_source() {
    let attack = site(&[]);
    let lie = r#"{"source": "/systems/neighbour", "tombolohops": -5}"#;
    assert_eq!(
        hook(&attack, &[("x-source", "/systems/neighbour")], lie),
        202
    );
    assert_eq!(
        stored(&attack, "attack.received")[0]["source"],
        "/systems/attacker"
    );
    let authorization = format!("Bearer {TOKEN}");
    for more in [
        r#""source":"/systems/neighbour""#,
        r#""source":"/systems/neighbour/deeper""#,
        r#""source":"/flows/attack""#,
        r#""source":"/t","tombolohops":0"#,
        r#""source":"/t","tombolocause":"1.attack""#,
        r#""source":"/t","tomboloroot":1"#,
        r#""source":"/t","type":"tombolo.system-down""#,
    ] {
        let kind = if more.contains("\"type\"") {
            ""
        } else {
            r#""type":"attack","#
        };
        let event = format!(r#"{{"specversion":"1.0","id":"1",{kind}{more}}}"#);
        let response = attack.host.send(
            "POST",
            "/events",
            &[
                ("authorization", &authorization),
                ("content-type", "application/cloudevents+json"),
            ],
            event.as_bytes(),
        );
        assert_eq!(response.status, 422, "{more}: {}", response.body);
    }
    assert_eq!(
        attack.host.get("/api/events").as_array().map(Vec::len),
        Some(1)
    );
    attack.neighbour_works();
}

#[test]
fn case_43_a_type_that_was_not_granted_is_not_emitted() {
    let attack = site(&[]);
    for kind in ["order.paid", "tombolo.system-up", "attack.Received"] {
        let status = hook(&attack, &[("x-type", kind)], "{}");
        assert!((400..600).contains(&status), "{kind}: {status}");
    }
    assert_eq!(
        attack.host.get("/api/events").as_array().map(Vec::len),
        Some(0)
    );
    attack.refusal_is_recorded(&["emit", "order.paid"]);
    assert_eq!(hook(&attack, &[], "{}"), 202);
    attack.neighbour_works();
}

#[test]
fn case_44_an_input_against_its_schema_is_a_dead_letter_with_the_reason() {
    let attack = site(&[]);
    let schema = "{ type: object, required: [do], additionalProperties: false, properties: { do: { const: echo } } }";
    attack.site.write(
        "systems/attacker.yaml",
        &format!("adapter: adapters/attacker.wasm\nactions: {{ go: {{ effect: read, summary: Goes, do: {{}}, input: {schema} }} }}\n"),
    );
    attack.site.approve("attacker");
    let reload = attack.host.post("/api/reload", &json!({}));
    assert_eq!(reload.status, 200, "{}", reload.body);
    died_saying(
        &attack.deed(&json!({"do": "loop"})),
        &["invalid-input", "/do"],
    );
    died_saying(&attack.deed(&json!({})), &["invalid-input", "do"]);
    died_saying(
        &attack.deed(&json!({"do": "echo", "more": 1})),
        &["invalid-input", "more"],
    );
    let dead = attack.host.get("/api/dead").to_string();
    assert_eq!(dead.matches("invalid-input: ").count(), 3, "{dead}");
    says(&attack.deed(&json!({"do": "echo"})), &["calls"]);
    attack.neighbour_works();
}

#[test]
fn case_45_an_event_that_comes_twice_counts_once() {
    let attack = site(&[]);
    for _ in 0..5 {
        assert_eq!(
            attack.host.publish("healthy", "same", &json!({})).status,
            202
        );
    }
    let again = attack
        .host
        .publish("healthy", "same", &json!({"other": "data"}));
    assert_eq!(again.json()["events"][0]["duplicate"], true);
    attack.neighbour_works();
    assert_eq!(
        stored(&attack, "healthy").len(),
        2,
        "the one, and the neighbour's"
    );
    let runs = attack.host.get("/api/runs?flow=healthy");
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "{runs:#}");
}

#[test]
fn case_50_a_race_for_the_last_room_is_won_exactly_as_often_as_there_is_room() {
    let attack = site(&[]);
    // Sixteen of them fill the quota of 16 KiB to the byte.
    let deed =
        |n: usize| json!({"do": "keep", "key": format!("k{n:03}"), "value": "x".repeat(1_020)});
    let events: Vec<Value> = (0..60)
        .map(|n| json!({"specversion": "1.0", "type": "attack", "source": "/race", "id": n.to_string(), "data": deed(n)}))
        .collect();
    let authorization = format!("Bearer {TOKEN}");
    let response = attack.host.send(
        "POST",
        "/events",
        &[
            ("authorization", &authorization),
            ("content-type", "application/cloudevents-batch+json"),
        ],
        json!(events).to_string().as_bytes(),
    );
    assert_eq!(response.status, 202, "{}", response.body);
    attack.host.wait_for("all of them ended", |host| {
        let runs = host.get("/api/runs?flow=attack&status=done&limit=1000");
        (runs.as_array()?.len() == 60).then_some(())
    });
    let mut results: BTreeMap<bool, usize> = BTreeMap::new();
    for place in response.json()["events"].as_array().unwrap() {
        let run = attack
            .host
            .get(&format!("/api/runs/{}.attack", place["seq"]));
        let text = run.to_string();
        assert!(text.contains("Ok(())") || text.contains("Quota"), "{run:#}");
        *results.entry(text.contains("Ok(())")).or_default() += 1;
    }
    assert_eq!(results, BTreeMap::from([(true, 16), (false, 44)]));
    attack.neighbour_works();
}

#[test]
fn case_51_huge_keys_and_a_million_tiny_ones_end_at_their_bounds() {
    let attack = site(&[]);
    let keep = |key: usize, value: usize| json!({"do": "keep", "key": "k".repeat(key), "value": "v".repeat(value)});
    for (key, value, said) in [
        (0, 1, "expected 1 to 256"),
        (257, 1, "expected 1 to 256"),
        (900_000, 1, "expected 1 to 256"),
        (1, 65_537, "at most 65536"),
        (256, 16_200, "Quota(16384)"),
    ] {
        says(&attack.deed(&keep(key, value)), &[said]);
    }
    died_saying(
        &attack.deed(&json!({"do": "litter", "count": 1_000_000})),
        &["host calls"],
    );
    says(
        &attack.deed(&json!({"do": "kept", "key": "k0"})),
        &["Some([])"],
    );
    attack.neighbour_works();
}
