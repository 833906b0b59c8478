//! Appending and finding events.

use super::*;
use crate::{Appended, EventFilter};
use futures_util::future::join_all;
use proptest::prelude::*;
use std::collections::HashMap;

#[tokio::test]
async fn events_get_places_from_one_in_the_order_they_came() {
    let place = Place::new();
    let events = (1..=100).map(|n| event(&format!("e{n}"))).collect();
    let appended = place.store.append(events).await.unwrap();
    let expected: Vec<_> = (1..=100).map(|seq| Appended { seq, fresh: true }).collect();
    assert_eq!(appended, expected);
    let ids: Vec<_> = (1..=100).map(|n| (n, format!("e{n}"))).collect();
    assert_eq!(all_ids(&place.store).await, ids);
}

#[tokio::test]
async fn an_event_comes_back_as_it_went_in() {
    let place = Place::new();
    let whole = Event {
        hops: 3,
        cause: Some("1.a".into()),
        root: Some(1),
        data: data(r#"{ "b": 1.50, "a" : "ü" }"#),
        ..event("1")
    };
    let bare = Event {
        subject: None,
        ..event("2")
    };
    place
        .store
        .append(vec![whole.clone(), bare.clone()])
        .await
        .unwrap();
    for (seq, sent) in [(1, whole), (2, bare)] {
        let stored = place.store.event(seq).await.unwrap().unwrap();
        assert_eq!((stored.seq, stored.stored_ms), (seq, NOW));
        assert_eq!(format!("{:?}", stored.event), format!("{sent:?}"));
    }
    assert!(place.store.event(3).await.unwrap().is_none());
}

#[tokio::test]
async fn what_came_of_an_event_is_counted_and_no_further_than_asked() {
    let place = Place::new();
    let of = |root: Option<i64>, id: &str| Event { root, ..event(id) };
    let mut events = vec![of(None, "1"), of(None, "2"), of(Some(2), "other")];
    events.extend((0..5).map(|n| of(Some(1), &format!("of-1-{n}"))));
    place.store.append(events).await.unwrap();
    for (root, most, found) in [(1, 100, 5), (1, 5, 5), (1, 3, 3), (2, 100, 1), (3, 100, 0)] {
        let count = place.store.descendants(root, most).await.unwrap();
        assert_eq!(count, found, "of {root}, at most {most}");
    }
}

#[tokio::test]
async fn one_id_in_two_sources_is_two_events() {
    let place = Place::new();
    let other = Event {
        source: "/systems/crm".into(),
        ..event("1")
    };
    let appended = place.store.append(vec![event("1"), other]).await.unwrap();
    assert!(appended.iter().all(|one| one.fresh), "{appended:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.div_ceil(10), ..ProptestConfig::default() })]

    /// The model: an id's place is that of its first mention, and places have no gaps.
    #[test]
    fn known_events_keep_their_place_and_leave_no_gap(
        batches in prop::collection::vec(prop::collection::vec(0u8..60, 0..50), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let mut model: HashMap<u8, i64> = HashMap::new();
            for batch in batches {
                let appended = place.store.append(batch.iter().map(|id| event(&id.to_string())).collect()).await.unwrap();
                prop_assert_eq!(appended.len(), batch.len());
                for (id, found) in batch.iter().zip(appended) {
                    let next = i64::try_from(model.len()).unwrap() + 1;
                    let fresh = !model.contains_key(id);
                    let seq = *model.entry(*id).or_insert(next);
                    prop_assert_eq!(found, Appended { seq, fresh });
                }
            }
            let mut stored: Vec<_> = model.into_iter().map(|(id, seq)| (seq, id.to_string())).collect();
            stored.sort();
            prop_assert_eq!(all_ids(&place.store).await, stored);
            Ok(())
        })?;
    }
}

/// Identities move from memory into their table with the commits; at any moment a crash may come between.
#[tokio::test]
async fn an_event_stays_known_wherever_its_identity_is_when_the_host_crashes() {
    let place = Place::new();
    let mut at_work = 0;
    for n in 1..=120 {
        place
            .store
            .append(vec![event(&n.to_string())])
            .await
            .unwrap();
        if n % 7 != 0 {
            continue;
        }
        let (_folder, copy) = place.as_after_a_crash();
        let moved = count(&copy, "SELECT count(*) FROM identity");
        at_work +=
            i64::from(moved > count(&copy, "SELECT value FROM site WHERE key = 'identified'"));
        let store = open(&copy);
        let again = store
            .append((1..=n + 1).map(|n| event(&n.to_string())).collect())
            .await
            .unwrap();
        let expected: Vec<_> = (1..=n + 1)
            .map(|seq| Appended {
                seq,
                fresh: seq > n,
            })
            .collect();
        assert_eq!(again, expected);
    }
    assert!(at_work > 1, "no crash came in the middle of a move");
    assert!(
        place.count("SELECT count(*) FROM identity") > 60,
        "identities never moved"
    );
}

#[tokio::test]
async fn a_reply_comes_after_its_event_is_in_the_files() {
    let place = Place::new();
    let place = &place;
    join_all((0..40).map(|n| async move {
        place
            .store
            .append(vec![event(&n.to_string())])
            .await
            .unwrap();
        let (_folder, copy) = place.as_after_a_crash();
        assert_eq!(
            count(
                &copy,
                &format!("SELECT count(*) FROM event WHERE id = '{n}'")
            ),
            1
        );
    }))
    .await;
}

#[tokio::test]
async fn many_senders_at_once_get_each_a_place_of_their_own() {
    let place = Place::new();
    let store = &place.store;
    let appended = join_all((0..500).map(|n| store.append(vec![event(&n.to_string())]))).await;
    let mut places: Vec<_> = appended
        .into_iter()
        .map(|one| one.unwrap()[0].seq)
        .collect();
    places.sort_unstable();
    assert_eq!(places, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn events_are_found_newest_first_by_what_people_know() {
    let place = Place::new();
    let of = |id: &str, kind: &str, source: &str, subject: Option<&str>| Event {
        kind: kind.into(),
        source: source.into(),
        subject: subject.map(Into::into),
        ..event(id)
    };
    let events = vec![
        of("1", "device.alarm", "/a", Some("x")),
        of("2", "device.calm", "/a", None),
        of("3", "device", "/b", Some("x")),
        of("4", "devices.alarm", "/b", None),
        of("5", "device.alarm.high", "/b", Some("y")),
    ];
    place.store.append(events).await.unwrap();
    let text = |value: &str| Some(value.to_owned());
    let cases = [
        (EventFilter::default(), vec![5, 4, 3, 2, 1]),
        (
            EventFilter {
                limit: 2,
                ..EventFilter::default()
            },
            vec![5, 4],
        ),
        (
            EventFilter {
                before: Some(3),
                ..EventFilter::default()
            },
            vec![2, 1],
        ),
        (
            EventFilter {
                kind: text("device.alarm"),
                ..EventFilter::default()
            },
            vec![1],
        ),
        (
            EventFilter {
                kind: text("device.*"),
                ..EventFilter::default()
            },
            vec![5, 2, 1],
        ),
        (
            EventFilter {
                kind: text("device.alarm.*"),
                ..EventFilter::default()
            },
            vec![5],
        ),
        (
            EventFilter {
                kind: text("nothing"),
                ..EventFilter::default()
            },
            vec![],
        ),
        (
            EventFilter {
                source: text("/b"),
                ..EventFilter::default()
            },
            vec![5, 4, 3],
        ),
        (
            EventFilter {
                source: text("/none"),
                ..EventFilter::default()
            },
            vec![],
        ),
        (
            EventFilter {
                subject: text("x"),
                ..EventFilter::default()
            },
            vec![3, 1],
        ),
        (
            EventFilter {
                source: text("/a"),
                kind: text("device.*"),
                before: Some(2),
                ..EventFilter::default()
            },
            vec![1],
        ),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> = place
            .store
            .events(filter.clone())
            .await
            .unwrap()
            .iter()
            .map(|one| one.seq)
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_page_of_large_events_ends_early_and_goes_on_where_it_ended() {
    let place = Place::new();
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for n in 0..40 {
        place
            .store
            .append(vec![Event {
                data: data(&large),
                ..event(&n.to_string())
            }])
            .await
            .unwrap();
    }
    let first = place.store.events_after(0, 1000).await.unwrap();
    assert!((2..40).contains(&first.len()), "{} events", first.len());
    let second = place
        .store
        .events_after(first.last().unwrap().seq, 1000)
        .await
        .unwrap();
    assert_eq!(first.len() + second.len(), 40);
}
