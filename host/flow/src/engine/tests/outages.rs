//! A system that is down: runs wait for it in the store, in order, and no attempt is used up.

use super::*;
use crate::delivery::{Rate, RetryWish};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::limits;

const KEYED: &str = "on: device.alarm\nkey: event.data.key\nsteps:\n  - id: note\n    call: erp.note\n    with: { n: '${event.data.n}' }\n";
pub(super) const FREE: &str = "on: device.alarm\nsteps:\n  - id: note\n    call: erp.note\n    with: { n: '${event.data.n}' }\n";

pub(super) fn keyed(n: usize, key: &str) -> Event {
    event(&n.to_string(), &format!(r#"{{"n":{n},"key":"{key}"}}"#))
}

pub(super) fn down() -> Failure {
    Failure::Unavailable {
        message: "connection refused".into(),
        retry_after_ms: None,
    }
}

/// Answers while the switch is on; calls of other systems always.
pub(super) fn switched(is_up: &Arc<AtomicBool>) -> ScriptedActor {
    let is_up = is_up.clone();
    ScriptedActor::new(move |what, _| {
        let result = match what.starts_with("erp.") && !is_up.load(Ordering::SeqCst) {
            true => Err(down()),
            false => Ok("{}".to_owned()),
        };
        (Duration::from_millis(5), result)
    })
}

/// What was called before and after the switch was turned on.
fn inputs_after(bench: &Bench, before: usize) -> Vec<String> {
    bench.actor.inputs().split_off(before)
}

#[tokio::test(start_paused = true)]
async fn an_outage_parks_runs_and_uses_up_no_attempt() {
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("keyed", KEYED)], switched(&is_up)).await;
    for n in 1..=400 {
        bench.publish(vec![keyed(n, &format!("k{}", n % 10))]).await;
    }
    bench.pass(3_600).await;
    // Five opened it; since then only probes, the longest rest apart.
    let calls = bench.actor.calls().len();
    assert!((30..=80).contains(&calls), "{calls}");
    let status = &bench.engine.deliveries()[0];
    let outage = status.outage.clone().unwrap();
    assert_eq!((status.parked, bench.engine.runs_under_way()), (10, 0));
    assert!(outage.failed_probes > 20, "{outage:?}");
    // What waits is in the store; of a lane that waits, memory keeps the name.
    let count = bench.engine.lanes.lock().count();
    let whole = bench.engine.lanes.lock().whole();
    assert_eq!((count, whole), (10, 0));
    assert_eq!(outage.why, "unavailable: connection refused");
    assert_eq!(bench.with_status(RunStatus::Dead).await, [""; 0]);

    is_up.store(true, Ordering::SeqCst);
    bench.pass(62).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 400);
    assert_eq!(bench.engine.deliveries()[0].outage, None);
    assert_eq!(bench.engine.deliveries()[0].parked, 0);
    let sent = inputs_after(&bench, calls);
    for lane in 0..10 {
        let of_lane: Vec<usize> = sent
            .iter()
            .map(|input| input[5..input.len() - 1].parse().unwrap())
            .filter(|n| n % 10 == lane)
            .collect();
        let expected: Vec<usize> = (1..=400).filter(|n| n % 10 == lane).collect();
        assert_eq!(of_lane, expected, "lane {lane}");
    }
    let most = bench.actor.calls().iter().map(|call| call.attempt).max();
    assert!(most <= Some(3), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_one_system_stops_no_other() {
    let is_up = Arc::new(AtomicBool::new(false));
    let other = FREE.replace("erp.", "crm.");
    let flows = [("free", FREE), ("other", other.as_str())];
    let bench = Bench::new(&flows, switched(&is_up)).await;
    for n in 1..=200 {
        bench.publish(vec![keyed(n, "k")]).await;
    }
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 200);
    // The first few wait for their next attempt.
    assert!(bench.engine.deliveries()[1].parked >= 190);
}

