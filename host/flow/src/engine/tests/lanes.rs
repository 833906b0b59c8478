//! Lanes: the order that matters.

use super::*;
use std::time::Duration;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

const KEYED: &str = "
on: device.alarm
key: event.data.key
steps:
  - call: erp.note
    with: { n: '${event.data.n}' }
";

fn keyed(n: usize, key: &str) -> Event {
    event(&n.to_string(), &format!(r#"{{"n":{n},"key":"{key}"}}"#))
}

#[tokio::test(start_paused = true)]
async fn one_key_is_one_after_another_in_the_order_of_events() {
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::taking_a_second()).await;
    for n in 1..=5 {
        bench.publish(vec![keyed(n, "a")]).await;
    }
    bench.pass(10).await;
    let expected: Vec<String> = (1..=5).map(|n| format!("{{\"n\":{n}}}")).collect();
    assert_eq!(bench.actor.inputs(), expected);
    assert_eq!(bench.actor.most_at_a_time(), 1);
}

#[tokio::test(start_paused = true)]
async fn different_keys_and_flows_without_keys_go_side_by_side() {
    let free = KEYED.replace("key: event.data.key\n", "");
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::taking_a_second()).await;
    bench
        .publish((1..=6).map(|n| keyed(n, &format!("k{}", n % 3))).collect())
        .await;
    bench.pass(10).await;
    assert_eq!(bench.actor.most_at_a_time(), 3);
    let bench = Bench::new(&[("free", &free)], ScriptedActor::taking_a_second()).await;
    bench
        .publish((1..=6).map(|n| keyed(n, "same")).collect())
        .await;
    bench.pass(10).await;
    assert_eq!(bench.actor.most_at_a_time(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_frees_its_lane() {
    let refuse = |_: &str, call: &tombolo_kernel::system::ActionCall| {
        let refused = call.input.contains(":1}");
        let result = if refused {
            Err(Failure::NotFound {
                message: "no such part".into(),
            })
        } else {
            Ok("{}".to_owned())
        };
        (Duration::from_secs(1), result)
    };
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::new(refuse)).await;
    bench.publish(vec![keyed(1, "a"), keyed(2, "a")]).await;
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.keyed"]);
    assert_eq!(bench.with_status(RunStatus::Done).await, ["2.keyed"]);
    let error = bench.trace("1.keyed").await.error.unwrap();
    assert_eq!(error, "step \"1\": not-found: no such part");
    assert!(bench.run("1.keyed").await.state.contains("\"at\":0"));
}

#[tokio::test(start_paused = true)]
async fn behind_a_waiting_run_the_lane_is_in_the_store_and_goes_on_in_order() {
    let failing = ScriptedActor::new(|_, call| {
        let result = match call.attempt {
            1 if call.input.contains(":1}") => Err(Failure::Unavailable {
                message: "down".into(),
                retry_after_ms: Some(60_000),
            }),
            _ => Ok("{}".to_owned()),
        };
        (Duration::ZERO, result)
    });
    let bench = Bench::new(&[("keyed", KEYED)], failing).await;
    bench.publish(vec![keyed(1, "a")]).await;
    bench.pass(1).await;
    for n in 2..=200 {
        bench.publish(vec![keyed(n, "a")]).await;
    }
    bench.publish(vec![keyed(201, "b")]).await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Waiting).await, ["1.keyed"]);
    assert_eq!(bench.with_status(RunStatus::Queued).await.len(), 199);
    assert_eq!(bench.with_status(RunStatus::Done).await, ["201.keyed"]);
    assert_eq!(
        (bench.engine.runs_under_way(), bench.store.checkpoint_now()),
        (0, 201)
    );
    bench.pass(120).await;
    let order: Vec<String> = bench
        .actor
        .inputs()
        .into_iter()
        .filter(|input| !input.contains("201"))
        .collect();
    let expected: Vec<String> = [1]
        .into_iter()
        .chain(1..=200)
        .map(|n| format!("{{\"n\":{n}}}"))
        .collect();
    assert_eq!(order, expected);
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 201);
}

#[tokio::test(start_paused = true)]
async fn a_long_lane_spills_and_keeps_its_order() {
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::taking_a_second()).await;
    let count = limits::LANE_IN_MEMORY * 3;
    for n in 1..=count {
        bench.publish(vec![keyed(n, "a")]).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await; // reason: simulated
    assert!(
        bench.engine.runs_under_way() <= limits::LANE_IN_MEMORY + 2,
        "{}",
        bench.engine.runs_under_way()
    );
    bench.pass(count as u64 + 10).await;
    let expected: Vec<String> = (1..=count).map(|n| format!("{{\"n\":{n}}}")).collect();
    assert_eq!(bench.actor.inputs(), expected);
    assert_eq!(bench.engine.lanes.lock().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_key_is_no_lane_and_a_missing_one_a_dead_letter() {
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::taking_a_second()).await;
    bench
        .publish(vec![keyed(1, ""), keyed(2, ""), event("3", r#"{"n":3}"#)])
        .await;
    bench.pass(5).await;
    assert_eq!(bench.actor.most_at_a_time(), 2);
    assert!(
        bench
            .trace("3.keyed")
            .await
            .error
            .unwrap()
            .starts_with("key: ")
    );
}
