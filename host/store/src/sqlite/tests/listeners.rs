//! Runs that wait for events.

use super::*;
use crate::{Hearing, Listen};

fn listen(kind: &str, key: &str) -> Listen {
    let path = if key.is_empty() { "" } else { "event.data.n" };
    Listen {
        kind: kind.into(),
        path: path.into(),
        key: key.into(),
    }
}

fn waiting(seq: i64, listens: Vec<Listen>, judged: Vec<i64>) -> Advance {
    let mut advance = advance(run(seq, "a", "", RunStatus::Waiting));
    advance.hearing = Some(Hearing { listens, judged });
    advance
}

async fn wake(store: &SqliteStore, id: &str) -> Option<u64> {
    store.run(id).await.unwrap().unwrap().wake_ms
}

#[tokio::test]
async fn an_event_is_told_to_those_that_wait_for_it_and_makes_them_due() {
    let place = Place::new();
    let store = &place.store;
    store
        .append(vec![event("1"), event("2"), event("3")])
        .await
        .unwrap();
    for (seq, key) in [(1, "n=1"), (2, "n=2"), (3, "")] {
        store
            .advance(waiting(seq, vec![listen("b", key)], vec![]))
            .await
            .unwrap();
    }
    let mut listened = store.listened().await.unwrap();
    listened.sort();
    assert_eq!(
        listened,
        [
            ("b".to_owned(), String::new()),
            ("b".to_owned(), "event.data.n".to_owned())
        ]
    );
    let keys = || vec![String::new(), "n=1".to_owned()];
    assert_eq!(store.hear("b", keys(), 3, 77).await.unwrap(), 2);
    assert_eq!(
        store.hear("b", keys(), 3, 78).await.unwrap(),
        0,
        "again is no error"
    );
    assert_eq!(store.hear("other", keys(), 3, 79).await.unwrap(), 0);
    let heard = store.heard("1.a").await.unwrap();
    assert_eq!(
        heard.iter().map(|stored| stored.seq).collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(
        (wake(store, "1.a").await, wake(store, "2.a").await),
        (Some(78), None)
    );
    // What was judged is forgotten; what was not makes it due at once.
    store
        .advance(waiting(1, vec![listen("b", "n=1")], vec![]))
        .await
        .unwrap();
    assert!(wake(store, "1.a").await.is_some(), "an event is left");
    store
        .advance(waiting(1, vec![listen("b", "n=1")], vec![3]))
        .await
        .unwrap();
    assert_eq!(wake(store, "1.a").await, None);
    assert!(store.heard("1.a").await.unwrap().is_empty());
    store
        .advance(waiting(3, Vec::new(), Vec::new()))
        .await
        .unwrap();
    assert!(store.heard("3.a").await.unwrap().is_empty());
    assert_eq!(store.hear("b", keys(), 3, 80).await.unwrap(), 1);
}

#[tokio::test]
async fn events_of_some_types_come_in_their_order() {
    let place = Place::new();
    let store = &place.store;
    let of = |id: &str, kind: &str| {
        let mut event = event(id);
        event.kind = kind.into();
        event
    };
    let events = vec![
        of("1", "a"),
        of("2", "b"),
        of("3", "c"),
        of("4", "a"),
        of("5", "b"),
    ];
    store.append(events).await.unwrap();
    let kinds = vec!["b".to_owned(), "a".to_owned(), "none".to_owned()];
    let found = store.events_of(kinds, 1, 10).await.unwrap();
    assert_eq!(
        found.iter().map(|stored| stored.seq).collect::<Vec<_>>(),
        [2, 4, 5]
    );
}
