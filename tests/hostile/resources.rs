//! Adapters that reach for more than their share: memory, tables, handles, answers, time. Each is stopped at a number,
//! and what the host itself spends on it has a bound too.

use serde_json::json;
use tombolo_tests::component::{Parts, manifest, ok_json};
use tombolo_tests::server::Reply;

use crate::fixture::{attack, attack_with, died_saying, peak, says};

/// A component whose manifest asks for a small budget.
fn small(parts: Parts) -> Vec<u8> {
    Parts {
        manifest: manifest(
            "hostile/component",
            "[limits]\ncpu = \"100 ms\"\ndeadline = \"5 s\"",
        ),
        ..parts
    }
    .build()
}

#[test]
fn case_05_giant_fills_and_copies_are_bounded_by_memory_and_time() {
    for instruction in [
        "(memory.fill (i32.const 0) (i32.const 7) (i32.const 50000000))",
        "(memory.copy (i32.const 0) (i32.const 25000000) (i32.const 25000000))",
    ] {
        let attack = attack_with(&small(Parts {
            module: "(memory (export \"memory\") 800)".into(),
            act: format!("(loop $again {instruction} (br $again)) unreachable"),
            ..Parts::default()
        }));
        died_saying(&attack.deed(&json!({"x": 1})), &["CPU", "100 ms"]);
        attack.neighbour_works();
    }
    // Past the end of memory: a trap, and nothing beside it is touched.
    let attack = attack_with(&small(Parts {
        act: "(memory.fill (i32.const 0) (i32.const 7) (i32.const -1)) unreachable".into(),
        ..Parts::default()
    }));
    died_saying(&attack.deed(&json!({"x": 1})), &["out of bounds"]);
    attack.neighbour_works();
}

#[test]
fn case_07_a_table_grows_to_its_bound_and_no_further() {
    let attack = attack_with(&small(Parts {
        module: "(memory (export \"memory\") 2) (table $t 1 funcref)".into(),
        act: "(loop $again (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable".into(),
        ..Parts::default()
    }));
    died_saying(
        &attack.deed(&json!({"x": 1})),
        &["wanted a table", "more than 20000"],
    );
    attack.neighbour_works();
    // One that begins too large, and too many of them, do not even start.
    for tables in [
        "(table 10000000 funcref)".to_owned(),
        "(table 1 funcref) ".repeat(100),
    ] {
        let attack = attack_with(&small(Parts {
            module: format!("(memory (export \"memory\") 2) {tables}"),
            ..Parts::default()
        }));
        let systems = attack.host.get("/api/systems").to_string();
        assert!(systems.contains("failed"), "{systems}");
        attack.neighbour_works();
    }
}

#[test]
fn case_10_a_list_of_millions_of_strings_is_refused_unread() {
    // A failure with three million problems, each of two empty texts: little in the guest, much in a host that copies.
    let attack = attack_with(&small(Parts {
        module: "(memory (export \"memory\") 800)".into(),
        act: "(i32.store8 (i32.const 512) (i32.const 1)) (i32.store8 (i32.const 520) (i32.const 0)) \
              (i32.store (i32.const 528) (i32.const 131072)) (i32.store (i32.const 532) (i32.const 3000000)) (i32.const 512)"
            .into(),
        ..Parts::default()
    }));
    let before = peak(&attack.host);
    died_saying(
        &attack.deed(&json!({"x": 1})),
        &["internal", "broke the contract"],
    );
    let grown = peak(&attack.host) - before;
    assert!(grown < 64 << 20, "the host took {grown} bytes for it");
    attack.neighbour_works();
}

