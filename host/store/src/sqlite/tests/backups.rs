//! Copies taken beside a running store, checked, and put back.

use super::*;
use crate::StoreError;
use crate::sqlite::{backup, restore, verify};

async fn filled() -> Place {
    let place = Place::new();
    for n in 1..=50 {
        place
            .store
            .append(vec![event(&n.to_string())])
            .await
            .unwrap();
    }
    place
        .store
        .advance(advance(run(7, "a", "k", RunStatus::Waiting)))
        .await
        .unwrap();
    place
}

#[tokio::test]
async fn a_copy_of_a_running_store_is_restored_with_everything_acknowledged_before_it() {
    let place = filled().await;
    let id = place.store.id().to_owned();
    let copy = place.folder.path().join("copy.db");
    let contents = backup(&place.path(), &copy).unwrap();
    assert_eq!(
        (contents.events, contents.runs, contents.unfinished),
        (50, 1, 1)
    );
    assert_eq!(contents, verify(&copy).unwrap());
    place.store.append(vec![event("51")]).await.unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("data/tombolo.db");
    restore(&copy, &path).unwrap();
    let store = open(&path);
    assert_eq!(store.id(), id);
    assert_eq!(all_ids(&store).await.len(), 50);
    assert!(store.run("7.a").await.unwrap().is_some());
    assert_eq!(store.append(vec![event("51")]).await.unwrap()[0].seq, 51);
}

#[tokio::test]
async fn nothing_is_overwritten_and_no_running_store_is_replaced() {
    let place = filled().await;
    let copy = place.folder.path().join("copy.db");
    backup(&place.path(), &copy).unwrap();
    let again = backup(&place.path(), &copy).unwrap_err();
    assert!(matches!(again, StoreError::Conflict(_)), "{again}");
    let running = restore(&copy, &place.path()).unwrap_err();
    assert!(running.to_string().contains("process"), "{running}");
    place.store.close().await;
    let there = restore(&copy, &place.path()).unwrap_err();
    assert!(there.to_string().contains("move it away first"), "{there}");
}

#[tokio::test]
async fn a_damaged_a_foreign_and_a_newer_copy_are_refused() {
    let place = filled().await;
    let file = |name: &str| place.folder.path().join(name);
    let good = file("good.db");
    backup(&place.path(), &good).unwrap();
    let mut bytes = std::fs::read(&good).unwrap();
    let pages = bytes.len() / 4096;
    for page in 1..pages {
        bytes[page * 4096..page * 4096 + 8].fill(0xa5);
    }
    std::fs::write(file("damaged.db"), &bytes).unwrap();
    std::fs::write(file("foreign.db"), "name;price\n".repeat(500)).unwrap();
    std::fs::copy(&good, file("newer.db")).unwrap();
    rusqlite::Connection::open(file("newer.db"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    std::fs::write(file("empty.db"), "").unwrap();
    let target = file("new/tombolo.db");
    for (name, says) in [
        ("damaged.db", "damaged"),
        ("foreign.db", "not a SQLite file"),
        ("newer.db", "its format is 99"),
        ("empty.db", "an empty file"),
        ("absent.db", "found no file"),
    ] {
        let refused = restore(&file(name), &target).unwrap_err().to_string();
        assert!(refused.contains(says), "{name}: {refused}");
        assert!(!target.exists());
    }
}
