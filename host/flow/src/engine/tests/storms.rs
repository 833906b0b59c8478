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

/// A log as a crash may leave it: event 1 from outside, and so many that came of it, the last of them `again`s that no flow
/// has looked at yet.
fn left_behind(came: u32, agains: u32) -> Arc<FakeStore> {
    let store = Arc::new(FakeStore::default());
    let of_first = |n| Event {
        kind: if n + agains < came { "came" } else { "again" }.into(),
        root: Some(1),
        ..event(&format!("came-{n}"), "{}")
    };
    let mut kept = store.kept.lock();
    kept.append(vec![event("1", "{}")], START_MS);
    kept.append((0..came).map(of_first).collect(), START_MS);
    kept.checkpoint = i64::from(1 + came - agains);
    drop(kept);
    store
}

/// Events that came of event 1: of flows, and dead letters.
fn came_of_first(bench: &Bench) -> (u32, u32) {
    let kept = bench.store.kept.lock();
    let of_first = kept.events.iter().filter(|one| one.event.root == Some(1));
    let (dead, made): (Vec<_>, Vec<_>) =
        of_first.partition(|one| one.event.kind == "tombolo.dead-letter");
    let number = |events: Vec<_>| u32::try_from(events.len()).unwrap();
    (number(made), number(dead))
}

const CIRCLE: &str = "
on: [device.alarm, again]
steps:
  - each: '[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]'
    steps: [{ emit: { type: again } }]
";

#[tokio::test(start_paused = true)]
async fn what_comes_of_one_event_ends_at_a_number() {
    let many = "
on: device.alarm
steps:
  - each: event.data.many
    steps: [{ emit: { type: copy, data: { few: '${event.data.few}' } } }]
";
    let few = "on: copy\nsteps:\n  - each: event.data.few\n    steps: [{ emit: { type: leaf } }]\n";
    let texts = [("many", many), ("few", few)];
    let bench = Bench::new(&texts, ScriptedActor::answering("{}")).await;
    let data = |many, few| format!(r#"{{"many":{:?},"few":{:?}}}"#, vec![0; many], vec![0; few]);
    bench
        .publish(vec![event("1", &data(1_000, 700)), event("2", &data(3, 4))])
        .await;
    bench.pass(60).await;
    assert_eq!(
        came_of_first(&bench),
        (limits::DESCENDANTS, limits::DESCENDANTS_DEAD)
    );
    // 99,000 are room for 141 times 700; the next found room for some of its own, the rest for none.
    let dead = bench.with_status(RunStatus::Dead).await;
    assert_eq!(dead.len(), 1_000 - 141);
    let error = bench.trace(&dead[0]).await.error.unwrap();
    assert!(
        error.contains("number 100001 of those that came of event 1, expected at most 100000"),
        "{error}"
    );
    let kept = bench.store.kept.lock();
    let of_other = kept.events.iter().filter(|one| one.event.root == Some(2));
    assert_eq!(of_other.count(), 3 + 3 * 4, "another has room of its own");
    drop(kept);
    assert_eq!(bench.store.counted(), 0, "memory knew it all the time");
}

#[tokio::test(start_paused = true)]
async fn a_circle_goes_on_after_a_restart_to_the_same_number() {
    let store = left_behind(limits::DESCENDANTS - 25, 1);
    let bench = Bench::over(store, &[("circle", CIRCLE)], ScriptedActor::answering("{}")).await;
    bench.pass(5).await;
    // Two runs found room for ten each, one for half of that.
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, 24));
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 2);
    assert_eq!(bench.with_status(RunStatus::Dead).await.len(), 24);
    assert_eq!(bench.store.counted(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_do_not_take_the_last_room_both() {
    let text = "
on: again
steps:
  - each: '[1, 2, 3]'
    steps:
      - emit: { type: leaf }
      - call: erp.note
";
    let store = left_behind(limits::DESCENDANTS - 5, 2);
    let bench = Bench::over(store, &[("f", text)], ScriptedActor::taking_a_second()).await;
    bench.pass(10).await;
    assert_eq!(bench.actor.most_at_a_time(), 2);
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, 1));
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_a_storm_are_told_and_do_not_feed_it() {
    let alert = "
on: tombolo.dead-letter
steps:
  - call: im.message.send
  - emit: { type: again }
";
    let store = left_behind(limits::DESCENDANTS, 250);
    let texts = [("circle", CIRCLE), ("alert", alert)];
    let bench = Bench::over(store, &texts, ScriptedActor::answering("{}")).await;
    bench.pass(5).await;
    let told = limits::DESCENDANTS_DEAD;
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, told));
    assert_eq!(bench.actor.calls().len(), told as usize);
    let dead = bench.with_status(RunStatus::Dead).await;
    assert_eq!(dead.len(), 250 + told as usize, "all are in the list");
}

