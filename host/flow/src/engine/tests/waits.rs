//! Runs that wait for events, items side by side, what people change.

use std::time::Duration;

use tombolo_store::TaskAnswer;

use super::*;
use crate::run::{Mend, MendWith};

const WAITING: &str = "
on: device.alarm
steps:
  - id: ordered
    call: erp.order
    with: { n: '${event.data.n}' }
  - id: arrived
    wait: { on: parcel.arrived, when: event.data.n == steps.ordered.n }
    timeout: 48h
  - call: crm.note
    with: { n: '${event.data.n}', late: '${steps.arrived.timed_out}' }
";

/// Answers with the input.
fn echo() -> ScriptedActor {
    ScriptedActor::new(|_, call| (Duration::ZERO, Ok(call.input.clone())))
}

fn parcel(n: u32) -> Event {
    let mut event = event(&format!("parcel-{n}"), &format!("{{\"n\":{n}}}"));
    event.kind = "parcel.arrived".into();
    event
}

fn notes(bench: &Bench) -> Vec<String> {
    let notes = bench
        .actor
        .calls()
        .into_iter()
        .filter(|call| call.what == "crm.note");
    notes.map(|call| call.input).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_with_the_event_it_waits_for_and_no_other() {
    let bench = Bench::new(&[("f", WAITING)], echo()).await;
    bench
        .publish(vec![event("1", r#"{"n":1}"#), event("2", r#"{"n":2}"#)])
        .await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Waiting).await, ["1.f", "2.f"]);
    bench.publish(vec![parcel(3), parcel(2)]).await;
    bench.pass(1).await;
    assert_eq!(notes(&bench), [r#"{"n":2,"late":false}"#]);
    bench.pass(48 * 3_600).await;
    assert_eq!(notes(&bench)[1], r#"{"n":1,"late":true}"#);
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f", "2.f"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_came_while_an_earlier_step_was_under_way_is_found() {
    let actor = ScriptedActor::new(|_, call| (Duration::from_secs(60), Ok(call.input.clone())));
    let bench = Bench::new(&[("f", WAITING)], actor).await;
    bench.publish(vec![event("1", r#"{"n":1}"#)]).await;
    bench.pass(1).await;
    bench.publish(vec![parcel(1)]).await;
    bench.pass(130).await;
    assert_eq!(notes(&bench), [r#"{"n":1,"late":false}"#]);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_before_a_kill_is_given_up_after_it() {
    let hanging = ScriptedActor::new(|what, call| {
        let takes = match what {
            "crm.note" => Duration::MAX,
            _ => Duration::ZERO,
        };
        (takes, Ok(call.input.clone()))
    });
    let bench = Bench::new(&[("f", WAITING)], hanging).await;
    bench.publish(vec![event("1", r#"{"n":1}"#)]).await;
    bench.pass(49 * 3_600).await;
    let late = [r#"{"n":1,"late":true}"#];
    assert_eq!(notes(&bench), late, "and the host dies in the middle of it");
    bench.publish(vec![parcel(1)]).await;
    bench.pass(1).await;
    let again = Bench::over(bench.store.clone(), &[("f", WAITING)], echo()).await;
    again.pass(1).await;
    assert_eq!(notes(&again), late);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_host_still_hears_for_the_runs_that_wait() {
    let bench = Bench::new(&[("f", WAITING)], echo()).await;
    bench.publish(vec![event("1", r#"{"n":1}"#)]).await;
    bench.pass(1).await;
    bench.engine.stop().await;
    let again = Bench::over(bench.store.clone(), &[("f", WAITING)], echo()).await;
    again.publish(vec![parcel(1)]).await;
    again.pass(1).await;
    assert_eq!(notes(&again), [r#"{"n":1,"late":false}"#]);
}

const LINES: &str = "
on: device.alarm
steps:
  - id: lines
    each: event.data.lines
    at-most: 4
    steps:
      - id: asked
        ask: { role: boss, question: 'line ${item}?', options: [yes, no] }
        timeout: 1h
      - call: erp.order
        with: { line: '${item}', by: '${steps.asked.by}' }
  - call: crm.note
";

#[tokio::test(start_paused = true)]
async fn items_go_on_side_by_side_as_their_answers_come() {
    let slowly = ScriptedActor::new(|_, _| (Duration::from_secs(5), Ok("{}".to_owned())));
    let bench = Bench::new(&[("f", LINES)], slowly).await;
    bench
        .publish(vec![event("1", r#"{"lines":[1,2,3]}"#)])
        .await;
    bench.pass(1).await;
    let mut tasks = bench.store.tasks(true, 10).await.unwrap();
    tasks.sort_by(|one, other| one.question.cmp(&other.question));
    let steps: Vec<&str> = tasks.iter().map(|task| task.step.as_str()).collect();
    assert_eq!(
        steps,
        ["lines[0].asked", "lines[1].asked", "lines[2].asked"]
    );
    // The second answer comes while the call after the first is under way.
    for task in [&tasks[1], &tasks[0]] {
        let (answer, by, comment) = ("yes".into(), "mia".into(), String::new());
        let said = TaskAnswer {
            answer,
            by,
            comment,
            at_ms: START_MS,
        };
        bench.engine.answer(&task.id, said).await.unwrap();
        bench.pass(2).await;
    }
    bench.pass(20).await;
    assert_eq!(
        bench.actor.inputs(),
        [r#"{"line":2,"by":"mia"}"#, r#"{"line":1,"by":"mia"}"#]
    );
    bench.pass(3_600).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f"]);
    assert_eq!(
        bench.actor.inputs()[2],
        r#"{"line":3,"by":""}"#,
        "nobody answered"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_of_items_are_under_way_together_up_to_the_bound() {
    let text = "on: device.alarm\nsteps:\n  - each: event.data.lines\n    at-most: 3\n    steps: [{ call: erp.order }]\n";
    let bench = Bench::new(&[("f", text)], ScriptedActor::taking_a_second()).await;
    bench
        .publish(vec![event("1", r#"{"lines":[1,2,3,4,5,6,7]}"#)])
        .await;
    bench.pass(10).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f"]);
    assert_eq!(
        (bench.actor.calls().len(), bench.actor.most_at_a_time()),
        (7, 3)
    );
    let mut keys: Vec<String> = bench
        .actor
        .calls()
        .into_iter()
        .map(|call| call.key)
        .collect();
    keys.sort();
    assert_eq!(keys[3], "site-1.f/1[3].1");
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_is_mended_and_a_waiting_one_moved() {
    let missing = tombolo_kernel::failure::Failure::NotFound {
        message: "no".into(),
    };
    let actor = ScriptedActor::new(move |_, call| {
        let wrong = call.input.contains("wrong");
        let result = if wrong {
            Err(missing.clone())
        } else {
            Ok("{}".to_owned())
        };
        (Duration::ZERO, result)
    });
    let text = "on: device.alarm\nkey: event.data.n\nsteps:\n  - { id: note, call: crm.note, with: { n: '${event.data.n}' } }\n  - ask: { role: boss, question: q, options: [a] }\n";
    let bench = Bench::new(&[("f", text)], actor).await;
    bench
        .publish(vec![
            event("1", r#"{"n":"wrong"}"#),
            event("2", r#"{"n":"right"}"#),
        ])
        .await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.f"]);
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let mend = |step: &str| Mend {
        step: Some(step.into()),
        with: MendWith::Input(raw(r#"{"n":"better"}"#)),
        by: "mia".into(),
        reason: "typing error".into(),
    };
    assert!(bench.engine.mend("1.f", mend("other")).await.is_err());
    assert!(bench.engine.mend("9.f", mend("note")).await.is_err());
    bench.engine.mend("1.f", mend("note")).await.unwrap();
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Waiting).await, ["1.f", "2.f"]);
    let mut keys: Vec<String> = bench
        .actor
        .calls()
        .into_iter()
        .map(|call| call.key)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["site-1.f/note", "site-1.f/note", "site-2.f/note"],
        "the same key"
    );
    let trace = bench.trace("1.f").await;
    assert_eq!(trace.repairs[0].reason, "typing error");

    assert!(
        bench.engine.move_run("2.f", "mia", "r").await.is_err(),
        "it is on that version"
    );
    bench
        .engine
        .replace_flows(flows(&[("f", &format!("{text}  - call: crm.more\n"))]));
    let version = bench
        .engine
        .move_run("2.f", "mia", "new rule")
        .await
        .unwrap();
    assert_eq!(bench.run("2.f").await.flow_version, version);
    bench.pass(1).await;
    assert_eq!(bench.trace("2.f").await.repairs[0].value, version);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_while_another_item_calls_is_not_lost() {
    let text = "
on: device.alarm
steps:
  - each: event.data.lines
    at-most: 2
    steps:
      - if: item == 1
        then: [{ ask: { role: boss, question: q, options: [yes] } }]
        else: [{ call: erp.slow }]
  - call: erp.last
";
    let slowly = ScriptedActor::new(|_, _| (Duration::from_secs(5), Ok("{}".to_owned())));
    let bench = Bench::new(&[("f", text)], slowly).await;
    bench.publish(vec![event("1", r#"{"lines":[1,2]}"#)]).await;
    bench.pass(1).await;
    assert_eq!(bench.run("1.f").await.status, RunStatus::Active);
    let task = bench.store.tasks(true, 10).await.unwrap().remove(0);
    let said = TaskAnswer {
        answer: "yes".into(),
        by: "mia".into(),
        comment: String::new(),
        at_ms: START_MS,
    };
    bench.engine.answer(&task.id, said).await.unwrap();
    bench.pass(20).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.f"]);
}
