//! Cross-references: links, conflicts that become tasks, history, and what a crash leaves.

use super::*;
use crate::{
    ChangeFilter, CrossReferences as _, EntityFilter, KEEP, Link, LinkOrder, LinkOutcome, Maker,
    OnConflict, REPLACE, StoreError, Sweep, SystemId, TaskAnswer, TaskRow, Unlink, question,
};

pub(super) fn link(kind: &str, ids: &str, by: &str) -> Link {
    Link {
        kind: kind.into(),
        ids: ids.split(", ").map(id).collect(),
        maker: maker(by),
    }
}

fn id(text: &str) -> SystemId {
    let (system, id) = text.split_once(' ').unwrap();
    SystemId {
        system: system.into(),
        id: id.into(),
    }
}

fn maker(by: &str) -> Maker {
    Maker {
        by: by.into(),
        cause: String::new(),
        reason: "known".into(),
    }
}

fn order(ids: &str, on_conflict: OnConflict) -> LinkOrder {
    LinkOrder {
        link: link("customer", ids, "ann"),
        on_conflict,
    }
}

fn asking(ids: &str, task: &str) -> LinkOrder {
    let (task, role) = (task.to_owned(), "steward".to_owned());
    order(ids, OnConflict::Ask { task, role })
}

async fn told(store: &SqliteStore, ids: &str) -> LinkOutcome {
    let orders = vec![order(ids, OnConflict::Tell)];
    store.link(orders).await.unwrap().remove(0)
}

/// `crm 7, erp 1 | crm 8, shop 2`
async fn all(store: &SqliteStore) -> String {
    let entities = store.entities(EntityFilter::default()).await.unwrap();
    let words = entities.iter().map(|entity| {
        let ids: Vec<String> = entity.ids.iter().map(|one| one.id.to_string()).collect();
        ids.join(", ")
    });
    words.collect::<Vec<_>>().join(" | ")
}

fn answer(text: &str) -> TaskAnswer {
    TaskAnswer {
        answer: text.into(),
        by: "mia".into(),
        comment: String::new(),
        at_ms: NOW + 9,
    }
}

#[tokio::test]
async fn a_link_is_made_once_joins_what_agrees_and_is_found_from_every_side() {
    let place = Place::new();
    let store = &place.store;
    assert_eq!(told(store, "crm 7, erp 1").await, LinkOutcome::Linked);
    assert_eq!(told(store, "erp 1, crm 7").await, LinkOutcome::Known);
    assert_eq!(told(store, "shop 3, pos 9").await, LinkOutcome::Linked);
    assert_eq!(told(store, "erp 1, shop 3").await, LinkOutcome::Linked);
    assert_eq!(all(store).await, "crm 7, erp 1, pos 9, shop 3");
    let find = |kind, system, id, other| store.counterpart(kind, system, id, other).unwrap();
    assert_eq!(find("customer", "crm", "7", "pos").as_deref(), Some("9"));
    assert_eq!(find("customer", "pos", "9", "erp").as_deref(), Some("1"));
    for (kind, system, id, other) in [
        ("item", "crm", "7", "pos"),
        ("customer", "crm", "8", "pos"),
        ("customer", "crm", "7", "hr"),
    ] {
        assert_eq!(find(kind, system, id, other), None);
    }
    let again = LinkOrder {
        link: link("item", "crm 7, erp 1", "ann"),
        on_conflict: OnConflict::Tell,
    };
    let made = store.link(vec![again]).await.unwrap();
    assert_eq!(
        made,
        [LinkOutcome::Linked],
        "another kind is another entity"
    );
}

#[tokio::test]
async fn what_cannot_be_a_link_is_refused_and_its_neighbours_are_made() {
    let place = Place::new();
    let long = format!("crm {}, erp 2", "x".repeat(257));
    let orders = ["crm 7, crm 8", &long, "crm 7, erp 1"].map(|ids| order(ids, OnConflict::Tell));
    let mut alone = order("crm 7, erp 1", OnConflict::Tell);
    alone.link.ids.pop();
    let outcomes = place
        .store
        .link([vec![alone], orders.to_vec()].concat())
        .await;
    let outcomes = outcomes.unwrap();
    for (outcome, says) in outcomes.iter().zip(["found 1 ids", "two ids", "257 bytes"]) {
        assert!(
            matches!(outcome, LinkOutcome::Refused(why) if why.contains(says)),
            "{outcome:?}"
        );
    }
    assert_eq!(outcomes[3], LinkOutcome::Linked);
}