#[tokio::test(start_paused = true)]
async fn runs_that_wait_are_found_again_after_a_restart() {
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("keyed", KEYED), ("free", FREE)], switched(&is_up)).await;
    for n in 1..=50 {
        bench.publish(vec![keyed(n, &format!("k{}", n % 5))]).await;
    }
    bench.pass(10).await;
    bench.engine.stop().await;
    is_up.store(true, Ordering::SeqCst);
    let again = Bench::over(
        bench.store.clone(),
        &[("keyed", KEYED), ("free", FREE)],
        switched(&is_up),
    )
    .await;
    again.pass(5).await;
    assert_eq!(again.with_status(RunStatus::Done).await.len(), 100);
    let keyed: Vec<String> = again
        .actor
        .calls()
        .into_iter()
        .filter(|call| call.key.contains(".keyed/"))
        .map(|call| call.input)
        .collect();
    assert_eq!(keyed.len(), 50);
    for lane in 0..5 {
        let of_lane: Vec<usize> = keyed
            .iter()
            .map(|input| input[5..input.len() - 1].parse().unwrap())
            .filter(|n: &usize| n % 5 == lane)
            .collect();
        assert!(of_lane.is_sorted(), "lane {lane}: {of_lane:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_always_fails_is_not_taken_for_an_outage_for_long() {
    let poison = ScriptedActor::new(|_, call| {
        let result = match call.input.contains("\"n\":1}") {
            true => Err(down()),
            false => Ok("{}".to_owned()),
        };
        (Duration::ZERO, result)
    });
    let bench = Bench::new(&[("free", FREE)], poison).await;
    bench.publish(vec![keyed(1, "k")]).await;
    bench.pass(600).await;
    assert_eq!(bench.with_status(RunStatus::Waiting).await, ["1.free"]);
    for n in 2..=300 {
        bench.publish(vec![keyed(n, "k")]).await;
        bench.pass(10).await;
    }
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 299);
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.free"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_holds_while_a_run_waits_for_its_system() {
    let text = "on: device.alarm\nsteps:\n  - id: note\n    call: erp.note\n    timeout: 90s\n    retry: { attempts: 50, backoff: 1s, most: 2s }\n";
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("timed", text)], switched(&is_up)).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(80).await;
    assert_eq!(bench.engine.deliveries()[0].parked, 1);
    bench.pass(20).await;
    assert_eq!(
        bench.trace("1.timed").await.error.unwrap(),
        "step \"note\": its timeout passed while it waited for the system \"erp\""
    );
    assert_eq!(bench.engine.deliveries()[0].parked, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reload_probes_at_once() {
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("free", FREE)], switched(&is_up)).await;
    bench.publish(vec![keyed(1, "k")]).await;
    bench.pass(1_000).await;
    is_up.store(true, Ordering::SeqCst);
    bench.engine.replace_deliveries(Deliveries::new());
    tokio::time::sleep(Duration::from_millis(100)).await; // reason: simulated
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.free"]);
}

#[tokio::test(start_paused = true)]
async fn an_old_system_gets_no_more_calls_than_its_file_allows() {
    let delivery = Delivery {
        rate: Rate::parse("10/s"),
        concurrency: 2,
        retry: RetryWish::default(),
    };
    let bench = Bench::with_delivery(
        &[("free", FREE)],
        ScriptedActor::new(|_, _| (Duration::from_millis(50), Ok("{}".into()))),
        delivery,
    )
    .await;
    bench
        .publish((1..=300).map(|n| keyed(n, "k")).collect())
        .await;
    bench.pass(20).await;
    let calls = bench.actor.calls().len();
    assert!((195..=205).contains(&calls), "{calls}");
    assert!(bench.actor.most_at_a_time() <= 2);
    bench.pass(15).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 300);

    let one = Delivery {
        concurrency: 1,
        ..Delivery::default()
    };
    let bench = Bench::with_delivery(
        &[("free", FREE)],
        ScriptedActor::taking_a_second(),
        Delivery {
            concurrency: 4,
            ..Delivery::default()
        },
    )
    .await;
    bench
        .publish((1..=20).map(|n| keyed(n, "k")).collect())
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await; // reason: simulated
    assert_eq!(bench.actor.most_at_a_time(), 4);
    let deliveries = Deliveries::from([("erp".to_owned(), one)]);
    bench.engine.replace_deliveries(deliveries);
    bench.pass(1).await;
    let before = bench.actor.calls().len();
    bench.pass(5).await;
    assert_eq!(bench.actor.calls().len(), before + 5);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_hangs_does_not_fill_the_memory() {
    let hanging = ScriptedActor::new(|what, _| {
        let takes = if what.starts_with("erp.") {
            Duration::MAX
        } else {
            Duration::ZERO
        };
        (takes, Ok("{}".into()))
    });
    let other = FREE
        .replace("erp.", "crm.")
        .replace("device.alarm", "other");
    let bench = Bench::new(&[("free", FREE), ("other", &other)], hanging).await;
    for batch in 0..17 {
        let batch = (0..1_000).map(|n| keyed(batch * 1_000 + n, "k")).collect();
        bench.publish(batch).await;
    }
    bench.pass(1).await;
    assert!(!bench.engine.is_overloaded());
    assert!(bench.engine.runs_under_way() < limits::RUNS_UNDER_WAY);
    let status = &bench.engine.deliveries()[0];
    assert!(status.parked > 4_000, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn the_systems_policy_fills_what_a_step_leaves_open() {
    let delivery = Delivery {
        retry: RetryWish {
            attempts: Some(2),
            backoff_ms: Some(1),
            most_ms: Some(1),
        },
        ..Delivery::default()
    };
    let wordy = FREE.replace("    with:", "    retry: { attempts: 3 }\n    with:");
    let broken = Failure::Internal {
        message: "broken".into(),
    };
    let flows = [("free", FREE), ("wordy", wordy.as_str())];
    let bench = Bench::with_delivery(&flows, ScriptedActor::failing(9, broken), delivery).await;
    bench.publish(vec![keyed(1, "k")]).await;
    bench.pass(10).await;
    let attempts = async |run: &str| bench.trace(run).await.steps[0].attempts.len();
    assert_eq!(
        (attempts("1.free").await, attempts("1.wordy").await),
        (2, 3)
    );
}

const LINES: &str = "
on: device.alarm
steps:
  - id: lines
    each: event.data.lines
    at-most: 2
    steps: [ { call: erp.note, with: { n: '${item}' } } ]
";

#[tokio::test(start_paused = true)]
async fn items_that_are_tried_in_vain_wait_for_their_system_again() {
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("lines", LINES)], switched(&is_up)).await;
    for n in 1..=8 {
        let items = event(&n.to_string(), r#"{"lines":[1,2,3]}"#);
        bench.publish(vec![items]).await;
    }
    bench.pass(900).await;
    is_up.store(true, Ordering::SeqCst);
    bench.pass(70).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 8);
}

