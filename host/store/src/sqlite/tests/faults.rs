//! A disk that fails: what was acknowledged is there whatever happens, and what could not be stored is not
//! acknowledged.

use super::shim::Faults;
use super::*;
use crate::{CrossReferences as _, LinkOrder, OnConflict, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};

/// A store on a disk that does as it is told.
fn faulty() -> (Place, Arc<Faults>) {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::over(folder.path());
    let store = open(&folder.path().join("tombolo.db"));
    (Place { folder, store }, faults)
}

fn ids(range: std::ops::RangeInclusive<i64>) -> Vec<(i64, String)> {
    range.map(|n| (n, n.to_string())).collect()
}

#[tokio::test]
async fn power_cut_at_any_moment_keeps_every_acknowledged_event() {
    let (place, faults) = faulty();
    place.store.append(vec![event("1")]).await.unwrap();
    let (before, _) = place.as_after_a_crash();
    faults.begin();
    faults.mark(1);
    for n in 2..=40_u64 {
        let id = n.to_string();
        place.store.append(vec![event(&id)]).await.unwrap();
        if n.is_multiple_of(3) {
            let seq = i64::try_from(n).unwrap();
            let done = advance(run(seq, "a", "", RunStatus::Waiting));
            place.store.advance(done).await.unwrap();
        }
        if n.is_multiple_of(5) {
            let link = links::link("customer", &format!("crm {n}, erp {n}"), "ann");
            let on_conflict = OnConflict::Tell;
            let made = place.store.link(vec![LinkOrder { link, on_conflict }]);
            made.await.unwrap();
        }
        faults.mark(n);
    }
    // Closing moves the write-ahead log into the file and cuts it.
    place.store.close().await;
    let moments = faults.moments();
    assert!(moments > 200, "the shim saw {moments} moments");
    for at in 1..=moments {
        let folder = tempfile::tempdir().unwrap();
        let seed = u64::try_from(at)
            .unwrap()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let acknowledged = faults.cut_power(at, before.path(), folder.path(), seed);
        let store = open(&folder.path().join("tombolo.db"));
        let there = all_ids(&store).await;
        let acknowledged = i64::try_from(acknowledged).unwrap();
        assert!(
            i64::try_from(there.len()).unwrap() >= acknowledged,
            "power cut at moment {at}: {} events are there, {acknowledged} were acknowledged",
            there.len()
        );
        assert_eq!(there, ids(1..=i64::try_from(there.len()).unwrap()));
        for seq in (3..=acknowledged).step_by(3) {
            let id = format!("{seq}.a");
            let kept = store.run(&id).await.unwrap();
            assert!(kept.is_some(), "power cut at moment {at}: {id} is gone");
        }
        for n in (5..=acknowledged).step_by(5) {
            let n = n.to_string();
            let found = store.counterpart("customer", "crm", &n, "erp").unwrap();
            assert_eq!(found, Some(n), "power cut at moment {at}: a link is gone");
        }
    }
}

#[tokio::test]
async fn a_failed_sync_fails_the_write_and_the_next_one_tells_the_truth() {
    let (place, faults) = faulty();
    place.store.append(vec![event("1")]).await.unwrap();
    for n in 2..20 {
        faults.fail_syncs(1);
        let failed = place.store.append(vec![event(&n.to_string())]).await;
        assert!(
            matches!(failed, Err(StoreError::Unavailable(_))),
            "{failed:?}"
        );
        // Whether the failed one is in the log or not: once it is said to be, it stays.
        let again = place.store.append(vec![event(&n.to_string())]).await;
        assert_eq!(again.unwrap()[0].seq, n);
    }
    let (_folder, copy) = place.as_after_a_crash();
    assert_eq!(all_ids(&open(&copy)).await, ids(1..=19));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_a_sync_hangs() {
    let (place, faults) = faulty();
    place.store.append(vec![event("1")]).await.unwrap();
    faults.hang_syncs(true);
    let store = Arc::clone(&place.store);
    let mut append = tokio::spawn(async move { store.append(vec![event("2")]).await });
    let hangs = Arc::clone(&faults);
    tokio::task::spawn_blocking(move || hangs.wait_for_a_hanging_sync())
        .await
        .unwrap();
    assert!(
        futures_util::FutureExt::now_or_never(&mut append).is_none(),
        "acknowledged before it was synced"
    );
    // Who reads meanwhile sees what was.
    assert_eq!(all_ids(&place.store).await, ids(1..=1));
    faults.hang_syncs(false);
    assert_eq!(append.await.unwrap().unwrap()[0].seq, 2);
}

#[tokio::test]
async fn a_disk_without_space_acknowledges_nothing_and_recovers() {
    let (place, faults) = faulty();
    place.store.append(vec![event("1")]).await.unwrap();
    faults.fill_disk(true);
    for _ in 0..5 {
        let failed = place.store.append(vec![event("2")]).await;
        assert!(
            matches!(failed, Err(StoreError::Unavailable(_))),
            "{failed:?}"
        );
    }
    faults.fill_disk(false);
    assert_eq!(
        place.store.append(vec![event("2")]).await.unwrap()[0].seq,
        2
    );
    assert_eq!(all_ids(&place.store).await, ids(1..=2));
}

/// A clock that jumps.
struct Jumping(AtomicU64);

impl Clock for Jumping {
    fn now_ms(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_clock_that_jumps_changes_neither_order_nor_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    let clock = Arc::new(Jumping(AtomicU64::new(NOW)));
    let store = SqliteStore::open(&path, Arc::clone(&clock) as _).unwrap();
    for (n, now) in [NOW, 0, NOW + 1_000_000_000, NOW - 86_400_000, u64::MAX]
        .into_iter()
        .enumerate()
    {
        clock.0.store(now, Ordering::Relaxed);
        let n = i64::try_from(n).unwrap() + 1;
        let appended = store.append(vec![event(&n.to_string())]).await.unwrap();
        assert_eq!((appended[0].seq, appended[0].fresh), (n, true));
        let again = store.append(vec![event(&n.to_string())]).await.unwrap();
        assert_eq!((again[0].seq, again[0].fresh), (n, false));
    }
    drop(store);
    assert_eq!(all_ids(&open(&path)).await, ids(1..=5));
}