#[tokio::test]
async fn a_conflict_changes_nothing_and_a_person_may_replace() {
    let place = Place::new();
    let store = &place.store;
    told(store, "crm 7, erp 1, shop 3").await;
    told(store, "crm 8, erp 2").await;
    let LinkOutcome::Conflict(conflict) = told(store, "crm 7, erp 2").await else {
        panic!("no conflict");
    };
    assert_eq!(conflict.stands.len(), 2);
    assert_eq!(conflict.displaced, [id("erp 1"), id("crm 8")]);
    assert_eq!(
        question(&link("customer", "crm 7, erp 2", ""), &conflict),
        "crm 7 and erp 2 are one customer. But crm 7 is linked with erp 1 and shop 3 (ann), and erp 2 is linked with \
         crm 8 (ann). `keep`: it stays so. `replace`: crm 7 and erp 2 are linked instead, erp 1 and crm 8 are then \
         linked with nothing."
    );
    assert_eq!(all(store).await, "crm 7, erp 1, shop 3 | crm 8, erp 2");
    let mut replacing = order("crm 7, erp 2", OnConflict::Replace);
    replacing.link.maker = maker("bob");
    store.link(vec![replacing]).await.unwrap();
    assert_eq!(all(store).await, "crm 7, erp 2, shop 3");
    let changes = store.link_changes(ChangeFilter {
        id: Some("1".into()),
        ..ChangeFilter::default()
    });
    let changes = changes.await.unwrap();
    let shown: Vec<_> = changes
        .iter()
        .map(|one| (one.linked, one.with.as_str(), one.maker.by.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (false, "crm 7, shop 3", "bob"),
            (true, "crm 7, shop 3", "ann")
        ]
    );
}

#[tokio::test]
async fn unlinking_takes_one_id_out_and_leaves_none_alone() {
    let place = Place::new();
    let store = &place.store;
    told(store, "crm 7, erp 1, shop 3").await;
    let unlink = |text: &str| Unlink {
        kind: "customer".into(),
        id: id(text),
        maker: maker("ann"),
    };
    let was = store.unlink(unlink("shop 3")).await.unwrap();
    assert_eq!(was.ids.len(), 3);
    assert_eq!(all(store).await, "crm 7, erp 1");
    store.unlink(unlink("erp 1")).await.unwrap();
    assert_eq!(all(store).await, "");
    let none = store.unlink(unlink("crm 7")).await.unwrap_err();
    assert!(matches!(none, StoreError::NotFound(_)), "{none}");
    let changes = store.link_changes(ChangeFilter::default()).await.unwrap();
    assert_eq!(changes.len(), 6, "three in, three out");
}

#[tokio::test]
async fn an_imported_conflict_is_asked_once_and_its_answer_makes_the_link() {
    let place = Place::new();
    let store = &place.store;
    told(store, "crm 7, erp 1").await;
    let first = store.link(vec![
        asking("crm 7, erp 2", "t1"),
        asking("crm 9, erp 9", "t2"),
    ]);
    let outcomes = first.await.unwrap();
    let asked = |outcome: &LinkOutcome| match outcome {
        LinkOutcome::Conflict(conflict) => conflict.task.clone(),
        _ => None,
    };
    assert_eq!(
        (asked(&outcomes[0]).as_deref(), &outcomes[1]),
        (Some("t1"), &LinkOutcome::Linked)
    );
    let again = store
        .link(vec![asking("crm 7, erp 2", "t3")])
        .await
        .unwrap();
    assert_eq!(
        asked(&again[0]).as_deref(),
        Some("t1"),
        "it is open already"
    );
    let task = store.task("t1").await.unwrap().unwrap();
    assert_eq!((task.run.as_str(), task.role.as_str()), ("", "steward"));
    assert_eq!(task.options, [KEEP, REPLACE]);
    store.answer("t1", answer(REPLACE)).await.unwrap();
    assert_eq!(all(store).await, "crm 7, erp 2 | crm 9, erp 9");
    let entities = store.entities(EntityFilter::default()).await.unwrap();
    let made = &entities[0].ids[1];
    assert_eq!((made.maker.by.as_str(), made.at_ms), ("mia", NOW + 9));
    let more = store
        .link(vec![asking("crm 7, erp 3", "t4")])
        .await
        .unwrap();
    assert_eq!(asked(&more[0]).as_deref(), Some("t4"));
    store.answer("t4", answer(KEEP)).await.unwrap();
    assert_eq!(all(store).await, "crm 7, erp 2 | crm 9, erp 9");
}

