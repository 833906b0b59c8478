//! Runs, lanes, and what one transaction holds.

use super::*;
use crate::sqlite::events::DESCENDANTS;
use crate::sqlite::parked::{COUNTS, PARKED};
use crate::sqlite::runs::{DUE, LANE, LANES, NEXT_WAKE};
use crate::{RunFilter, StoreError};
use futures_util::future::join_all;

#[tokio::test]
async fn a_move_stores_its_run_its_events_and_its_tasks_together() {
    let place = Place::new();
    place.store.append(vec![event("1")]).await.unwrap();
    let appended = place
        .store
        .advance(Advance {
            emitted: vec![event("2"), event("1")],
            tasks: vec![task("t", "1.a")],
            queued: vec![run(2, "a", "k", RunStatus::Queued)],
            hearing: None,
            ..advance(run(1, "a", "k", RunStatus::Waiting))
        })
        .await
        .unwrap();
    assert_eq!(
        appended
            .appended
            .iter()
            .map(|one| (one.seq, one.fresh))
            .collect::<Vec<_>>(),
        [(2, true), (1, false)]
    );
    assert_eq!(
        place.store.known_runs(1, 2).await.unwrap(),
        [(1, "a".into()), (2, "a".into())]
    );
    assert!(place.store.task("t").await.unwrap().is_some());
}

#[tokio::test]
async fn a_run_is_replaced_by_its_next_state() {
    let place = Place::new();
    let waiting = RunRow {
        wake_ms: Some(NOW + 5),
        state: "{\"at\":1}".into(),
        ..run(1, "spare-part", "pump", RunStatus::Waiting)
    };
    place.store.advance(advance(waiting.clone())).await.unwrap();
    let stored = place.store.run("1.spare-part").await.unwrap().unwrap();
    assert_eq!(format!("{stored:?}"), format!("{waiting:?}"));
    place
        .store
        .advance(advance(RunRow {
            status: RunStatus::Done,
            ..waiting
        }))
        .await
        .unwrap();
    let done = place.store.run("1.spare-part").await.unwrap().unwrap();
    assert_eq!(
        (done.status, done.wake_ms),
        (RunStatus::Done, None),
        "a finished run waits for nothing"
    );
    for absent in ["2.spare-part", "1.other", "01.spare-part", "nonsense", ""] {
        assert!(place.store.run(absent).await.unwrap().is_none(), "{absent}");
    }
}

#[tokio::test]
async fn a_failing_move_leaves_nothing_and_spoils_no_neighbour() {
    let place = Place::new();
    let store = &place.store;
    store
        .advance(Advance {
            tasks: vec![task("t", "1.a")],
            ..advance(run(1, "a", "", RunStatus::Waiting))
        })
        .await
        .unwrap();
    // Large enough that what follows meets in one commit behind it.
    let busy = store.append((0..1000).map(|n| event(&format!("busy{n}"))).collect());
    let good = join_all((0..20).map(|n| store.append(vec![event(&format!("good{n}"))])));
    let bad = join_all((0..5).map(|n| {
        let emitted = vec![Event {
            source: "/bad".into(),
            ..event(&n.to_string())
        }];
        let tasks = vec![
            task(&format!("new{n}"), &format!("{}.b", n + 2)),
            task("t", &format!("{}.b", n + 2)),
        ];
        store.advance(Advance {
            emitted,
            tasks,
            ..advance(run(n + 2, "b", "", RunStatus::Waiting))
        })
    }));
    let more = join_all((20..40).map(|n| store.append(vec![event(&format!("good{n}"))])));
    let (busy, good, bad, more) = tokio::join!(busy, good, bad, more);
    busy.unwrap();
    assert!(good.iter().chain(&more).all(Result::is_ok));
    for refused in bad {
        assert!(
            matches!(refused, Err(StoreError::Conflict(_))),
            "{refused:?}"
        );
    }
    assert_eq!(
        place.count("SELECT count(*) FROM events WHERE source = '/bad'"),
        0
    );
    assert_eq!(
        place.count("SELECT count(*) FROM runs WHERE id LIKE '%.b'"),
        0
    );
    assert_eq!(place.count("SELECT count(*) FROM task"), 1);
    assert_eq!(
        place.count("SELECT max(seq) - count(*) FROM event"),
        0,
        "places without gaps"
    );
    let again = store
        .append(vec![Event {
            source: "/bad".into(),
            ..event("0")
        }])
        .await
        .unwrap();
    assert!(again[0].fresh);
    assert_eq!(
        place.count("SELECT count(*) FROM events WHERE source = '/bad'"),
        1
    );
}

