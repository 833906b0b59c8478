//! Much at once.

use super::*;
use std::time::Duration;
use tombolo_kernel::limits;

#[tokio::test(start_paused = true)]
async fn a_storm_of_events_is_carried_out_without_flooding_the_system() {
    let text = "on: device.alarm\nsteps:\n  - call: erp.note\n";
    let bench = Bench::new(
        &[("f", text)],
        ScriptedActor::new(|_, _| (Duration::from_millis(10), Ok("{}".into()))),
    )
    .await;
    for batch in 0..10 {
        bench
            .publish(
                (0..1_000)
                    .map(|n| event(&format!("{batch}-{n}"), "{}"))
                    .collect(),
            )
            .await;
    }
    bench.pass(30).await;
    assert_eq!(bench.actor.calls().len(), 10_000);
    assert_eq!(bench.actor.most_at_a_time(), limits::CALLS_PER_SYSTEM);
    assert_eq!(
        (bench.store.checkpoint_now(), bench.engine.runs_under_way()),
        (10_000, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_runs_under_way_are_said_so() {
    let texts: Vec<(String, String)> = (0..20)
        .map(|n| {
            let text = format!("on: device.alarm\nsteps:\n  - call: s{n}.note\n");
            (format!("f{n}"), text)
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let hanging = ScriptedActor::new(|_, _| (Duration::MAX, Ok("{}".into())));
    let bench = Bench::new(&texts, hanging).await;
    assert!(!bench.engine.is_overloaded());
    let events = (0..900).map(|n| event(&n.to_string(), "{}")).collect();
    bench.publish(events).await;
    bench.pass(1).await;
    assert!(bench.engine.is_overloaded());
}

#[tokio::test(start_paused = true)]
async fn a_slow_system_does_not_hold_up_another() {
    let slow = "on: device.alarm\nsteps:\n  - call: slow.note\n";
    let fast = "on: device.alarm\nsteps:\n  - call: fast.note\n";
    let actor = ScriptedActor::new(|what, _| {
        let takes = if what.starts_with("slow") {
            Duration::MAX
        } else {
            Duration::ZERO
        };
        (takes, Ok("{}".into()))
    });
    let bench = Bench::new(&[("slow", slow), ("fast", fast)], actor).await;
    bench
        .publish((0..1_000).map(|n| event(&n.to_string(), "{}")).collect())
        .await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn events_that_runs_emit_do_not_fill_the_memory() {
    // Each alarm becomes 2 echoes, each echo 40 runs that hang: 80,000 in all.
    let first =
        "on: device.alarm\nsteps:\n  - emit: { type: echo.a }\n  - emit: { type: echo.b }\n";
    let mut texts = vec![("first".to_owned(), first.to_owned())];
    for n in 0..40 {
        let text = format!("on: echo.*\nsteps:\n  - call: s{n}.note\n");
        texts.push((format!("f{n}"), text));
    }
    let texts: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let hanging = ScriptedActor::new(|_, _| (Duration::MAX, Ok("{}".into())));
    let bench = Bench::new(&texts, hanging).await;
    let events = (0..1_000).map(|n| event(&n.to_string(), "{}")).collect();
    bench.publish(events).await;
    bench.pass(1).await;
    let under_way = bench.engine.runs_under_way();
    assert!(
        under_way <= 2 * limits::RUNS_UNDER_WAY + 2_000,
        "{under_way}"
    );
    let waiting = bench.with_status(RunStatus::Waiting).await.len();
    assert!(waiting > 0, "the rest is in the store");
}