#[tokio::test]
async fn an_answer_to_a_question_that_is_no_longer_true_is_refused() {
    let place = Place::new();
    let store = &place.store;
    told(store, "crm 7, erp 1").await;
    store.link(vec![asking("crm 7, erp 2", "t")]).await.unwrap();
    // Now the other id is somebody's, too.
    told(store, "crm 8, erp 2").await;
    let refused = store.answer("t", answer(REPLACE)).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("would now also take out crm 8"),
        "{refused}"
    );
    assert!(store.task("t").await.unwrap().unwrap().closed.is_none());
    assert_eq!(all(store).await, "crm 7, erp 1 | crm 8, erp 2");
    store.answer("t", answer(KEEP)).await.unwrap();
}

#[tokio::test]
async fn a_runs_links_commit_with_it_and_its_question_with_the_answer() {
    let place = Place::new();
    let store = &place.store;
    let moved = |links: Vec<Link>, tasks: Vec<TaskRow>| Advance {
        links,
        tasks,
        ..advance(run(1, "a", "", RunStatus::Waiting))
    };
    let wanted = link("customer", "crm 7, erp 1", "");
    let other = link("customer", "crm 7, erp 2", "");
    let advanced = store.advance(moved(vec![wanted, other.clone()], Vec::new()));
    let linked = advanced.await.unwrap().linked;
    let LinkOutcome::Conflict(conflict) = &linked[1] else {
        panic!("{linked:?}");
    };
    assert_eq!(linked[0], LinkOutcome::Linked);
    let asks = TaskRow {
        link: Some(Box::new(other.to_ask(conflict))),
        options: vec![KEEP.into(), REPLACE.into()],
        ..task("t", "1.a")
    };
    store
        .advance(moved(Vec::new(), vec![asks.clone()]))
        .await
        .unwrap();
    assert_eq!(store.task("t").await.unwrap().unwrap().link, asks.link);
    store.answer("t", answer(REPLACE)).await.unwrap();
    let (_folder, copy) = place.as_after_a_crash();
    let recovered = open(&copy);
    assert_eq!(all(&recovered).await, "crm 7, erp 2");
    assert!(recovered.task("t").await.unwrap().unwrap().closed.is_some());
    assert_eq!(recovered.due(NOW + 9, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn entities_are_listed_page_by_page_and_filtered() {
    let place = Place::new();
    let store = &place.store;
    for n in 1..=5 {
        told(store, &format!("crm {n}, erp {n}")).await;
    }
    told(store, "crm 9, shop 1").await;
    let list = async |filter: EntityFilter| {
        let entities = store.entities(filter).await.unwrap();
        entities.iter().map(|one| one.number).collect::<Vec<_>>()
    };
    let page = |after, limit| EntityFilter {
        after,
        limit,
        ..EntityFilter::default()
    };
    assert_eq!(list(page(0, 4)).await, [1, 2, 3, 4]);
    assert_eq!(list(page(4, 4)).await, [5, 6]);
    let of = |kind: Option<&str>, system: Option<&str>, id: Option<&str>| EntityFilter {
        kind: kind.map(str::to_owned),
        system: system.map(str::to_owned),
        id: id.map(str::to_owned),
        ..EntityFilter::default()
    };
    assert_eq!(list(of(None, Some("shop"), None)).await, [6]);
    assert_eq!(list(of(None, None, Some("1"))).await, [1, 6]);
    assert_eq!(
        list(of(Some("customer"), Some("erp"), Some("3"))).await,
        [3]
    );
    assert!(list(of(Some("item"), None, None)).await.is_empty());
}

#[tokio::test]
async fn history_and_answered_questions_are_forgotten_in_time_and_links_never() {
    let place = Place::new();
    let store = &place.store;
    told(store, "crm 7, erp 1").await;
    store
        .link(vec![
            asking("crm 7, erp 2", "a"),
            asking("crm 7, erp 3", "b"),
        ])
        .await
        .unwrap();
    store.answer("a", answer(KEEP)).await.unwrap();
    let sweep = Sweep {
        events_before_ms: NOW + 100,
        most_bytes: 0,
        audits_before_ms: NOW + 100,
        audits_kept: None,
        after: 0,
    };
    assert_eq!(store.sweep(sweep).await.unwrap().audits, 2);
    assert!(
        store
            .link_changes(ChangeFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.task("a").await.unwrap().is_none());
    assert!(store.task("b").await.unwrap().is_some(), "it is open");
    assert_eq!(all(store).await, "crm 7, erp 1");
}

#[test]
fn what_expressions_look_up_comes_from_indexes() {
    let place = Place::new();
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let text = format!("EXPLAIN QUERY PLAN {}", crate::sqlite::links::COUNTERPART);
    let mut statement = connection.prepare(&text).unwrap();
    let steps: Vec<String> = statement
        .query_map(["a", "b", "c", "d"], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(
        steps.iter().all(|step| !step.starts_with("SCAN")),
        "{steps:?}"
    );
}
