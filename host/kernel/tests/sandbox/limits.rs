//! Guests that run too long, take too much or answer nonsense.

use std::time::Duration;

use super::fixture::{Fixture, call, spec};
use super::guest::{ECHO, Guest, IS_ONE};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::system::{Actor, Outcome};

const LOOP: &str = "(loop $again (br $again))";

fn message(outcome: &Outcome<String>) -> &str {
    match &outcome.result {
        Err(Failure::Internal { message }) => message,
        other => panic!("expected an internal failure, found {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_breaks_is_ended_and_the_next_call_gets_a_fresh_instance() {
    let post = Guest {
        fields: "(global $harm (mut i32) (i32.const 0))".into(),
        act: format!("(global.set $harm {IS_ONE}) {ECHO}"),
        post_act: format!("(if (global.get $harm) (then {LOOP}))"),
        ..Guest::default()
    };
    let realloc = Guest {
        realloc: format!("(if (i32.eq (local.get 3) (i32.const 777)) (then {LOOP}))"),
        ..Guest::default()
    };
    let recursion = Guest {
        fields: "(func $deep (param i64) (result i64) (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))".into(),
        ..Guest::harmful("(drop (call $deep (i64.const 0)))")
    };
    let utf8 = Guest {
        fields: r#"(data (i32.const 2048) "\"\ff\fe\"")"#.into(),
        ..Guest::harmful("(return (call $ok (i32.const 2048) (i32.const 4)))")
    };
    let not_json = Guest {
        fields: r#"(data (i32.const 2048) "{\"a\":")"#.into(),
        ..Guest::harmful("(return (call $ok (i32.const 2048) (i32.const 5)))")
    };
    let huge = "(return (call $ok (i32.const 1024) (i32.const 0x40000000)))";
    let variant = "(drop (call $ok (i32.const 1024) (i32.const 2))) (i32.store8 (i32.const 512) (i32.const 1)) (i32.store8 (i32.const 520) (i32.const 99)) (return (i32.const 512))";
    let one_777 = format!("\"1{}\"", "x".repeat(774));
    let cases = [
        (
            "loop in the export",
            Guest::harmful(LOOP),
            "1",
            "CPU budget of 100 ms",
        ),
        ("loop in post-return", post, "1", "CPU budget of 100 ms"),
        (
            "loop in realloc",
            realloc,
            one_777.as_str(),
            "CPU budget of 100 ms",
        ),
        ("recursion", recursion, "1", "stack of 512 KiB"),
        ("a panic", Guest::harmful("unreachable"), "1", "panicked"),
        (
            "memory",
            Guest::harmful(
                "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))",
            ),
            "1",
            "more than its 4 MiB",
        ),
        (
            "out of its memory",
            Guest::harmful("(drop (i32.load (i32.const -8)))"),
            "1",
            "trapped",
        ),
        (
            "a string longer than its memory",
            Guest::harmful(huge),
            "1",
            "broke the contract",
        ),
        (
            "a variant that is not there",
            Guest::harmful(variant),
            "1",
            "broke the contract",
        ),
        ("wrong UTF-8", utf8, "1", "broke the contract"),
        ("wrong JSON", not_json, "1", "not the JSON expected"),
    ];
    let fixture = Fixture::new();
    for (what, guest, input, expected) in cases {
        fixture
            .connect("sut", &guest)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(
            fixture.act("2").await.result.as_deref(),
            Ok("2"),
            "{what}: before"
        );
        let broken = fixture.act(input).await;
        assert!(broken.crashed, "{what}");
        assert!(
            message(&broken).contains(expected),
            "{what}: {}",
            message(&broken)
        );
        assert!(
            message(&broken).starts_with("the adapter test/guest 0.1.0 of system sut"),
            "{what}: {}",
            message(&broken)
        );
        assert_eq!(
            fixture.act("3").await.result.as_deref(),
            Ok("3"),
            "{what}: after"
        );
    }
}

#[tokio::test]
async fn a_table_that_grows_is_stopped_without_harm() {
    let guest = Guest {
        fields: "(table $t 1 funcref)".into(),
        ..Guest::harmful(
            "(if (i32.eq (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))",
        )
    };
    let fixture = Fixture::running(&guest).await;
    let broken = fixture.act("1").await;
    assert!(message(&broken).contains("table"), "{}", message(&broken));
}

#[tokio::test]
async fn a_start_that_loops_fails_the_load_and_the_older_version_keeps_running() {
    let fixture = Fixture::running(&Guest::default()).await;
    let guest = Guest {
        start: LOOP.into(),
        version: "0.2.0".into(),
        ..Guest::default()
    };
    let error = fixture
        .connect("sut", &guest)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("CPU budget of 100 ms in its start"),
        "{error}"
    );
    assert_eq!(fixture.act("4").await.result.as_deref(), Ok("4"));
}

#[tokio::test]
async fn the_next_instance_reads_zeros_where_the_last_one_left_a_secret() {
    // `1` writes and panics, anything else answers with the byte that is there: `\0` would not be JSON.
    let guest = Guest {
        act: format!(
            "(if {IS_ONE} (then (i32.store (i32.const 100000) (i32.const 0x37)) unreachable)) \
             (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (i32.load8_u (i32.const 100000)))) \
             (call $ok (i32.const 2048) (i32.const 1))"
        ),
        ..Guest::default()
    };
    let fixture = Fixture::running(&guest).await;
    for _ in 0..5 {
        assert!(fixture.act("1").await.crashed);
        assert_eq!(fixture.act("2").await.result.as_deref(), Ok("0"));
    }
}

#[tokio::test]
async fn neighbours_run_while_one_loops_on_the_only_thread() {
    let fixture = Fixture::running(&Guest::harmful(LOOP)).await;
    fixture
        .connect("neighbour", &Guest::default())
        .await
        .unwrap();
    let looping = fixture.act("1");
    let neighbour = async {
        for _ in 0..20 {
            assert!(
                fixture
                    .systems
                    .act("neighbour", call("5"))
                    .await
                    .result
                    .is_ok()
            );
        }
    };
    tokio::pin!(looping);
    tokio::select! {
        biased;
        _ = &mut looping => panic!("the loop ended before its neighbour's calls"),
        () = neighbour => {}
    }
    assert!(looping.await.crashed);
}

#[tokio::test]
async fn waiting_costs_no_processor_time_and_ends_at_the_deadline() {
    let guest = waits_at_the_gate();
    let fixture = Fixture::new();
    let mut spec = spec("sut", &guest);
    spec.limits.cpu = Duration::from_millis(40);
    spec.limits.deadline = Duration::from_millis(400);
    fixture.connect_with(spec).await.unwrap();
    let open = async {
        fixture.store.arrived.acquire().await.unwrap().forget();
        // Longer than the budget of processor time: only waiting may take so long.
        tokio::time::sleep(Duration::from_millis(120)).await; // reason: the wait is what is tested
        fixture.store.gate.add_permits(1);
    };
    let (outcome, ()) = tokio::join!(fixture.act("2"), open);
    assert_eq!(outcome.result.as_deref(), Ok("2"));
    assert!(outcome.guest_micros < 40_000, "{}", outcome.guest_micros);

    let stuck = fixture.act("2").await;
    assert!(
        message(&stuck).contains("deadline of 400 ms"),
        "{}",
        message(&stuck)
    );
}

#[tokio::test]
async fn a_flood_of_host_calls_is_stopped() {
    let guest = Guest { act: "(loop $again (call $get (i32.const 1024) (i32.const 2) (i32.const 4096)) (br $again)) unreachable".into(), ..waits_at_the_gate() };
    let fixture = Fixture::new();
    let mut spec = spec("sut", &guest);
    spec.limits.cpu = Duration::from_secs(5);
    fixture.connect_with(spec).await.unwrap();
    let flood = fixture.act("2").await;
    assert!(
        message(&flood).contains("more than 2000 host calls"),
        "{}",
        message(&flood)
    );
}

/// Reads the key `gate`, then echoes.
pub(crate) fn waits_at_the_gate() -> Guest {
    Guest {
        imports: r#"(import "tombolo:adapter/store@0.1.0" "get" (func $get (param i32 i32 i32)))"#
            .into(),
        fields: r#"(data (i32.const 2048) "gate")"#.into(),
        act: format!("(call $get (i32.const 2048) (i32.const 4) (i32.const 4096)) {ECHO}"),
        manifest: "[store]\nquota = \"1 KiB\"\nreason = \"Tests waiting\"\n".into(),
        ..Guest::default()
    }
}
