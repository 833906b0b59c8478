//! Dead letters: found, carried out again under the same keys, changed, let go.

use super::*;
use crate::engine::{DeadFilter, Remedy};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tombolo_kernel::failure::Failure;
use tombolo_store::StoreError;

const KEYED: &str = "
on: device.alarm
key: event.data.key
steps:
  - id: stock
    call: erp.get.stock
  - id: note
    call: erp.note
    with: { n: '${event.data.n}' }
";

fn refused() -> Failure {
    Failure::Rejected {
        code: "E7".into(),
        message: "the customer is blocked".into(),
    }
}

/// Refuses notes with a 1 in them until it is switched on.
fn refusing(is_mended: &Arc<AtomicBool>) -> ScriptedActor {
    let is_mended = is_mended.clone();
    ScriptedActor::new(move |what, call| {
        let bad = what == "erp.note" && call.input.contains(":1}");
        let result = match bad && !is_mended.load(Ordering::SeqCst) {
            true => Err(refused()),
            false => Ok("{}".to_owned()),
        };
        (Duration::from_millis(10), result)
    })
}

fn keyed(n: usize, key: &str) -> Event {
    event(&n.to_string(), &format!(r#"{{"n":{n},"key":"{key}"}}"#))
}

async fn with_a_dead_one() -> (Bench, Arc<AtomicBool>) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(&[("keyed", KEYED)], refusing(&is_mended)).await;
    bench
        .publish(vec![keyed(1, "a"), keyed(2, "a"), keyed(3, "b")])
        .await;
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Dead).await, ["1.keyed"]);
    (bench, is_mended)
}

