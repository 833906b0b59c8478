//! From events to runs: conditions, dead letters, emitted events, hops, what is written and when.

use super::*;
use tombolo_kernel::failure::Failure;

const SIMPLE: &str = "
on: device.alarm
when: event.data.severity >= 3
steps:
  - id: note
    call: crm.note.add
    with: { part: '${event.data.part}' }
";

#[tokio::test(start_paused = true)]
async fn a_run_that_succeeds_at_once_is_written_once() {
    let bench = Bench::new(&[("simple", SIMPLE)], ScriptedActor::answering("{}")).await;
    bench
        .publish(vec![
            event("1", r#"{"severity":3,"part":"P"}"#),
            event("2", r#"{"severity":1}"#),
        ])
        .await;
    bench.pass(1).await;
    assert_eq!(bench.actor.inputs(), [r#"{"part":"P"}"#]);
    assert_eq!(bench.store.advances(), 1);
    let row = bench.run("1.simple").await;
    assert_eq!(
        (row.status, row.state.as_str(), row.lane.as_str()),
        (RunStatus::Done, "", "")
    );
    assert!(bench.store.run("2.simple").await.unwrap().is_none());
    assert_eq!(bench.store.checkpoint_now(), 2);
    assert_eq!(bench.engine.runs_under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn reading_steps_are_not_written_in_between_and_writing_ones_are() {
    let text = |one: &str, two: &str| {
        format!(
            "on: device.alarm\nsteps:\n  - call: erp.{one}\n  - call: erp.{two}\n  - call: erp.get.last\n"
        )
    };
    for (one, two, writes) in [
        ("get.a", "get.b", 1),
        ("set.a", "get.b", 2),
        ("set.a", "set.b", 3),
        ("get.a", "set.b", 2),
    ] {
        let bench = Bench::new(&[("f", &text(one, two))], ScriptedActor::answering("{}")).await;
        bench.publish(vec![event("1", "{}")]).await;
        bench.pass(1).await;
        assert_eq!(bench.store.advances(), writes, "{one} {two}");
        assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_is_written_before_what_it_causes_begins() {
    let text = "
on: device.alarm
steps:
  - call: erp.reserve
    undo: { call: erp.release }
  - call: erp.get.bad
    on-failure:
      - call: chat.sorry
  - call: erp.bad
";
    // The host dies while the first thing that a failure causes is under way, and by the next start all is repaired.
    for (cut_off, expected) in [
        ("chat.sorry", vec!["chat.sorry", "erp.bad"]),
        ("erp.release", vec!["erp.release"]),
    ] {
        let failing = ScriptedActor::new(move |what, _| {
            let message = "not for sale".to_owned();
            let result = match what.ends_with("bad") {
                true => Err(Failure::NotFound { message }),
                false => Ok("{}".to_owned()),
            };
            let takes = match what == cut_off {
                true => std::time::Duration::MAX,
                false => std::time::Duration::ZERO,
            };
            (takes, result)
        });
        let bench = Bench::new(&[("f", text)], failing).await;
        bench.publish(vec![event("1", "{}")]).await;
        bench.pass(1).await;
        let repaired = ScriptedActor::answering("{}");
        let again = Bench::over(bench.store.clone(), &[("f", text)], repaired).await;
        again.pass(1).await;
        let calls = again.actor.calls();
        let calls: Vec<&str> = calls.iter().map(|call| call.what.as_str()).collect();
        assert_eq!(calls, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_known_already_causes_nothing() {
    let bench = Bench::new(&[("simple", SIMPLE)], ScriptedActor::answering("{}")).await;
    for _ in 0..3 {
        bench
            .publish(vec![event("1", r#"{"severity":3,"part":"P"}"#)])
            .await;
        bench.pass(1).await;
    }
    assert_eq!(bench.actor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_cannot_be_judged_is_a_dead_letter() {
    let bench = Bench::new(&[("simple", SIMPLE)], ScriptedActor::answering("{}")).await;
    bench.publish(vec![event("1", r#"{"severty":3}"#)]).await;
    bench.pass(1).await;
    let error = bench.trace("1.simple").await.error.unwrap();
    assert!(
        error.starts_with("when: the expression `event.data.severity >= 3`"),
        "{error}"
    );
    assert!(error.contains("there are: severty"), "{error}");
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.simple"]);
    // The event, and the one that says it is dead.
    assert_eq!(bench.store.checkpoint_now(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_the_schema_refuses_never_leaves() {
    let schema = serde_json::json!({"type": "object", "required": ["part"], "properties": {"part": {"type": "string"}}});
    let bench = Bench::new(
        &[("simple", SIMPLE)],
        ScriptedActor::answering("{}").with_input(schema),
    )
    .await;
    bench
        .publish(vec![event("1", r#"{"severity":3,"part":7}"#)])
        .await;
    bench.pass(1).await;
    assert!(bench.actor.calls().is_empty());
    let trace = bench.trace("1.simple").await;
    let failure = trace.steps[0].attempts[0].failure.clone().unwrap();
    let Failure::InvalidInput { problems } = failure else {
        panic!("{failure}")
    };
    assert_eq!(problems[0].path, "/part");
    assert!(
        trace
            .error
            .unwrap()
            .contains("invalid-input: /part: 7 is not of type \"string\"")
    );
}

#[tokio::test(start_paused = true)]
async fn an_emitted_event_commits_with_its_run_and_is_dispatched() {
    let first = "on: device.alarm\nsteps:\n  - id: told\n    emit: { type: order.delayed, subject: 's', data: { n: '${event.data.n}' } }\n  - call: erp.note\n    with: { event: '${steps.told.id}' }\n";
    let second = "on: order.*\nsteps:\n  - call: crm.note\n    with: { n: '${event.data.n}', of: '${event.id}', from: '${event.source}' }\n";
    let bench = Bench::new(
        &[("first", first), ("second", second)],
        ScriptedActor::answering("{}"),
    )
    .await;
    bench.publish(vec![event("1", r#"{"n":5}"#)]).await;
    bench.pass(1).await;
    let mut inputs = bench.actor.inputs();
    inputs.sort();
    assert_eq!(
        inputs,
        [
            r#"{"event":"1.first/told"}"#,
            r#"{"n":5,"of":"1.first/told","from":"/flows/first"}"#
        ]
    );
    let emitted = bench.store.event(2).await.unwrap().unwrap().event;
    assert_eq!(
        (emitted.hops, emitted.cause.as_deref()),
        (1, Some("1.first"))
    );
    assert_eq!(
        bench.with_status(RunStatus::Done).await,
        ["1.first", "2.second"]
    );
    assert_eq!(bench.store.checkpoint_now(), 2);
}

#[tokio::test(start_paused = true)]
async fn flows_that_react_to_each_other_in_a_circle_end_at_the_hop_limit() {
    let text = "on: [device.alarm, again]\nsteps:\n  - emit: { type: again, data: {} }\n";
    let bench = Bench::new(&[("circle", text)], ScriptedActor::answering("{}")).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(5).await;
    let hops = usize::from(tombolo_kernel::limits::HOPS);
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), hops);
    let dead = bench.with_status(RunStatus::Dead).await;
    assert_eq!(dead.len(), 1);
    let error = bench.trace(&dead[0]).await.error.unwrap();
    assert!(
        error.contains("flows react to each other in a circle"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_store_holds_runs_back_and_loses_none() {
    let bench = Bench::new(&[("simple", SIMPLE)], ScriptedActor::taking_a_second()).await;
    bench
        .publish(vec![event("1", r#"{"severity":3,"part":"P"}"#)])
        .await;
    bench.store.set_down(true);
    let refused = bench
        .engine
        .publish(vec![event("2", r#"{"severity":3,"part":"P"}"#)])
        .await;
    assert!(refused.is_err());
    bench.pass(60).await;
    assert!(bench.store.run("1.simple").await.unwrap().is_none());
    assert_eq!(bench.engine.runs_under_way(), 1);
    bench.store.set_down(false);
    bench.pass(10).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.simple"]);
    assert_eq!(bench.actor.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_the_call_under_way_and_begins_no_other() {
    let text = "on: device.alarm\nsteps:\n  - call: erp.a\n  - call: erp.b\n";
    let bench = Bench::new(&[("two", text)], ScriptedActor::taking_a_second()).await;
    bench.publish(vec![event("1", "{}")]).await;
    tokio::task::yield_now().await;
    bench.engine.stop().await;
    assert_eq!(bench.actor.calls().len(), 1);
    assert_eq!(bench.with_status(RunStatus::Active).await, ["1.two"]);
    let again = Bench::over(
        bench.store.clone(),
        &[("two", text)],
        ScriptedActor::answering("{}"),
    )
    .await;
    again.pass(1).await;
    assert_eq!(again.actor.calls()[0].what, "erp.b");
    assert_eq!(again.with_status(RunStatus::Done).await, ["1.two"]);
}

const ALERT: &str = "
on: tombolo.dead-letter
steps:
  - call: im.message.send
    with: { text: '${event.data.run} ${event.data.step} ${event.data.failure} ${event.data.advice}', about: '${event.subject}' }
";

fn closed() -> Failure {
    Failure::Conflict {
        message: "closed".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_says_so_in_an_event_that_flows_react_to() {
    let actor = ScriptedActor::failing(1, closed());
    let bench = Bench::new(&[("simple", SIMPLE), ("alert", ALERT)], actor).await;
    bench
        .publish(vec![event("1", r#"{"severity":3,"part":"P"}"#)])
        .await;
    bench.pass(1).await;
    let inputs = bench.actor.inputs();
    assert_eq!(inputs.len(), 2, "{inputs:?}");
    for part in [
        "1.simple note",
        "conflict",
        "closed",
        "look at it there before it is tried again",
        r#""about":"1.simple""#,
    ] {
        assert!(inputs[1].contains(part), "{part}: {}", inputs[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_fails_causes_no_other() {
    let actor = ScriptedActor::failing(9, closed());
    let bench = Bench::new(&[("simple", SIMPLE), ("alert", ALERT)], actor).await;
    bench
        .publish(vec![event("1", r#"{"severity":3,"part":"P"}"#)])
        .await;
    bench.pass(1).await;
    assert_eq!(bench.actor.inputs().len(), 2);
    assert_eq!(bench.with_status(RunStatus::Dead).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_check_refused_before_a_kill_is_refused_after_it() {
    let text = "
on: device.alarm
steps:
  - id: found
    call: erp.get.part
    check: [{ that: steps.found.known, says: no such part }]
    on-failure:
      - call: chat.sorry
";
    let hanging = ScriptedActor::new(|what, _| match what {
        "chat.sorry" => (std::time::Duration::MAX, Ok("{}".to_owned())),
        _ => (
            std::time::Duration::ZERO,
            Ok(r#"{"known":false}"#.to_owned()),
        ),
    });
    let bench = Bench::new(&[("f", text)], hanging).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(1).await;
    let repaired = ScriptedActor::answering(r#"{"known":true}"#);
    let again = Bench::over(bench.store.clone(), &[("f", text)], repaired).await;
    again.pass(1).await;
    let calls = again.actor.calls();
    let calls: Vec<&str> = calls.iter().map(|call| call.what.as_str()).collect();
    assert_eq!(calls, ["chat.sorry"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_settles_what_had_its_rows_before_the_end() {
    let bench = Bench::new(&[("simple", SIMPLE)], ScriptedActor::answering("{}")).await;
    bench
        .publish(vec![event("1", r#"{"severity":3,"part":"P"}"#)])
        .await;
    bench.pass(1).await;
    // The host ended before this was written.
    bench.store.forget_checkpoint();
    let again = Bench::over(
        bench.store.clone(),
        &[("simple", SIMPLE)],
        ScriptedActor::answering("{}"),
    )
    .await;
    assert_eq!(again.store.checkpoint_now(), 1);
    assert_eq!(again.actor.calls(), []);
}
