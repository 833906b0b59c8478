//! Tasks, adapters' keys and values.

use super::*;
use crate::{StoreError, TaskAnswer};
use futures_util::future::join_all;
use tombolo_kernel::capability::store::{KeyValueError, KeyValues};

fn answer(text: &str, by: &str) -> TaskAnswer {
    TaskAnswer {
        answer: text.into(),
        by: by.into(),
        comment: "because".into(),
        at_ms: NOW + 1,
    }
}

async fn ask(place: &Place, id: &str) {
    let opened = Advance {
        tasks: vec![task(id, "1.a")],
        ..advance(run(1, "a", "", RunStatus::Waiting))
    };
    place.store.advance(opened).await.unwrap();
}

#[tokio::test]
async fn a_task_is_answered_once_however_many_answer() {
    let place = Place::new();
    ask(&place, "t").await;
    let store = &place.store;
    let answers =
        join_all((0..50).map(|n| store.answer("t", answer("approve", &format!("person {n}")))))
            .await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (1, 49));
    let winner = taken.into_iter().next().unwrap().unwrap().closed.unwrap();
    for error in refused.into_iter().filter_map(Result::err) {
        assert!(
            matches!(error, StoreError::Conflict(_)) && error.to_string().contains(&winner.by),
            "{error}"
        );
    }
    assert_eq!(store.task("t").await.unwrap().unwrap().closed, Some(winner));
}

#[tokio::test]
async fn an_answer_must_be_an_option_of_a_task_that_exists() {
    let place = Place::new();
    ask(&place, "t").await;
    let refused = place
        .store
        .answer("t", answer("maybe", "ann"))
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`maybe` is not an answer to task `t`; expected one of: approve, reject"
    );
    let refused = place
        .store
        .answer("u", answer("approve", "ann"))
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::NotFound(_)), "{refused}");
    assert!(
        place
            .store
            .task("t")
            .await
            .unwrap()
            .unwrap()
            .closed
            .is_none()
    );
}

#[tokio::test]
async fn a_withdrawn_task_is_closed_and_an_answered_one_keeps_its_answer() {
    let place = Place::new();
    for id in ["asked", "answered"] {
        ask(&place, id).await;
    }
    let given = place
        .store
        .answer("answered", answer("reject", "ann"))
        .await
        .unwrap();
    let stranger = Advance {
        withdrawn: vec!["asked".into()],
        ..advance(run(2, "a", "", RunStatus::Done))
    };
    place.store.advance(stranger).await.unwrap();
    assert!(
        place
            .store
            .task("asked")
            .await
            .unwrap()
            .unwrap()
            .closed
            .is_none(),
        "of another run"
    );
    let withdrawn = vec!["asked".into(), "answered".into(), "absent".into()];
    place
        .store
        .advance(Advance {
            withdrawn,
            ..advance(run(1, "a", "", RunStatus::Done))
        })
        .await
        .unwrap();
    assert_eq!(
        place
            .store
            .task("asked")
            .await
            .unwrap()
            .unwrap()
            .closed
            .unwrap()
            .answer,
        ""
    );
    assert_eq!(
        place.store.task("answered").await.unwrap().unwrap().closed,
        given.closed
    );
    let refused = place
        .store
        .answer("asked", answer("approve", "ann"))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("no longer asked"), "{refused}");
}

#[tokio::test]
async fn tasks_are_listed_newest_first() {
    let place = Place::new();
    let tasks = (1..=3)
        .map(|n| TaskRow {
            asked_ms: NOW + n,
            ..task(&n.to_string(), "1.a")
        })
        .collect();
    place
        .store
        .advance(Advance {
            tasks,
            ..advance(run(1, "a", "", RunStatus::Waiting))
        })
        .await
        .unwrap();
    place
        .store
        .answer("2", answer("approve", "ann"))
        .await
        .unwrap();
    for (open_only, limit, expected) in [
        (false, 0, vec!["3", "2", "1"]),
        (true, 0, vec!["3", "1"]),
        (true, 1, vec!["3"]),
    ] {
        let found: Vec<_> = place
            .store
            .tasks(open_only, limit)
            .await
            .unwrap()
            .into_iter()
            .map(|task| task.id)
            .collect();
        assert_eq!(found, expected, "open only: {open_only}, limit {limit}");
    }
}