async fn remedy(bench: &Bench, id: &str, remedy: Remedy) -> Result<(), StoreError> {
    let (by, reason) = ("mia".to_owned(), "the block was lifted".to_owned());
    bench.engine.remedy(id, remedy, by, reason).await
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_has_all_that_is_needed_to_repair_it() {
    let (bench, _) = with_a_dead_one().await;
    let detail = bench.engine.dead_letter("1.keyed").await.unwrap();
    let letter = &detail.letter;
    assert_eq!(
        (letter.step.as_deref(), letter.system.as_deref()),
        (Some("note"), Some("erp"))
    );
    assert_eq!((letter.kind.as_str(), letter.attempts), ("rejected", 1));
    assert_eq!(detail.input.as_deref(), Some(r#"{"n":1}"#));
    assert!(
        detail.advice.starts_with("erp refused by its own rules"),
        "{}",
        detail.advice
    );
    assert_eq!(detail.event.unwrap().event.id, "1");
    assert_eq!(detail.trace.steps[1].attempts[0].failure, Some(refused()));
    for (id, part) in [
        ("9.keyed", "there is no run"),
        ("2.keyed", "is done, not dead"),
    ] {
        let error = bench.engine.dead_letter(id).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn filters_mean_what_they_say() {
    let (bench, _) = with_a_dead_one().await;
    let some = |text: &str| Some(text.to_owned());
    let none = DeadFilter::default;
    for (filter, found) in [
        (none(), 1),
        (
            DeadFilter {
                flow: some("keyed"),
                ..none()
            },
            1,
        ),
        (
            DeadFilter {
                flow: some("other"),
                ..none()
            },
            0,
        ),
        (
            DeadFilter {
                system: some("erp"),
                kind: some("rejected"),
                ..none()
            },
            1,
        ),
        (
            DeadFilter {
                system: some("crm"),
                ..none()
            },
            0,
        ),
        (
            DeadFilter {
                kind: some("unavailable"),
                ..none()
            },
            0,
        ),
        (
            DeadFilter {
                before_ms: Some(START_MS),
                ..none()
            },
            0,
        ),
        (
            DeadFilter {
                before_ms: Some(START_MS + 60_000),
                ..none()
            },
            1,
        ),
    ] {
        let page = bench.engine.dead_letters(&filter, None, 10).await.unwrap();
        assert_eq!(page.letters.len(), found, "{filter:?}");
        assert_eq!(page.next, None);
    }
    let page = bench.engine.dead_letters(&none(), None, 1).await.unwrap();
    let rest = bench
        .engine
        .dead_letters(&none(), page.next, 1)
        .await
        .unwrap();
    assert_eq!((page.letters.len(), rest.letters.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retried_run_keeps_its_id_its_keys_and_what_was_done() {
    let (bench, is_mended) = with_a_dead_one().await;
    is_mended.store(true, Ordering::SeqCst);
    let before = bench.actor.calls().len();
    remedy(&bench, "1.keyed", Remedy::Retry).await.unwrap();
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 3);
    let after = bench.actor.calls().split_off(before);
    assert_eq!(after.len(), 1, "what was done is not done again: {after:?}");
    assert_eq!(
        (after[0].key.as_str(), after[0].attempt),
        ("site-1.keyed/note", 2)
    );
    let trace = bench.trace("1.keyed").await;
    assert_eq!((trace.error, trace.steps.len()), (None, 2));
    let repair = &trace.repairs[0];
    assert_eq!(
        (
            repair.what.as_str(),
            repair.by.as_str(),
            repair.reason.as_str()
        ),
        ("retried", "mia", "the block was lifted")
    );
    let again = remedy(&bench, "1.keyed", Remedy::Retry).await;
    assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retried_run_waits_for_its_turn_in_its_lane() {
    let (bench, is_mended) = with_a_dead_one().await;
    is_mended.store(true, Ordering::SeqCst);
    let events = (4..=40).map(|n| keyed(n, "a")).collect();
    bench.publish(events).await;
    remedy(&bench, "1.keyed", Remedy::Retry).await.unwrap();
    bench.pass(10).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 40);
    assert_eq!(bench.actor.most_at_a_time(), 2, "lane b, and one of lane a");
}

#[tokio::test(start_paused = true)]
async fn an_edited_run_goes_on_with_the_new_input() {
    let (bench, _) = with_a_dead_one().await;
    let bad = remedy(&bench, "1.keyed", Remedy::Edit("{not json".into())).await;
    assert!(bad.unwrap_err().to_string().contains("not JSON"));
    remedy(&bench, "1.keyed", Remedy::Edit(r#"{"n":100}"#.into()))
        .await
        .unwrap();
    bench.pass(5).await;
    assert_eq!(bench.with_status(RunStatus::Done).await.len(), 3);
    assert_eq!(bench.actor.inputs().last().unwrap(), r#"{"n":100}"#);
    let trace = bench.trace("1.keyed").await;
    assert_eq!(trace.steps[1].input, r#"{"n":100}"#);
    assert_eq!(trace.repairs[0].what, "edited");
}

#[tokio::test(start_paused = true)]
async fn a_discarded_run_is_kept_with_the_reason_and_is_no_dead_letter() {
    let (bench, _) = with_a_dead_one().await;
    remedy(&bench, "1.keyed", Remedy::Discard).await.unwrap();
    assert_eq!(bench.with_status(RunStatus::Dead).await, [""; 0]);
    assert_eq!(bench.with_status(RunStatus::Discarded).await, ["1.keyed"]);
    let trace = bench.trace("1.keyed").await;
    assert_eq!(trace.repairs[0].reason, "the block was lifted");
    assert!(trace.error.is_some(), "what went wrong is still told");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_could_not_be_judged_is_judged_again_by_the_flow_as_it_is_now() {
    let bench = Bench::new(&[("keyed", KEYED)], ScriptedActor::answering("{}")).await;
    bench.publish(vec![event("1", r#"{"n":1}"#)]).await;
    bench.pass(1).await;
    let page = bench
        .engine
        .dead_letters(&DeadFilter::default(), None, 10)
        .await
        .unwrap();
    let letter = &page.letters[0];
    assert_eq!((letter.kind.as_str(), &letter.step), ("flow", &None));
    let again = remedy(&bench, "1.keyed", Remedy::Retry).await;
    let error = again.unwrap_err().to_string();
    assert!(error.contains("it would fail again: key: "), "{error}");
    let mended = KEYED.replace("key: event.data.key", "key: string(event.data.n)");
    bench.engine.replace_flows(flows(&[("keyed", &mended)]));
    remedy(&bench, "1.keyed", Remedy::Retry).await.unwrap();
    bench.pass(1).await;
    assert_eq!(bench.with_status(RunStatus::Done).await, ["1.keyed"]);
}
