//! Adapters that misbehave while they run: killed at their budget, their event retried and kept, neighbours unharmed.

use serde_json::{Value, json};
use tombolo_tests::component::{Parts, manifest, ok_json};

use crate::fixture::{Attack, attack, attack_with, died_saying, says};

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
actions:
  go: { effect: read, summary: Goes, do: {} }
limits: { cpu: 100 ms, memory: 16 MiB }
";

/// An input for which [`if_long`] does what it was given.
const LONG: &str = "long enough for the attack";

/// A body of `act` that does this where its input is long, and answers well where it is short: but not in an instance
/// that did it before.
fn if_long(attack: &str) -> String {
    format!(
        "(if (result i32) (i32.gt_u (local.get 3) (i32.const 20))
           (then (i32.store (i32.const 4096) (i32.const 1)) {attack})
           (else (if (i32.load (i32.const 4096)) (then unreachable)) {}))",
        ok_json("i32.const 1024", "i32.const 2")
    )
}

#[track_caller]
fn done(run: &Value) {
    assert_eq!(run["run"]["status"], "done", "{run:#}");
}

/// A component whose manifest asks for a small budget.
fn small(parts: Parts) -> Attack {
    attack_with(
        &Parts {
            manifest: manifest(
                "hostile/component",
                "[limits]\ncpu = \"100 ms\"\ndeadline = \"5 s\"",
            ),
            ..parts
        }
        .build(),
    )
}

#[test]
fn case_01_an_endless_loop_is_killed_at_its_budget() {
    let attack = attack(SYSTEM);
    died_saying(&attack.deed(&json!({"do": "loop"})), &["CPU", "100 ms"]);
    attack.neighbour_works();
}

#[test]
fn case_02_an_endless_loop_at_start_fails_the_load() {
    let attack = small(Parts {
        start: "(loop $again (br $again))".into(),
        ..Parts::default()
    });
    let systems = attack
        .host
        .wait_for("the attacker's system failed", |host| {
            let systems = host.get("/api/systems").to_string();
            systems.contains("failed").then_some(systems)
        });
    assert!(systems.contains("CPU"), "{systems}");
    attack.neighbour_works();
}

#[test]
fn case_03_an_endless_loop_in_realloc_is_killed() {
    // The loop begins at the second call's argument, so that the load itself works.
    let attack = small(Parts {
        realloc: "(loop $again (br $again)) unreachable".into(),
        ..Parts::default()
    });
    died_saying(&attack.deed(&json!({"x": 1})), &["CPU"]);
    attack.neighbour_works();
}

