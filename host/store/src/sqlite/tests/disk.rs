//! A full disk: nothing is acknowledged, nothing is half done, and it goes on when space returns.

use super::*;
use crate::{CursorRow, PageIn, StoreError};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

fn large(n: usize) -> Event {
    Event {
        data: data(&format!("\"{}\"", "x".repeat(20_000))),
        ..event(&n.to_string())
    }
}

/// Fills the store until a write fails; answers how many events it took.
async fn fill(store: &SqliteStore) -> usize {
    for n in 0..10_000 {
        match store.append(vec![large(n)]).await {
            Ok(appended) => assert!(appended[0].fresh),
            Err(StoreError::Unavailable(text)) => {
                assert!(text.contains("full") || text.contains("I/O"), "{text}");
                return n;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk never filled up");
}

async fn the_full_disk_lost_nothing(store: &SqliteStore, taken: usize) {
    let expected: Vec<_> = (0..taken)
        .map(|n| (i64::try_from(n).unwrap() + 1, n.to_string()))
        .collect();
    assert_eq!(all_ids(store).await, expected);
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_space_brings_the_store_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    let most_pages = Arc::new(AtomicU32::new(100));
    let store = SqliteStore::open_bounded(&path, Arc::new(Fixed), Arc::clone(&most_pages)).unwrap();
    let taken = fill(&store).await;
    the_full_disk_lost_nothing(&store, taken).await;
    let state = "x".repeat(100_000);
    let moved = store
        .advance(advance(RunRow {
            state,
            ..run(1, "a", "", RunStatus::Waiting)
        }))
        .await;
    assert!(
        matches!(moved, Err(StoreError::Unavailable(_))),
        "{moved:?}"
    );
    store.checkpoint(3);
    most_pages.store(10_000, Ordering::Relaxed);
    let appended = store.append(vec![large(taken)]).await.unwrap();
    assert_eq!(
        (appended[0].seq, appended[0].fresh),
        (i64::try_from(taken).unwrap() + 1, true)
    );
    the_full_disk_lost_nothing(&store, taken + 1).await;
    store.flush().await.unwrap();
    assert_eq!(
        store.recover().await.unwrap().checkpoint,
        3,
        "what waited through it is written after it"
    );
    assert!(store.run("1.a").await.unwrap().is_none());
}

/// A real file system of 2 MiB. Needs the right to mount; elsewhere the test above stands alone.
#[tokio::test]
async fn a_file_system_without_space_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(folder.path())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let ballast = folder.path().join("ballast");
    std::fs::write(&ballast, vec![0; 400_000]).unwrap();
    let store = open(&folder.path().join("tombolo.db"));
    let taken = fill(&store).await;
    let again = store.append(vec![large(taken)]).await;
    assert!(
        matches!(again, Err(StoreError::Unavailable(_))),
        "{again:?}"
    );
    the_full_disk_lost_nothing(&store, taken).await;
    std::fs::remove_file(ballast).unwrap();
    assert!(store.append(vec![large(taken)]).await.unwrap()[0].fresh);
    the_full_disk_lost_nothing(&store, taken + 1).await;
    store.close().await;
    drop(store);
    Command::new("umount").arg(folder.path()).status().unwrap();
}

#[tokio::test]
async fn a_page_and_its_cursor_are_kept_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    let most_pages = Arc::new(AtomicU32::new(100));
    let store = SqliteStore::open_bounded(&path, Arc::new(Fixed), Arc::clone(&most_pages)).unwrap();
    let cursor = |at: usize| CursorRow {
        owner: "/systems/erp".into(),
        name: "orders".into(),
        cursor: Some(at.to_string()),
        read_ms: NOW,
        events: 0,
    };
    assert_eq!(store.cursor("/systems/erp", "orders").await.unwrap(), None);
    let page = |at: usize| PageIn {
        events: vec![large(at), large(at), large(at + 1)],
        cursor: cursor(at + 1),
    };
    let mut taken = 0;
    while let Ok(appended) = store.append_page(page(taken)).await {
        assert_eq!(
            appended
                .iter()
                .map(|appended| appended.fresh)
                .collect::<Vec<_>>(),
            [true, false, true]
        );
        taken += 2;
    }
    let kept = CursorRow {
        events: taken as u64,
        ..cursor(taken - 1)
    };
    assert_eq!(
        store.cursor("/systems/erp", "orders").await.unwrap(),
        Some(kept)
    );
    assert_eq!(all_ids(&store).await.len(), taken);
    most_pages.store(10_000, Ordering::Relaxed);
    let empty = PageIn {
        events: Vec::new(),
        cursor: cursor(900),
    };
    assert!(store.append_page(empty).await.unwrap().is_empty());
    let moved = store
        .cursor("/systems/erp", "orders")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (moved.cursor.as_deref(), moved.events),
        (Some("900"), taken as u64)
    );
    assert_eq!(store.cursor("/systems/erp", "other").await.unwrap(), None);
}