const TELL: &str = "
on: [tombolo.system-down, tombolo.system-up]
steps:
  - call: chat.tell
    with: { what: '${event.type}', system: '${event.data.system}', why: '${event.data.failure}' }
";

#[tokio::test(start_paused = true)]
async fn an_outage_and_its_end_are_told_once_by_events_that_flows_react_to() {
    let is_up = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("free", FREE), ("tell", TELL)], switched(&is_up)).await;
    for n in 1..=20 {
        bench.publish(vec![keyed(n, "k")]).await;
    }
    bench.pass(600).await;
    is_up.store(true, Ordering::SeqCst);
    bench.pass(62).await;
    let told: Vec<String> = bench
        .actor
        .calls()
        .into_iter()
        .filter(|call| call.what == "chat.tell")
        .map(|call| call.input)
        .collect();
    let expected = ["down", "up"].map(|what| {
        format!(r#"{{"what":"tombolo.system-{what}","system":"erp","why":"unavailable: connection refused"}}"#)
    });
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_says_when_it_takes_the_next_call_gets_none_before() {
    let start = tokio::time::Instant::now();
    let early = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = early.clone();
    let actor = ScriptedActor::new(move |_, _| {
        let result = match start.elapsed() < Duration::from_secs(40) {
            true => {
                counted.fetch_add(1, Ordering::SeqCst);
                Err(Failure::RateLimited {
                    message: "slow down".into(),
                    retry_after_ms: Some(20_000),
                })
            }
            false => Ok("{}".to_owned()),
        };
        (Duration::ZERO, result)
    });
    let bench = Bench::new(&[("keyed", KEYED)], actor).await;
    for n in 1..=100 {
        bench.publish(vec![keyed(n, &format!("k{}", n % 10))]).await;
        bench.pass(0).await;
    }
    bench.pass(120).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 100);
    // The first, and one that probed after 20 s; not one per lane.
    let early = early.load(Ordering::SeqCst);
    assert!(early <= 3, "{early}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_delays_no_call() {
    let is_up = Arc::new(AtomicBool::new(true));
    let delivery = Delivery {
        rate: Rate::parse("10/s"),
        ..Delivery::default()
    };
    let bench = Bench::with_delivery(&[("free", FREE)], switched(&is_up), delivery).await;
    let publish = async |from: usize| {
        let events = (from..from + 20).map(|n| keyed(n, "k")).collect();
        bench.publish(events).await;
    };
    let done = async || bench.with_status(RunStatus::Done).await.len();
    publish(0).await;
    bench.pass(1).await;
    bench.clock.set_by(-1);
    publish(20).await;
    bench.pass(4).await;
    assert_eq!(done().await, 40);
    bench.clock.set_by(2);
    publish(40).await;
    tokio::time::sleep(Duration::from_millis(500)).await; // reason: simulated
    assert!(done().await <= 48, "the rate holds");
    bench.pass(2).await;
    assert_eq!(done().await, 60);

    is_up.store(false, Ordering::SeqCst);
    publish(60).await;
    bench.pass(60).await;
    assert_eq!(bench.engine.deliveries()[0].parked, 20);
    bench.clock.set_by(-1);
    is_up.store(true, Ordering::SeqCst);
    // What it slept already, and the longest rest.
    bench.pass(150).await;
    assert_eq!(done().await, 80);
}
