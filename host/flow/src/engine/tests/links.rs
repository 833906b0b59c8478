//! Cross-references: links of runs, what contradicts becomes a question, look-ups that the store cannot answer now.

use super::*;
use tombolo_store::{
    CrossReferences as _, EntityFilter, LinkOrder, Maker, OnConflict, SystemId, TaskAnswer,
};

const SYNC: &str = "
on: device.alarm
key: event.data.crm
steps:
  - id: known
    link: { kind: customer, ids: { crm: '${event.data.crm}', erp: '${event.data.erp}' }, role: steward }
    timeout: 48h
  - call: crm.note
    with: { result: '${steps.known}', erp: \"${xref('customer', 'crm', event.data.crm, 'erp')}\" }
";

fn link(ids: &[(&str, &str)]) -> tombolo_store::Link {
    let id = |(system, id): &(&str, &str)| SystemId {
        system: (*system).to_owned(),
        id: (*id).to_owned(),
    };
    tombolo_store::Link {
        kind: "customer".into(),
        ids: ids.iter().map(id).collect(),
        maker: Maker {
            by: "ann".into(),
            ..Maker::default()
        },
    }
}

async fn linked(bench: &Bench, ids: &[(&str, &str)]) {
    let order = LinkOrder {
        link: link(ids),
        on_conflict: OnConflict::Tell,
    };
    bench.store.link(vec![order]).await.unwrap();
}

async fn entities(bench: &Bench) -> Vec<String> {
    let all = bench.store.entities(EntityFilter::default()).await.unwrap();
    let words = |entity: &tombolo_store::Entity| {
        let ids: Vec<String> = entity.ids.iter().map(|one| one.id.to_string()).collect();
        ids.join(", ")
    };
    all.iter().map(words).collect()
}

fn answer(answer: &str) -> TaskAnswer {
    TaskAnswer {
        answer: answer.into(),
        by: "mia".into(),
        comment: "looked it up".into(),
        at_ms: START_MS + 5,
    }
}

async fn bench(flow: &str) -> Bench {
    Bench::new(&[("sync", flow)], ScriptedActor::answering("{}")).await
}

#[tokio::test(start_paused = true)]
async fn a_link_is_made_and_seen_by_the_next_step() {
    let bench = bench(SYNC).await;
    bench
        .publish(vec![event("1", r#"{"crm":"C-7","erp":42}"#)])
        .await;
    bench.pass(1).await;
    assert_eq!(entities(&bench).await, ["crm C-7, erp 42"]);
    assert_eq!(
        bench.actor.inputs(),
        [
            r#"{"result":{"linked":true,"conflict":false,"answer":"","by":"","comment":"","timed_out":false},"erp":"42"}"#
        ]
    );
    let all = bench.store.entities(EntityFilter::default()).await.unwrap();
    assert_eq!(all[0].ids[0].maker.cause, "1.sync/known");
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.sync"]);
}

#[tokio::test(start_paused = true)]
async fn what_contradicts_is_asked_and_the_answer_decides() {
    for (said, erp, left) in [
        ("replace", "43", "crm C-7, erp 43"),
        ("keep", "42", "crm C-7, erp 42"),
    ] {
        let bench = bench(SYNC).await;
        linked(&bench, &[("crm", "C-7"), ("erp", "42")]).await;
        bench
            .publish(vec![event("1", r#"{"crm":"C-7","erp":"43"}"#)])
            .await;
        bench.pass(1).await;
        let task = bench.store.tasks(true, 10).await.unwrap().remove(0);
        assert_eq!(
            (task.step.as_str(), task.role.as_str()),
            ("known", "steward")
        );
        assert!(
            task.question.starts_with(
                "crm C-7 and erp 43 are one customer, says 1.sync/known. But crm C-7 is linked with erp 42 (ann)."
            ),
            "{}",
            task.question
        );
        assert_eq!(task.until_ms, Some(START_MS + 48 * 3_600_000));
        assert!(bench.actor.calls().is_empty());
        bench.engine.answer(&task.id, answer(said)).await.unwrap();
        bench.pass(1).await;
        assert_eq!(entities(&bench).await, [left]);
        let expected = format!(
            r#"{{"result":{{"linked":{},"conflict":true,"answer":"{said}","by":"mia","comment":"looked it up","timed_out":false}},"erp":"{erp}"}}"#,
            said == "replace"
        );
        assert_eq!(bench.actor.inputs(), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_about_links_that_nobody_answers_leaves_them_as_they_are() {
    let bench = bench(SYNC).await;
    linked(&bench, &[("crm", "C-7"), ("erp", "42")]).await;
    bench
        .publish(vec![event("1", r#"{"crm":"C-7","erp":"43"}"#)])
        .await;
    bench.pass(49 * 3_600).await;
    assert_eq!(entities(&bench).await, ["crm C-7, erp 42"]);
    assert!(bench.actor.inputs()[0].contains(r#""linked":false,"conflict":true"#));
    assert!(bench.actor.inputs()[0].contains(r#""timed_out":true"#));
    assert!(bench.store.tasks(true, 10).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn links_work_inside_each_called_flows_and_on_failure() {
    let outer = "
on: device.alarm
steps:
  - id: lines
    each: event.data.lines
    at-most: 4
    keep-going: true
    steps:
      - call: flow.pair
        with: { crm: '${item.crm}', erp: '${item.erp}' }
  - id: broken
    call: erp.bad
    on-failure:
      - link: { kind: customer, ids: { crm: C-9, erp: '9' }, role: steward }
  - return: { found: \"${xref('customer', 'erp', '9', 'crm')}\", lines: '${steps.lines}' }
";
    let inner = "
takes: [crm, erp]
steps:
  - id: known
    link: { kind: customer, ids: { crm: '${event.data.crm}', erp: '${event.data.erp}' }, role: steward }
  - return: '${steps.known.linked}'
";
    let actor = ScriptedActor::new(|_, _| {
        let failure = tombolo_kernel::failure::Failure::NotFound {
            message: "no".into(),
        };
        (std::time::Duration::ZERO, Err(failure))
    });
    let bench = Bench::new(&[("sync", outer), ("pair", inner)], actor).await;
    let lines =
        r#"{"lines":[{"crm":"C-1","erp":"1"},{"crm":"C-2","erp":"2"},{"crm":"C-2","erp":"3"}]}"#;
    bench.publish(vec![event("1", lines)]).await;
    bench.pass(1).await;
    let task = bench.store.tasks(true, 10).await.unwrap().remove(0);
    assert_eq!(task.step, "lines[2].1.known");
    bench.engine.answer(&task.id, answer("keep")).await.unwrap();
    bench.pass(1).await;
    assert_eq!(
        entities(&bench).await,
        ["crm C-1, erp 1", "crm C-2, erp 2", "crm C-9, erp 9"]
    );
    assert_eq!(
        bench.trace("1.sync").await.result,
        r#"{"found":"C-9","lines":[{"result":true},{"result":true},{"result":false}]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_without_a_default_says_what_to_do() {
    let flow = "
on: device.alarm
steps:
  - if: xref('customer', 'crm', event.data.crm, 'erp', '') == ''
    then:
      - return: \"${xref('customer', 'crm', event.data.crm, 'erp')}\"
";
    let bench = bench(flow).await;
    bench.publish(vec![event("1", r#"{"crm":"C-7"}"#)]).await;
    bench.pass(1).await;
    let error = bench.trace("1.sync").await.error.unwrap();
    assert!(
        error.contains("crm \"C-7\" is linked with no customer of erp; link it, or write xref('customer', 'crm', ..., 'erp', default)"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_answer_a_look_up_holds_runs_up_and_fails_none() {
    let flow = "
on: device.alarm
when: xref('customer', 'crm', event.data.crm, 'erp', '') != ''
key: xref('customer', 'crm', event.data.crm, 'erp')
steps:
  - call: erp.get
  - call: crm.note
    with: { erp: \"${xref('customer', 'crm', event.data.crm, 'erp')}\" }
";
    let store = Arc::new(FakeStore::default());
    let at_call = store.clone();
    let actor = ScriptedActor::new(move |what, _| {
        // It fails while the first call is under way.
        at_call.set_down(what == "erp.get");
        (std::time::Duration::from_secs(1), Ok("{}".to_owned()))
    });
    let bench = Bench::over(store, &[("sync", flow)], actor).await;
    linked(&bench, &[("crm", "C-7"), ("erp", "42")]).await;
    bench
        .publish(vec![
            event("1", r#"{"crm":"C-7"}"#),
            event("2", r#"{"crm":"C-8"}"#),
        ])
        .await;
    bench.pass(60).await;
    assert_eq!(bench.actor.calls().len(), 1, "it waits for the store");
    bench.store.set_down(false);
    bench.pass(60).await;
    assert_eq!(bench.actor.inputs()[1], r#"{"erp":"42"}"#);
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.sync"]);
    assert_eq!(bench.run("1.sync").await.lane, "42");
}

#[tokio::test(start_paused = true)]
async fn what_was_looked_up_is_kept_before_a_call_acts_upon_it() {
    let flow = "
on: device.alarm
steps:
  - if: xref('customer', 'crm', event.data.crm, 'erp', '') == ''
    then:
      - id: made
        call: erp.customer.add
      - link: { kind: customer, ids: { crm: '${event.data.crm}', erp: '${steps.made.number}' }, role: steward }
";
    let never = ScriptedActor::new(|_, _| (std::time::Duration::MAX, Ok("{}".to_owned())));
    let bench = Bench::new(&[("sync", flow)], never).await;
    bench.publish(vec![event("1", r#"{"crm":"C-7"}"#)]).await;
    bench.pass(1).await;
    assert_eq!(bench.run("1.sync").await.status, RunStatus::Active);
    // The host is killed, and somebody links the customer meanwhile: the call that may have gone out is not forgotten.
    linked(&bench, &[("crm", "C-7"), ("erp", "42")]).await;
    let again = Bench::over(
        bench.store.clone(),
        &[("sync", flow)],
        ScriptedActor::answering(r#"{"number":43}"#),
    )
    .await;
    again.pass(1).await;
    assert_eq!(again.actor.calls()[0].what, "erp.customer.add");
    let task = again.store.tasks(true, 10).await.unwrap().remove(0);
    assert!(task.question.contains("erp 43"), "{}", task.question);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_stopped_asks_nobody() {
    let flow = "
on: device.alarm
steps:
  - each: '[1, 2]'
    at-most: 2
    steps:
      - if: item == 2
        then: [{ fail: broken }]
      - link: { kind: customer, ids: { crm: C-7, erp: '43' }, role: steward }
";
    let bench = bench(flow).await;
    linked(&bench, &[("crm", "C-7"), ("erp", "42")]).await;
    bench.publish(vec![event("1", "{}")]).await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.sync"]);
    assert!(bench.store.tasks(true, 10).await.unwrap().is_empty());
}