#[test]
fn case_04_an_endless_loop_after_the_return_is_killed() {
    // It answers well each time, and loops afterwards where its input is long.
    let attack = small(Parts {
        act: if_long(&ok_json("i32.const 1024", "i32.const 2")),
        post_act: "(if (i32.load (i32.const 4096)) (then (loop $again (br $again))))".into(),
        ..Parts::default()
    });
    attack.site.write(
        "flows/commit.yaml",
        "
on: commit
steps:
  - { id: go, call: attacker.go, with: \"${event.data}\", retry: { attempts: 2, backoff: 50ms } }
  - emit: { type: committed, subject: so, data: \"${event.data}\" }
",
    );
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    let committed = || {
        let events = attack.host.get("/api/events?type=committed");
        events.as_array().unwrap().len()
    };
    let run = attack.run("commit", &json!({"x": LONG}));
    died_saying(&run, &["CPU"]);
    // Two attempts answered, and neither answer counts.
    assert_eq!(run["trace"]["steps"][0]["result"], Value::Null, "{run:#}");
    assert_eq!(committed(), 0);
    done(&attack.run("commit", &json!({})));
    assert_eq!(committed(), 1);
    attack.neighbour_works();
}

#[test]
fn case_06_memory_grows_to_its_bound_and_no_further() {
    let attack = attack(SYSTEM);
    died_saying(&attack.deed(&json!({"do": "grow"})), &["memory"]);
    attack.neighbour_works();
}

#[test]
fn case_08_infinite_recursion_ends_at_the_stack() {
    let module = "(memory (export \"memory\") 2) (func $deep (call $deep))".to_owned();
    let attack = small(Parts {
        module,
        act: "(call $deep) (i32.const 512)".into(),
        ..Parts::default()
    });
    died_saying(&attack.deed(&json!({"x": 1})), &["stack"]);
    attack.neighbour_works();
    // A compiled guest keeps locals in a stack of its own memory, which ends first.
    let other = crate::fixture::attack(SYSTEM);
    died_saying(&other.deed(&json!({"do": "recurse"})), &["trapped"]);
    other.neighbour_works();
}

#[test]
fn case_09_a_string_of_a_gibibyte_is_refused_unread() {
    let attack = small(Parts {
        act: ok_json("i32.const 0", "i32.const 1073741824"),
        ..Parts::default()
    });
    died_saying(
        &attack.deed(&json!({"x": 1})),
        &["broke the contract", "out of bounds"],
    );
    // A true one, within memory but over the bound of an answer.
    let other = crate::fixture::attack(SYSTEM);
    died_saying(
        &other.deed(&json!({"do": "answer", "bytes": 2 << 20})),
        &["at most 1048576"],
    );
    other.neighbour_works();
}

#[test]
fn case_12_wrong_utf8_is_a_crash_of_the_adapter() {
    let module =
        "(memory (export \"memory\") 2) (data (i32.const 2048) \"\\ff\\fe\\22\")".to_owned();
    let attack = small(Parts {
        module,
        act: if_long(&ok_json("i32.const 2048", "i32.const 3")),
        ..Parts::default()
    });
    died_saying(
        &attack.deed(&json!({"x": LONG})),
        &["broke the contract", "utf-8"],
    );
    done(&attack.deed(&json!({})));
    attack.neighbour_works();
}

#[test]
fn case_13_a_discriminant_that_is_none_is_a_crash() {
    let act = "(i32.store8 (i32.const 512) (i32.const 77)) (i32.const 512)";
    let attack = small(Parts {
        act: if_long(act),
        ..Parts::default()
    });
    died_saying(
        &attack.deed(&json!({"x": LONG})),
        &["broke the contract", "discriminant"],
    );
    done(&attack.deed(&json!({})));
    attack.neighbour_works();
}

#[test]
fn case_15_a_flood_of_host_calls_is_stopped() {
    let attack = attack(SYSTEM);
    let run = attack.deed(&json!({"do": "flood"}));
    died_saying(&run, &["host calls"]);
    attack.neighbour_works();
}

#[test]
fn case_16_a_flood_of_log_lines_is_cut() {
    let attack = attack(SYSTEM);
    let run =
        attack.deed(&json!({"do": "log", "text": "flooding the operator's disk", "lines": 300}));
    assert_eq!(run["run"]["status"], "done", "{run:#}");
    let lines = attack
        .host
        .log()
        .matches("flooding the operator's disk")
        .count();
    assert!((1..=100).contains(&lines), "{lines} lines were kept");
}

#[test]
fn case_17_after_a_trap_the_next_call_gets_a_fresh_instance() {
    let attack = attack(SYSTEM);
    says(&attack.deed(&json!({"do": "echo"})), &["calls"]);
    died_saying(&attack.deed(&json!({"do": "trap"})), &["trap"]);
    let run = attack.deed(&json!({"do": "echo"})).to_string();
    assert!(
        run.contains(r#"\"calls\":1"#) || run.contains(r#""calls":1"#),
        "the instance outlived its trap: {run}"
    );
    attack.neighbour_works();
}

#[test]
fn case_46_a_poison_event_is_retried_so_often_and_its_lane_goes_on() {
    let attack = attack(SYSTEM);
    let flow = "
on: attack
key: \"'one lane'\"
steps:
  - id: go
    call: attacker.go
    with: \"${event.data}\"
    retry: { attempts: 3, backoff: 20ms }
";
    attack.site.write("flows/attack.yaml", flow);
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    let run = attack.deed(&json!({"do": "trap"}));
    died_saying(&run, &["trap"]);
    let attempts = run["trace"]
        .to_string()
        .matches("\"kind\":\"internal\"")
        .count();
    assert_eq!(attempts, 3, "{run:#}");
    let next = attack.deed(&json!({"do": "echo"}));
    assert_eq!(
        next["run"]["status"], "done",
        "the lane stands still: {next:#}"
    );
}

#[test]
fn case_49_another_systems_keys_cannot_be_read_or_listed() {
    let attack = attack(SYSTEM);
    says(
        &attack.deed(&json!({"do": "keep", "key": "mine", "value": "v1"})),
        &["Ok"],
    );
    let flow = "
on: other
steps:
  - id: go
    call: neighbour.go
    with: \"${event.data}\"
";
    attack.site.write("flows/other.yaml", flow);
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    for deed in [
        json!({"do": "kept", "key": "mine"}),
        json!({"do": "kept", "key": "attacker/mine"}),
        json!({"do": "keys", "prefix": ""}),
    ] {
        let response = attack.host.publish("other", &deed.to_string(), &deed);
        let seq = response.json()["events"][0]["seq"].as_i64().unwrap();
        let run = attack.host.wait_for("the run of the other system", |host| {
            let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
            let response = host.send(
                "GET",
                &format!("/api/runs/{seq}.other"),
                &[("authorization", &authorization)],
                b"",
            );
            (response.status == 200)
                .then(|| response.json())
                .filter(|run| run["run"]["status"] == "done")
        });
        let found = run["trace"]["steps"][0]["result"].to_string();
        // The value as the attacker shows its bytes, and the key.
        assert!(
            !found.contains("118, 49") && !found.contains("mine"),
            "{run:#}"
        );
    }
    says(
        &attack.deed(&json!({"do": "kept", "key": "mine"})),
        &["118, 49"],
    );
}