#[tokio::test]
async fn rows_that_could_never_be_found_again_are_refused() {
    let place = Place::new();
    let wrong_id = RunRow {
        id: "7.b".into(),
        ..run(1, "a", "", RunStatus::Active)
    };
    let cases = [
        advance(wrong_id.clone()),
        Advance {
            queued: vec![wrong_id],
            hearing: None,
            ..advance(run(1, "a", "", RunStatus::Active))
        },
        Advance {
            tasks: vec![task("t", "9.z")],
            ..advance(run(1, "a", "", RunStatus::Active))
        },
    ];
    for case in cases {
        let refused = place.store.advance(case).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict(_))),
            "{refused:?}"
        );
    }
    assert_eq!(place.count("SELECT count(*) FROM run"), 0);
}

#[tokio::test]
async fn unfinished_runs_are_found_by_lane_and_by_time() {
    let place = Place::new();
    let at = |seq, flow: &str, lane: &str, status, wake_ms| RunRow {
        wake_ms,
        ..run(seq, flow, lane, status)
    };
    for row in [
        at(5, "a", "k", RunStatus::Queued, None),
        at(3, "a", "k", RunStatus::Waiting, Some(NOW + 30)),
        at(4, "a", "other", RunStatus::Waiting, Some(NOW + 10)),
        at(2, "b", "k", RunStatus::Active, None),
        at(1, "a", "k", RunStatus::Done, None),
        at(6, "a", "k", RunStatus::Dead, Some(NOW)),
        at(7, "c", "", RunStatus::Waiting, Some(NOW + 20)),
    ] {
        place.store.advance(advance(row)).await.unwrap();
    }
    let ids = |runs: Vec<RunRow>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(
        ids(place.store.lane("a", "k", 10).await.unwrap()),
        ["3.a", "5.a"]
    );
    assert_eq!(ids(place.store.lane("a", "k", 1).await.unwrap()), ["3.a"]);
    assert_eq!(place.store.next_wake().await.unwrap(), Some(NOW + 10));
    assert_eq!(
        ids(place.store.due(NOW + 20, 10).await.unwrap()),
        ["4.a", "7.c"]
    );
    assert_eq!(
        ids(place.store.due(NOW + 9, 10).await.unwrap()),
        Vec::<String>::new()
    );
    place.store.checkpoint(6);
    place.store.checkpoint(4);
    place.store.flush().await.unwrap();
    let recovery = place.store.recover().await.unwrap();
    let mut lanes: Vec<(String, String)> = recovery
        .lanes
        .iter()
        .map(|(flow, lane, _)| (flow.clone(), lane.clone()))
        .collect();
    lanes.sort();
    let pair = |flow: &str, lane: &str| (flow.to_owned(), lane.to_owned());
    assert_eq!(lanes, [pair("a", "k"), pair("a", "other"), pair("b", "k")]);
    assert_eq!((recovery.checkpoint, recovery.last_seq), (6, 0));
}