#[tokio::test(start_paused = true)]
async fn what_a_replay_makes_of_an_event_counts_as_what_came_of_it() {
    let store = left_behind(limits::DESCENDANTS - 4, 0);
    let bench = Bench::over(store, &[("circle", CIRCLE)], ScriptedActor::answering("{}")).await;
    let order = crate::engine::ReplayOrder {
        flow: "circle".into(),
        kind: Some("device.alarm".into()),
        ..Default::default()
    };
    assert_eq!(bench.engine.replay(&order).await.unwrap().made, 1);
    bench.pass(5).await;
    let run = bench.run("1.circle.replay-1").await;
    assert_eq!(run.status, RunStatus::Dead);
    assert_eq!(came_of_first(&bench).0, limits::DESCENDANTS);
}

#[tokio::test(start_paused = true)]
async fn a_question_counts_and_is_told_all_the_same() {
    let text = "
on: again
steps:
  - each: '[1, 2]'
    at-most: 2
    steps:
      - if: item == 1
        then: [{ ask: { role: boss, question: ok?, options: [yes] } }]
        else: [{ call: erp.note }, { emit: { type: leaf } }]
";
    let store = left_behind(limits::DESCENDANTS - 1, 1);
    let bench = Bench::over(store, &[("f", text)], ScriptedActor::answering("{}")).await;
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Dead).await.len(), 1);
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, 1));
    let kept = bench.store.kept.lock();
    let asked = &kept.events[limits::DESCENDANTS as usize].event.kind;
    assert_eq!(asked, "tombolo.task-asked");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_log_has_takes_no_room() {
    let text = "
on: again
steps:
  - id: first
    emit: { type: leaf }
  - call: erp.note
  - emit: { type: leaf }
";
    let store = left_behind(limits::DESCENDANTS - 1, 1);
    let run = format!("{}.f", limits::DESCENDANTS);
    let known = Event {
        source: "/flows/f".into(),
        kind: "leaf".into(),
        ..event(&format!("{run}/first"), "{}")
    };
    store.kept.lock().append(vec![known], START_MS);
    let bench = Bench::over(store, &[("f", text)], ScriptedActor::answering("{}")).await;
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, [run]);
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, 0));
}

#[tokio::test(start_paused = true)]
async fn a_move_that_is_made_again_takes_its_room_once() {
    let text = "
on: again
steps:
  - emit: { type: leaf }
  - set: { erp: \"${xref('customer', 'crm', 'C-7', 'erp', '')}\" }
";
    let store = left_behind(limits::DESCENDANTS - 1, 1);
    store.set_down(true);
    let bench = Bench::over(store, &[("f", text)], ScriptedActor::answering("{}")).await;
    bench.pass(60).await;
    bench.store.set_down(false);
    bench.pass(60).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 1);
    assert_eq!(came_of_first(&bench), (limits::DESCENDANTS, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_counts_for_a_flow_that_emits_nothing() {
    let text = "on: again\nsteps:\n  - call: erp.note\n";
    let store = left_behind(limits::DESCENDANTS, 10);
    let bench = Bench::over(store, &[("f", text)], ScriptedActor::answering("{}")).await;
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 10);
    assert_eq!(bench.store.counted(), 0);
}
