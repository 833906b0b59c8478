//! What is forgotten and what never is.

use super::*;
use crate::{EventFilter, Sweep};

fn all() -> Sweep {
    Sweep {
        events_before_ms: NOW + 1,
        most_bytes: 0,
        audits_before_ms: NOW + 1,
        audits_kept: None,
        after: 0,
    }
}

async fn seqs(store: &SqliteStore) -> Vec<i64> {
    let events = store.events_after(0, 10_000).await.unwrap();
    events.into_iter().map(|stored| stored.seq).collect()
}

/// Ten events, each with a run that stands so.
async fn with_runs(status: impl Fn(i64) -> RunStatus) -> Place {
    let place = Place::new();
    let events = (1..=10).map(|n| event(&n.to_string())).collect();
    place.store.append(events).await.unwrap();
    for seq in 1..=10 {
        let row = run(seq, "a", "", status(seq));
        place.store.advance(advance(row)).await.unwrap();
    }
    place.store.checkpoint(10);
    place.store.flush().await.unwrap();
    place
}

#[tokio::test]
async fn finished_runs_go_with_their_events_and_unfinished_ones_stay() {
    let place = with_runs(|seq| match seq {
        2 => RunStatus::Waiting,
        3 => RunStatus::Queued,
        4 => RunStatus::Active,
        5 => RunStatus::Dead,
        6 => RunStatus::Discarded,
        _ => RunStatus::Done,
    })
    .await;
    let row = run(7, "b", "", RunStatus::Waiting);
    place.store.advance(advance(row)).await.unwrap();
    let swept = place.store.sweep(all()).await.unwrap();
    assert_eq!((swept.events, swept.runs, swept.more), (4, 4, false));
    // 7 has a second run that waits; 10 is the newest and says where the log goes on.
    assert_eq!(seqs(&place.store).await, [2, 3, 4, 5, 7, 10]);
    assert_eq!(place.count("SELECT count(*) FROM run"), 7);
    let appended = place.store.append(vec![event("11")]).await.unwrap();
    assert_eq!(appended[0].seq, 11);
}

#[tokio::test]
async fn what_is_young_or_after_the_checkpoint_stays() {
    let place = with_runs(|_| RunStatus::Done).await;
    let young = Sweep {
        events_before_ms: NOW,
        ..all()
    };
    assert_eq!(place.store.sweep(young).await.unwrap().events, 0);
    let events = (11..=20).map(|n| event(&n.to_string())).collect();
    place.store.append(events).await.unwrap();
    assert_eq!(place.store.sweep(all()).await.unwrap().events, 10);
    assert_eq!(seqs(&place.store).await, (11..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn beyond_its_size_the_oldest_go_whatever_their_age() {
    let place = with_runs(|_| RunStatus::Done).await;
    let large = Sweep {
        events_before_ms: 0,
        most_bytes: 1 << 40,
        ..all()
    };
    assert_eq!(place.store.sweep(large.clone()).await.unwrap().events, 0);
    let small = Sweep {
        most_bytes: 4_096,
        ..large
    };
    assert_eq!(place.store.sweep(small).await.unwrap().events, 9);
}

#[tokio::test]
async fn a_forgotten_event_may_come_again_and_a_kept_one_is_known() {
    let place = with_runs(|seq| match seq {
        5 => RunStatus::Dead,
        _ => RunStatus::Done,
    })
    .await;
    place.store.sweep(all()).await.unwrap();
    let events = vec![event("1"), event("5")];
    let appended = place.store.append(events).await.unwrap();
    assert_eq!((appended[0].seq, appended[0].fresh), (11, true));
    assert_eq!((appended[1].seq, appended[1].fresh), (5, false));
    let path = place.path();
    place.store.close().await;
    let again = open(&path).append(vec![event("1")]).await.unwrap();
    assert_eq!((again[0].seq, again[0].fresh), (11, false));
}

#[tokio::test]
async fn a_long_log_is_swept_in_small_steps() {
    let place = Place::new();
    for batch in 0..3 {
        let events = (0..300).map(|n| event(&format!("{batch}-{n}"))).collect();
        place.store.append(events).await.unwrap();
    }
    place.store.checkpoint(900);
    place.store.flush().await.unwrap();
    let (mut sweep, mut steps) = (all(), 0);
    loop {
        let swept = place.store.sweep(sweep.clone()).await.unwrap();
        steps += 1;
        assert!(swept.events <= 256);
        let Some(next) = swept.next else { break };
        sweep.after = next;
    }
    assert_eq!((steps, seqs(&place.store).await), (4, vec![900]));
}

#[tokio::test]
async fn tasks_go_with_their_runs_and_texts_of_flows_when_no_run_needs_them() {
    let place = with_runs(|seq| match seq {
        2 => RunStatus::Waiting,
        _ => RunStatus::Done,
    })
    .await;
    for (seq, status) in [(1, RunStatus::Done), (2, RunStatus::Waiting)] {
        let id = format!("{seq}.a");
        let mut opened = advance(RunRow {
            flow_version: format!("sha256:f{seq}"),
            ..run(seq, "a", "", status)
        });
        opened.tasks = vec![task(&format!("t{seq}"), &id)];
        place.store.advance(opened).await.unwrap();
        let version = format!("sha256:f{seq}");
        place.store.keep_flow(&version, "on: x").await.unwrap();
    }
    assert_eq!(place.store.unneeded_flows().await.unwrap(), ["sha256:f1"]);
    place.store.forget_flow("sha256:f1").await.unwrap();
    assert_eq!(place.store.flow("sha256:f1").await.unwrap(), None);
    place.store.sweep(all()).await.unwrap();
    let tasks = place.store.tasks(false, 10).await.unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["t2"]);
    let events = place.store.events(EventFilter::default()).await.unwrap();
    assert_eq!(events.len(), 2);
}