#[tokio::test]
async fn runs_are_listed_newest_first_by_flow_status_and_event() {
    let place = Place::new();
    for (seq, flow, status) in [
        (1, "a", RunStatus::Done),
        (1, "b", RunStatus::Dead),
        (2, "a", RunStatus::Dead),
        (3, "b", RunStatus::Waiting),
        (4, "a", RunStatus::Done),
    ] {
        place
            .store
            .advance(advance(run(seq, flow, "", status)))
            .await
            .unwrap();
    }
    let none = RunFilter::default;
    let cases = [
        (none(), vec!["4.a", "3.b", "2.a", "1.a", "1.b"]),
        (RunFilter { limit: 1, ..none() }, vec!["4.a"]),
        (
            RunFilter {
                flow: Some("a".into()),
                ..none()
            },
            vec!["4.a", "2.a", "1.a"],
        ),
        (
            RunFilter {
                flow: Some("z".into()),
                ..none()
            },
            vec![],
        ),
        (
            RunFilter {
                status: Some(RunStatus::Dead),
                ..none()
            },
            vec!["2.a", "1.b"],
        ),
        (
            RunFilter {
                status: Some(RunStatus::Done),
                flow: Some("a".into()),
                ..none()
            },
            vec!["4.a", "1.a"],
        ),
        (
            RunFilter {
                seq: Some(1),
                ..none()
            },
            vec!["1.a", "1.b"],
        ),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> = place
            .store
            .runs(filter.clone())
            .await
            .unwrap()
            .into_iter()
            .map(|run| run.id)
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// With 100,000 waiting runs, what the engine asks must come from an index, whatever the statistics say.
#[tokio::test]
async fn what_the_engine_asks_comes_from_an_index() {
    let place = Place::new();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let cases = [
        (
            format!("SELECT * FROM run {LANE}"),
            "INDEX run_lane (flow=? AND lane=?)",
        ),
        (
            format!("SELECT * FROM run {DUE}"),
            "INDEX run_wake (wake_ms",
        ),
        (NEXT_WAKE.to_owned(), "COVERING INDEX run_wake"),
        (LANES.to_owned(), "COVERING INDEX run_lane"),
        (PARKED.to_owned(), "COVERING INDEX run_needs"),
        (COUNTS.to_owned(), "COVERING INDEX run_needs"),
        (DESCENDANTS.to_owned(), "COVERING INDEX event_root (root=?)"),
    ];
    for (query, expected) in cases {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
            .unwrap();
        let mut lines = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get::<_, String>(3).unwrap());
        }
        let plan = lines.join("; ");
        assert!(
            plan.contains(expected) && !plan.contains("TEMP B-TREE"),
            "{query}\n{plan}"
        );
    }
}

#[tokio::test]
async fn runs_that_wait_for_a_system_are_counted_and_found_page_by_page() {
    let place = Place::new();
    for seq in 1..=5 {
        let row = RunRow {
            needs: Some(if seq == 3 { "crm" } else { "erp" }.to_owned()),
            ..run(seq, "a", "", RunStatus::Waiting)
        };
        place.store.advance(advance(row)).await.unwrap();
    }
    let parked = async |after: Option<&str>| place.store.parked("erp", after, 3).await.unwrap();
    assert_eq!(parked(None).await, ["1.a", "2.a", "4.a"]);
    assert_eq!(parked(Some("4.a")).await, ["5.a"]);
    assert_eq!(parked(Some("5.a")).await, [""; 0]);
    // Carried out again, it waits for nothing.
    place
        .store
        .advance(advance(run(1, "a", "", RunStatus::Done)))
        .await
        .unwrap();
    let mut counts = place.store.recover().await.unwrap().parked;
    counts.sort();
    assert_eq!(counts, [("crm".to_owned(), 1), ("erp".to_owned(), 3)]);
}

#[tokio::test]
async fn a_replay_is_a_run_of_its_own_beside_the_first() {
    let place = Place::new();
    assert_eq!(place.store.next_replay().await.unwrap(), 1);
    for (id, status) in [
        ("7.a", RunStatus::Done),
        ("7.a.replay-1", RunStatus::Queued),
        ("7.a.replay-2", RunStatus::Dead),
    ] {
        let row = RunRow {
            id: id.into(),
            ..run(7, "a", "k", status)
        };
        place.store.advance(advance(row)).await.unwrap();
    }
    assert_eq!(place.store.next_replay().await.unwrap(), 3);
    assert_eq!(
        place.store.known_runs(1, 9).await.unwrap(),
        [(7, "a".to_owned())]
    );
    let found = place.store.run("7.a.replay-2").await.unwrap().unwrap();
    assert_eq!(found.status, RunStatus::Dead);
    assert!(place.store.run("7.a.replay-02").await.unwrap().is_none());
    let lanes = place.store.lanes(10).await.unwrap();
    assert_eq!(
        (lanes[0].head.id.as_str(), lanes[0].length),
        ("7.a.replay-1", 1)
    );
    let after = RunFilter {
        after: Some("7.a".into()),
        ..RunFilter::default()
    };
    let rest = place.store.runs(after).await.unwrap();
    let ids: Vec<&str> = rest.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["7.a.replay-1", "7.a.replay-2"]);
}
