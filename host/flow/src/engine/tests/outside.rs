//! Calls outside of runs, as feeds and reconciliations make them: they keep to what their system stands.

use super::outages::{FREE, down, keyed, switched};
use super::*;
use crate::delivery::Rate;
use crate::engine::Untaken;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::limits;
use tombolo_kernel::system::{ActionCall, Outcome};

/// A call that belongs to no run.
fn asked() -> ActionCall {
    ActionCall {
        action: "get.rows".into(),
        input: "{}".into(),
        idempotency_key: "k".into(),
        attempt: 1,
        cause: "reconciliations/j".into(),
        depth: 0,
        withheld: Gathered::Nothing,
        lane: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_outside_of_runs_keeps_to_what_its_system_stands() {
    let is_up = Arc::new(AtomicBool::new(false));
    let delivery = Delivery {
        concurrency: 2,
        rate: Some(Rate {
            calls: 10,
            per_ms: 1_000,
        }),
        ..Delivery::default()
    };
    let bench = Bench::with_delivery(&[], switched(&is_up), delivery).await;
    for _ in 0..limits::BREAKER_FAILURES {
        bench.engine.ask("erp", asked()).await.unwrap_err();
    }
    let made = bench.actor.calls().len();
    let refused = bench.engine.ask("erp", asked()).await.unwrap_err();
    assert!(refused.to_string().contains("is down"), "{refused}");
    assert_eq!(
        bench.actor.calls().len(),
        made,
        "nothing goes to a system that rests"
    );
    is_up.store(true, Ordering::SeqCst);
    bench.pass(2).await;
    let start = tokio::time::Instant::now();
    for _ in 0..30 {
        bench.engine.ask("erp", asked()).await.unwrap();
    }
    assert!(
        start.elapsed() >= Duration::from_millis(2_500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bench.engine.deliveries()[0].outage, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_outside_of_runs_waits_for_its_system_and_not_behind_all_runs_in_the_store() {
    let is_up = Arc::new(AtomicBool::new(false));
    let one = Delivery {
        concurrency: 1,
        ..Delivery::default()
    };
    let slow = is_up.clone();
    let actor = ScriptedActor::new(move |_, _| match slow.load(Ordering::SeqCst) {
        true => (Duration::from_secs(1), Ok("{}".to_owned())),
        false => (Duration::ZERO, Err(down())),
    });
    let bench = Bench::with_delivery(&[("free", FREE)], actor, one).await;
    bench
        .publish((1..=3_000).map(|n| keyed(n, "k")).collect())
        .await;
    bench.pass(30).await;
    let made = bench.actor.calls().len();
    let call = || async { Outcome::refused(down()) };
    let rests = bench.engine.in_turn::<()>("erp", call()).await;
    assert!(
        matches!(
            rests,
            Err(Untaken::Rests {
                for_ms: Some(1..=60_000),
                ..
            })
        ),
        "{rests:?}"
    );
    assert_eq!(bench.actor.calls().len(), made, "it was not made");

    is_up.store(true, Ordering::SeqCst);
    bench.pass(62).await;
    assert!(bench.engine.deliveries()[0].parked > 1_900);
    // Behind what is in memory already, and no more.
    bench.engine.ask("erp", asked()).await.unwrap();
    assert!(bench.engine.deliveries()[0].parked > 700);
    assert_eq!(bench.actor.most_at_a_time(), 1);
}