#[tokio::test]
async fn a_quota_is_exact_under_a_hundred_writers_at_once() {
    let place = Place::new();
    let store = &place.store;
    // 3 bytes of key and 7 of value: room for exactly 40.
    let written = join_all((0..100).map(|n| async move {
        store
            .set("erp", &format!("k{n:02}"), vec![0; 7], None, 400)
            .await
    }))
    .await;
    assert_eq!(written.iter().filter(|one| one.is_ok()).count(), 40);
    assert!(
        written
            .iter()
            .all(|one| matches!(one, Ok(()) | Err(KeyValueError::Quota(400))))
    );
    assert_eq!(
        place.count("SELECT sum(length(key) + length(value)) FROM pair"),
        400
    );
    assert_eq!(place.count("SELECT bytes FROM pair_usage"), 400);
    let kept = store.keys("erp", "", None, 1000).await.unwrap();
    store
        .set("erp", &kept[0], vec![0; 3], None, 400)
        .await
        .unwrap();
    assert_eq!(
        store.set("erp", "new", vec![0; 2], None, 400).await,
        Err(KeyValueError::Quota(400))
    );
    store.set("erp", "n", vec![0; 3], None, 400).await.unwrap();
    store.delete("erp", &kept[1]).await.unwrap();
    store
        .set("erp", "0123456789", vec![], None, 400)
        .await
        .unwrap();
    assert_eq!(place.count("SELECT bytes FROM pair_usage"), 400);
    store.set("crm", "k00", vec![0; 7], None, 10).await.unwrap();
}

#[tokio::test]
async fn a_value_is_set_only_if_it_is_the_expected_one() {
    let place = Place::new();
    let store = &place.store;
    let set = |expected: Option<&str>, value: &str| {
        let expected = expected.map(|text| text.as_bytes().to_vec());
        store.set("erp", "k", value.into(), Some(expected), 1000)
    };
    assert_eq!(set(Some("a"), "b").await, Err(KeyValueError::Conflict));
    assert_eq!(set(None, "a").await, Ok(()));
    assert_eq!(set(None, "b").await, Err(KeyValueError::Conflict));
    assert_eq!(set(Some("a"), "b").await, Ok(()));
    assert_eq!(store.get("erp", "k").await, Ok(Some(b"b".to_vec())));
    assert_eq!(store.get("crm", "k").await, Ok(None), "another system's");
    let winners = join_all((0..50).map(|n| set(Some("b"), if n == 0 { "c" } else { "d" }))).await;
    assert_eq!(winners.iter().filter(|one| one.is_ok()).count(), 1);
}

#[tokio::test]
async fn keys_are_listed_in_byte_order_by_prefix_and_page() {
    let place = Place::new();
    let store = &place.store;
    for key in ["a", "b/2", "b/10", "b", "b/é", "c", "B"] {
        store.set("erp", key, vec![], None, 1000).await.unwrap();
    }
    let cases: [(&str, Option<&str>, u32, &[&str]); 7] = [
        ("", None, 9, &["B", "a", "b", "b/10", "b/2", "b/é", "c"]),
        ("b/", None, 9, &["b/10", "b/2", "b/é"]),
        ("b/", Some("b/10"), 9, &["b/2", "b/é"]),
        ("b/", Some("a"), 1, &["b/10"]),
        ("b/", Some("c"), 9, &[]),
        ("", Some("b"), 2, &["b/10", "b/2"]),
        ("z", None, 9, &[]),
    ];
    for (prefix, after, limit, expected) in cases {
        assert_eq!(
            store.keys("erp", prefix, after, limit).await.unwrap(),
            expected,
            "{prefix} {after:?}"
        );
    }
    assert!(store.keys("crm", "", None, 9).await.unwrap().is_empty());
}
