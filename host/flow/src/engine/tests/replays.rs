//! Past events given to a flow again.

use super::*;
use crate::engine::ReplayOrder;
use std::time::Duration;

const FLOW: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: stock
    call: erp.get.stock
  - id: request
    call: erp.request
    with: { n: '${event.data.n}', on_hand: '${steps.stock.on_hand}' }
";

fn keyed(n: usize, key: &str) -> Event {
    event(&n.to_string(), &format!(r#"{{"n":{n},"key":"{key}"}}"#))
}

fn order() -> ReplayOrder {
    ReplayOrder {
        flow: "f".into(),
        ..ReplayOrder::default()
    }
}

async fn with_three() -> Bench {
    let bench = Bench::new(&[("f", FLOW)], ScriptedActor::answering(r#"{"on_hand":2}"#)).await;
    bench
        .publish((1..=3).map(|n| keyed(n, "a")).collect())
        .await;
    bench.pass(1).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_replay_makes_runs_of_their_own_with_keys_of_their_own() {
    let bench = with_three().await;
    let before = bench.actor.calls().len();
    let order = ReplayOrder {
        condition: Some("event.data.n >= 2".into()),
        ..order()
    };
    let page = bench.engine.replay(&order).await.unwrap();
    assert_eq!((page.number, page.made, page.next), (1, 2, None));
    bench.pass(5).await;
    let keys: Vec<String> = bench
        .actor
        .calls()
        .split_off(before)
        .into_iter()
        .map(|call| call.key)
        .collect();
    assert_eq!(
        keys,
        [
            "site-2.f.replay-1/stock",
            "site-2.f.replay-1/request",
            "site-3.f.replay-1/stock",
            "site-3.f.replay-1/request"
        ]
    );
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 5);
    // The same page again makes nothing; a new replay has a number of its own.
    let again = ReplayOrder {
        number: Some(1),
        ..order.clone()
    };
    let page = bench.engine.replay(&again).await.unwrap();
    assert_eq!((page.made, page.again), (0, 2));
    assert_eq!(bench.engine.replay(&order).await.unwrap().number, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_calls_and_reaches_nothing() {
    let bench = with_three().await;
    let (calls, runs) = (bench.actor.calls().len(), bench.store.advances());
    let order = ReplayOrder {
        dry_run: true,
        source: Some("/systems/plant".into()),
        ..order()
    };
    let page = bench.engine.replay(&order).await.unwrap();
    assert_eq!((page.made, page.dry_runs.len()), (0, 3));
    let first = &page.dry_runs[0];
    assert_eq!(first.run, "1.f.replay-1");
    let told: Vec<(&str, &str, bool)> = first
        .calls
        .iter()
        .map(|call| (call.what.as_str(), call.input.as_str(), call.recorded))
        .collect();
    assert_eq!(
        told,
        [
            ("erp.get.stock", "{}", true),
            ("erp.request", r#"{"n":1,"on_hand":2}"#, true)
        ]
    );
    assert_eq!(first.ends, "done");
    bench.pass(5).await;
    assert_eq!(
        (bench.actor.calls().len(), bench.store.advances()),
        (calls, runs)
    );
    assert_eq!(bench.engine.runs_under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_unfinished_is_not_doubled() {
    let slow = ScriptedActor::new(|what, call| {
        let takes = match what == "erp.request" && call.attempt == 1 {
            true => Duration::MAX,
            false => Duration::ZERO,
        };
        (takes, Ok(r#"{"on_hand":2}"#.into()))
    });
    let text = FLOW.replace(
        "    with:",
        "    timeout: 10s\n    retry: { backoff: 1h }\n    with:",
    );
    let asking =
        "on: device.alarm\nsteps:\n  - ask: { role: boss, question: ok?, options: [yes] }\n";
    let bench = Bench::new(&[("f", &text), ("asking", asking)], slow).await;
    bench.publish(vec![keyed(1, "a")]).await;
    bench.pass(1).await;
    // Its first run is in memory only: nothing is known of it yet.
    let page = bench.engine.replay(&order()).await.unwrap();
    assert_eq!((page.made, page.under_way_from), (0, Some(1)));
    bench.pass(60).await;
    let order = ReplayOrder {
        flow: "asking".into(),
        ..order()
    };
    let page = bench.engine.replay(&order).await.unwrap();
    assert_eq!((page.made, page.unfinished), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_events_of_a_time_are_replayed() {
    let bench = with_three().await;
    bench.pass(100).await;
    bench
        .publish((4..=6).map(|n| keyed(n, "a")).collect())
        .await;
    bench.pass(100).await;
    bench
        .publish((7..=9).map(|n| keyed(n, "a")).collect())
        .await;
    bench.pass(1).await;
    let order = ReplayOrder {
        from_ms: Some(START_MS + 50_000),
        to_ms: Some(START_MS + 150_000),
        ..order()
    };
    let page = bench.engine.replay(&order).await.unwrap();
    assert_eq!((page.made, page.looked_at), (3, 3));
    let unknown = ReplayOrder {
        flow: "g".into(),
        ..order
    };
    let error = bench.engine.replay(&unknown).await.unwrap_err();
    assert!(
        error.to_string().contains("there is no flow `g`"),
        "{error}"
    );
}
