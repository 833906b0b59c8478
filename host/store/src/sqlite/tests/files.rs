//! Restarts, crashes, and files that are not ours.

use super::*;
use crate::StoreError;
use crate::sqlite::migrations::FORMAT;
use tombolo_kernel::capability::store::KeyValues;

#[tokio::test]
async fn a_restart_keeps_everything() {
    let place = Place::new();
    let id = place.store.id().to_owned();
    place
        .store
        .append(vec![event("1"), event("2")])
        .await
        .unwrap();
    place
        .store
        .advance(Advance {
            tasks: vec![task("t", "1.a")],
            ..advance(run(1, "a", "k", RunStatus::Waiting))
        })
        .await
        .unwrap();
    place
        .store
        .set("erp", "k", b"v".to_vec(), None, 100)
        .await
        .unwrap();
    place.store.checkpoint(2);
    place.store.close().await;
    assert!(
        std::fs::metadata(wal(&place.path())).map_or(0, |wal| wal.len()) == 0,
        "one file is left"
    );

    let again = open(&place.path());
    assert_eq!(again.id(), id);
    let recovery = again.recover().await.unwrap();
    assert_eq!(
        (recovery.checkpoint, recovery.last_seq, recovery.lanes),
        (2, 2, vec![("a".into(), "k".into(), RunStatus::Waiting)])
    );
    assert!(again.task("t").await.unwrap().is_some());
    assert_eq!(again.get("erp", "k").await, Ok(Some(b"v".to_vec())));
    let appended = again.append(vec![event("2"), event("3")]).await.unwrap();
    assert_eq!(
        appended
            .iter()
            .map(|one| (one.seq, one.fresh))
            .collect::<Vec<_>>(),
        [(2, false), (3, true)]
    );
}

#[tokio::test]
async fn dropping_the_store_writes_what_waits() {
    let place = Place::new();
    place.store.checkpoint(7);
    let path = place.path();
    drop(place.store);
    assert_eq!(open(&path).recover().await.unwrap().checkpoint, 7);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new();
    place.store.close().await;
    place.store.close().await;
    assert!(matches!(
        place.store.append(vec![event("1")]).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        place.store.event(1).await,
        Err(StoreError::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_torn_end_of_the_log_is_ignored() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 3] = [
        ("cut in the last page", |wal| wal.truncate(wal.len() - 100)),
        ("garbled in the last page", |wal| {
            let end = wal.len();
            wal[end - 50..].fill(0xa5);
        }),
        ("garbage after the end", |wal| wal.extend([0x5a; 9000])),
    ];
    for (case, (name, damage)) in cases.into_iter().enumerate() {
        let place = Place::new();
        for n in 1..=10 {
            place
                .store
                .append(vec![event(&n.to_string())])
                .await
                .unwrap();
        }
        let (_folder, copy) = place.as_after_a_crash();
        let mut bytes = std::fs::read(wal(&copy)).unwrap();
        damage(&mut bytes);
        std::fs::write(wal(&copy), bytes).unwrap();
        let kept = if case == 2 { 10 } else { 9 };
        let recovered = open(&copy);
        let ids: Vec<_> = (1..=kept).map(|n| (n, n.to_string())).collect();
        assert_eq!(all_ids(&recovered).await, ids, "{name}");
        let appended = recovered
            .append(vec![event("10"), event("11")])
            .await
            .unwrap();
        assert_eq!(
            (appended[0].seq, appended[0].fresh, appended[1].seq),
            (10, case != 2, 11),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_second_host_is_refused_until_the_first_is_gone() {
    let place = Place::new();
    let refused = SqliteStore::open(place.path(), Arc::new(Fixed)).unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    assert!(
        refused
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{refused}"
    );
    place.store.close().await;
    open(&place.path());
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let place = Place::new();
    place.store.close().await;
    rusqlite::Connection::open(place.path())
        .unwrap()
        .pragma_update(None, "user_version", FORMAT + 1)
        .unwrap();
    let before = std::fs::read(place.path()).unwrap();
    let refused = SqliteStore::open(place.path(), Arc::new(Fixed)).unwrap_err();
    assert!(matches!(refused, StoreError::Format(_)), "{refused}");
    assert!(
        refused.to_string().contains(&format!(
            "its format is {}, this host knows 1 to {FORMAT}",
            FORMAT + 1
        )),
        "{refused}"
    );
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "name;price\nbolt;3\n".repeat(500)).unwrap();
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE stock (sku TEXT)")
        .unwrap();
    let marked = folder.path().join("marked.db");
    rusqlite::Connection::open(&marked)
        .unwrap()
        .pragma_update(None, "application_id", 0x1234)
        .unwrap();
    for path in [text, foreign, marked] {
        let before = std::fs::read(&path).unwrap();
        let refused = SqliteStore::open(&path, Arc::new(Fixed)).unwrap_err();
        assert!(
            matches!(refused, StoreError::Format(_)),
            "{}: {refused}",
            path.display()
        );
        assert_eq!(std::fs::read(&path).unwrap(), before, "{}", path.display());
        assert!(!wal(&path).exists());
    }
}

#[tokio::test]
async fn an_empty_file_of_an_interrupted_start_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/tombolo.db");
    let store = open(&path);
    assert_ne!(
        store.id(),
        open(&folder.path().join("other.db")).id(),
        "ids are random"
    );
    store.close().await;
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(
        open(&empty).append(vec![event("1")]).await.unwrap()[0].seq,
        1
    );
}