#[test]
fn case_11_handles_end_at_their_bound() {
    let attack = attack_with(&small(Parts {
        wit: "package hostile:handles; interface box { resource one; } world more { export box; }".into(),
        module: "(import \"[export]hostile:handles/box\" \"[resource-new]one\" (func $new (param i32) (result i32)))
                 (memory (export \"memory\") 2)"
            .into(),
        act: format!(
            "(local $i i32) (loop $again (drop (call $new (local.get $i))) (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000)))) {}",
            ok_json("i32.const 1024", "i32.const 2")
        ),
        ..Parts::default()
    }));
    died_saying(&attack.deed(&json!({"x": 1})), &["internal"]);
    attack.neighbour_works();
}

const SLOW: &str = "
adapter: adapters/attacker.wasm
connections:
  api: { http: \"http://{{server}}/\", network: private, allow: [\"GET /orders/*\"] }
actions:
  go: { effect: read, summary: Goes, do: {} }
limits: { cpu: 100 ms, deadline: 1 s }
";

#[test]
fn case_14_waiting_past_its_deadline_is_ended_wherever_it_waits() {
    let attack = attack(SLOW);
    attack.server.always(Some(Reply::hanging()));
    // Again and again for a server that never answers, and for another system that does the same.
    let hammer = json!({"do": "hammer", "connection": "api", "path": "/orders/7", "turns": 0});
    died_saying(&attack.deed(&hammer), &["within its deadline of 1 s"]);
    attack.site.write(
        "systems/neighbour.yaml",
        &SLOW
            .replace("{{server}}", &attack.server.address.to_string())
            .replace("1 s", "30 s"),
    );
    attack.site.approve("neighbour");
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    let call = json!({"do": "call", "system": "neighbour", "input": hammer});
    died_saying(&attack.deed(&call), &["within its deadline of 1 s"]);
    attack.server.always(None);
    attack.neighbour_works();
}

#[test]
fn case_18_the_next_instance_reads_zeros_where_another_kept_a_secret() {
    // With a long input it fills its memory and breaks; with a short one it looks for what is not zero.
    let spy = small(Parts {
        module: "(memory (export \"memory\") 160)".into(),
        act: format!(
            "(local $at i32) (local.set $at (i32.const 1048576))
             (if (i32.gt_u (local.get 3) (i32.const 20))
               (then (memory.fill (local.get $at) (i32.const 83) (i32.const 9437184)) unreachable))
             (loop $again
               (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
                 (then (loop $found (br $found))))
               (local.set $at (i32.add (local.get $at) (i32.const 8)))
               (br_if $again (i32.lt_u (local.get $at) (i32.const 10485760))))
             {}",
            ok_json("i32.const 1024", "i32.const 2")
        ),
        ..Parts::default()
    });
    let attack = attack_with(&spy);
    attack
        .site
        .write("systems/spy.yaml", "adapter: adapters/component.wasm\n");
    attack.site.write(
        "flows/spy.yaml",
        "\non: spy\nsteps: [{ id: go, call: spy.go, with: { x: 1 }, retry: { attempts: 1 } }]\n",
    );
    attack.site.approve("spy");
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    // Fewer crashes than quarantine a system; each is tried twice.
    for _ in 0..8 {
        died_saying(
            &attack.deed(&json!({"secret": "long enough to fill"})),
            &["panicked"],
        );
        // Its own system's next instance, and another system's in the same slots.
        let next = attack.deed(&json!({}));
        assert_eq!(
            next["run"]["status"], "done",
            "it found another's memory: {next:#}"
        );
        let other = attack.run("spy", &json!({}));
        assert_eq!(
            other["run"]["status"], "done",
            "it found another's memory: {other:#}"
        );
    }
}

#[test]
fn case_20_time_is_charged_across_waits_both_ways() {
    let hammer = |turns: u64, timeout: u32| json!({"do": "hammer", "connection": "api", "path": "/orders/7", "turns": turns, "timeout_ms": timeout});
    // A little work between many short waits: the waits do not forgive the work.
    let patient = attack(&SLOW.replace("deadline: 1 s", "deadline: 30 s"));
    died_saying(&patient.deed(&hammer(2_000_000, 1_000)), &["CPU", "100 ms"]);
    // No work between waits that each end in time: all together they do not.
    let attack = attack(SLOW);
    attack.server.always(Some(Reply::hanging()));
    died_saying(
        &attack.deed(&hammer(0, 50)),
        &["within its deadline of 1 s"],
    );
    attack.server.always(None);
    says(
        &attack.deed(
            &json!({"do": "http", "connection": "api", "method": "GET", "path": "/orders/7"}),
        ),
        &["200"],
    );
    attack.neighbour_works();
}
