//! Questions to people.

use super::*;
use tombolo_store::{StoreError, TaskAnswer, TaskRow};

const ASKING: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: approval
    ask: { role: plant-manager, question: 'Buy ${event.data.n}?', options: [approve, reject] }
    timeout: 48h
  - if: steps.approval.answer == 'approve'
    then:
      - call: crm.note
        with: { by: '${steps.approval.by}', comment: '${steps.approval.comment}' }
    else:
      - if: steps.approval.timed_out
        then:
          - call: crm.late
";

fn answer(answer: &str) -> TaskAnswer {
    TaskAnswer {
        answer: answer.into(),
        by: "mia".into(),
        comment: "ok".into(),
        at_ms: START_MS + 5,
    }
}

async fn open_tasks(bench: &Bench) -> Vec<TaskRow> {
    bench.store.tasks(true, 100).await.unwrap()
}

async fn asking() -> Bench {
    let bench = Bench::new(&[("asking", ASKING)], ScriptedActor::answering("{}")).await;
    bench
        .publish(vec![
            event("1", r#"{"n":3,"key":"a"}"#),
            event("2", r#"{"n":4,"key":"a"}"#),
        ])
        .await;
    bench.pass(1).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn an_answer_lets_the_run_go_on_and_the_next_of_its_lane_begin() {
    let bench = asking().await;
    let tasks = open_tasks(&bench).await;
    assert_eq!(tasks.len(), 1, "the second run waits for its lane");
    assert_eq!(
        (tasks[0].question.as_str(), tasks[0].role.as_str()),
        ("Buy 3?", "plant-manager")
    );
    assert_eq!(tasks[0].until_ms, Some(START_MS + 48 * 3_600_000));
    bench
        .engine
        .answer(&tasks[0].id, answer("approve"))
        .await
        .unwrap();
    bench.pass(1).await;
    assert_eq!(bench.actor.inputs(), [r#"{"by":"mia","comment":"ok"}"#]);
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.asking"]);
    assert_eq!(open_tasks(&bench).await[0].question, "Buy 4?");
    let again = bench.engine.answer(&tasks[0].id, answer("reject")).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn another_answer_takes_the_other_branch() {
    let bench = asking().await;
    bench
        .engine
        .answer(&open_tasks(&bench).await[0].id, answer("reject"))
        .await
        .unwrap();
    bench.pass(1).await;
    assert!(bench.actor.calls().is_empty());
    let trace = bench.trace("1.asking").await;
    assert_eq!(trace.steps[1].steps[0].branch.as_deref(), Some("else"));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_flow_goes_on_at_the_timeout_and_the_task_is_closed() {
    let bench = asking().await;
    let first = open_tasks(&bench).await[0].id.clone();
    bench.pass(48 * 3_600 - 10).await;
    assert!(bench.actor.calls().is_empty());
    bench.pass(20).await;
    assert_eq!(bench.actor.calls().len(), 1);
    assert_eq!(bench.actor.calls()[0].what, "crm.late");
    assert_eq!(
        bench.trace("1.asking").await.steps[0].status,
        crate::trace::StepStatus::TimedOut
    );
    assert!(
        bench
            .store
            .task(&first)
            .await
            .unwrap()
            .unwrap()
            .closed
            .is_some()
    );
    assert!(
        bench
            .engine
            .answer(&first, answer("approve"))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_given_while_the_host_was_down_is_taken_up() {
    let bench = asking().await;
    bench.engine.stop().await;
    let task = open_tasks(&bench).await[0].id.clone();
    bench.store.answer(&task, answer("approve")).await.unwrap();
    let again = Bench::over(
        bench.store.clone(),
        &[("asking", ASKING)],
        ScriptedActor::answering("{}"),
    )
    .await;
    again.pass(1).await;
    assert_eq!(again.actor.calls()[0].what, "crm.note");
    assert_eq!(again.with_status(RunStatus::Done).await, ["1.asking"]);
    assert_eq!(
        open_tasks(&again).await[0].run,
        "2.asking",
        "the lane went on"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_finishes_on_the_version_it_began_with_even_after_a_restart_without_it() {
    let bench = asking().await;
    bench.engine.stop().await;
    let other = "on: other\nsteps:\n  - call: crm.other\n";
    let again = Bench::over(
        bench.store.clone(),
        &[("asking", other)],
        ScriptedActor::answering("{}"),
    )
    .await;
    for _ in 0..2 {
        let task = open_tasks(&again).await[0].id.clone();
        again.engine.answer(&task, answer("approve")).await.unwrap();
        again.pass(1).await;
    }
    assert_eq!(
        again
            .actor
            .calls()
            .iter()
            .map(|call| call.what.as_str())
            .collect::<Vec<_>>(),
        ["crm.note", "crm.note"]
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_runs_stay_in_the_store_through_a_start() {
    let bench = Bench::new(&[("asking", ASKING)], ScriptedActor::answering("{}")).await;
    for batch in 0..20 {
        let events = (0..100).map(|n| {
            let n = batch * 100 + n;
            event(&n.to_string(), &format!(r#"{{"n":{n},"key":"k{n}"}}"#))
        });
        bench.publish(events.collect()).await;
    }
    bench.pass(1).await;
    bench.engine.stop().await;
    assert_eq!(bench.engine.runs_under_way(), 0);
    let again = Bench::over(
        bench.store.clone(),
        &[("asking", ASKING)],
        ScriptedActor::answering("{}"),
    )
    .await;
    again.pass(1).await;
    assert_eq!(
        again.engine.runs_under_way(),
        0,
        "waiting runs stay in the store"
    );
    let task = open_tasks(&again).await[1_500].clone();
    again
        .engine
        .answer(&task.id, answer("approve"))
        .await
        .unwrap();
    again.pass(1).await;
    assert_eq!(again.with_status(RunStatus::Done).await, [task.run]);
}
