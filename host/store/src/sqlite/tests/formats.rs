//! Files of older formats become this host's, with all they hold.

use super::shim::Faults;
use super::*;
use crate::sqlite::migrations::FORMAT;
use crate::sqlite::{backup, restore, verify};
use crate::{AuditTrail, CrossReferences as _};
use crate::{LinkOrder, LinkOutcome, OnConflict};

/// The tables of format 1 as they were, not as the host makes them today.
const FORMAT_1: &str = include_str!("format_1.sql");

/// What format 2 added to it.
const FORMAT_2: &str = include_str!("format_2.sql");

/// And what format 3 did.
const FORMAT_3: &str = include_str!("format_3.sql");

/// A file as a host of format 1 left it: an event, a run that waits, its question, three audit records.
fn old_file(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    connection.execute_batch(FORMAT_1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO site VALUES ('id', 'store-1'), ('checkpoint', 1), ('identified', 0);
             INSERT INTO name VALUES (1, '/systems/plant'), (2, 'device.alarm'), (3, 'a'), (4, 'sha256:f1');
             INSERT INTO event VALUES (1, 1763778600000, 1, '1', 2, 'pump-7', '2026-11-22T02:30:00Z', '{\"severity\":4}', 0, NULL);
             INSERT INTO run VALUES (1, 3, 0, 4, 'k', NULL, 2, NULL, 5, 6, '{}', '{}');
             INSERT INTO task VALUES ('t', '1.a', 'approval', 'boss', 'Buy?', '[\"yes\",\"no\"]', 5, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO name VALUES (5, 'crm'), (6, 'sha256:a'), (7, 'sha256:g'), (8, 'http'), (9, 'api');
             INSERT INTO audit VALUES (3, 10, 5, 6, 7, 8, 9, 'GET /1', '200', 0, 5, 6, 7, '1.a/stock'),
               (4, 11, 5, 6, 7, 8, 9, 'GET /admin', 'denied: no', 1, 0, 0, 0, '1.a/stock'),
               (5, 12, 5, 6, 7, 8, 9, 'GET /2', '503', 0, 5, 6, 7, 'hooks/crm/in');
             PRAGMA application_id = 0x544f4d42; PRAGMA user_version = 1;",
        )
        .unwrap();
}

/// The same as a host of format 2 left it.
fn file_of_format_2(path: &Path) {
    old_file(path);
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(FORMAT_2).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 2;")
        .unwrap();
}

/// The same as a host of format 3 left it, which had no audit yet: an event that the run emitted, too.
fn file_of_format_3(path: &Path) {
    file_of_format_2(path);
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(FORMAT_3).unwrap();
    connection
        .execute_batch(
            "DROP TABLE audit_2;
             INSERT INTO site VALUES ('audit_base', '0:8951d51f9e0381a149984e6ca3dded5d8d99c31d6e6dc66cc148129e6a665bff'),
               ('audit_tip', '0:8951d51f9e0381a149984e6ca3dded5d8d99c31d6e6dc66cc148129e6a665bff');
             INSERT INTO name VALUES (10, '/flows/a'), (11, 'order.delayed');
             INSERT INTO event VALUES (2, 1763778600001, 10, '1.a/told', 11, NULL, '2026-11-22T02:30:00Z', '{}', 1, '1.a');
             PRAGMA user_version = 3;",
        )
        .unwrap();
}

/// The records of an upgraded file, whose chain must be whole.
async fn chained(store: &SqliteStore) -> Vec<String> {
    let check = store.check(None, 100).await.unwrap();
    assert_eq!(check.problem, None);
    let records = AuditTrail::after(store, 0, 100).await.unwrap();
    records
        .iter()
        .map(|stored| stored.record.get().to_owned())
        .collect()
}

#[tokio::test]
async fn audit_records_of_format_2_become_the_beginning_of_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    file_of_format_2(&path);
    let store = open(&path);
    assert_eq!(
        chained(&store).await,
        [
            r#"{"at_ms":10,"kind":"http","outcome":"allowed","status":"200","system":"crm","adapter":"sha256:a","grant":"sha256:g","target":"api","what":"GET /1","event":1,"run":"1.a","step":"stock","micros":5,"sent":6,"received":7}"#,
            r#"{"at_ms":11,"kind":"http","outcome":"denied","status":"denied: no","system":"crm","adapter":"sha256:a","grant":"sha256:g","target":"api","what":"GET /admin","event":1,"run":"1.a","step":"stock"}"#,
            r#"{"at_ms":12,"kind":"http","outcome":"failed","status":"503","system":"crm","adapter":"sha256:a","grant":"sha256:g","target":"api","what":"GET /2","cause":"hooks/crm/in","micros":5,"sent":6,"received":7}"#,
        ]
    );
    store.close().await;
    assert_eq!(
        chained(&open(&path)).await.len(),
        3,
        "the second start changes nothing"
    );
}

fn format_of(path: &Path) -> i64 {
    count(path, "SELECT user_version FROM pragma_user_version")
}

#[tokio::test]
async fn a_file_of_format_1_is_upgraded_and_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    old_file(&path);
    let store = open(&path);
    assert_eq!(format_of(&path), i64::from(FORMAT));
    assert_eq!(store.id(), "store-1");
    assert_eq!(all_ids(&store).await, [(1, "1".to_owned())]);
    assert_eq!(store.run("1.a").await.unwrap().unwrap().lane, "k");
    let task = store.task("t").await.unwrap().unwrap();
    assert_eq!((task.options.len(), task.link), (2, None));
    assert!(!store.append(vec![event("1")]).await.unwrap()[0].fresh);
    let order = LinkOrder {
        link: links::link("customer", "crm 7, erp 1", "ann"),
        on_conflict: OnConflict::Tell,
    };
    assert_eq!(
        store.link(vec![order]).await.unwrap(),
        [LinkOutcome::Linked]
    );
    store.close().await;
    let again = open(&path);
    let found = again.counterpart("customer", "crm", "7", "erp").unwrap();
    assert_eq!(found.as_deref(), Some("1"));
}

#[tokio::test]
async fn events_of_format_3_begin_chains_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tombolo.db");
    file_of_format_3(&path);
    let store = open(&path);
    assert_eq!(chained(&store).await.len(), 0);
    let emitted = store.event(2).await.unwrap().unwrap().event;
    assert_eq!((emitted.hops, emitted.cause.as_deref()), (1, Some("1.a")));
    assert_eq!(emitted.root, None);
    assert_eq!(store.descendants(1, 10).await.unwrap(), 0);
    let next = Event {
        root: Some(2),
        ..event("2.b/told")
    };
    store.append(vec![next]).await.unwrap();
    assert_eq!(store.descendants(2, 10).await.unwrap(), 1);
    assert_eq!(count(&path, "SELECT root FROM events WHERE seq = 3"), 2);
}

#[test]
fn an_upgraded_file_has_the_tables_of_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new/n.db");
    let tables = |path: &Path| -> Vec<(String, Option<String>)> {
        drop(open(path));
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    for (format, make) in [old_file, file_of_format_2, file_of_format_3]
        .into_iter()
        .enumerate()
    {
        let place = folder.path().join(format.to_string());
        std::fs::create_dir(&place).unwrap();
        let old = place.join("o.db");
        make(&old);
        assert_eq!(tables(&old), tables(&new), "of format {}", format + 1);
    }
}

#[test]
fn a_copy_of_format_1_is_good_and_is_upgraded_where_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (old, copy) = (folder.path().join("o.db"), folder.path().join("copy.db"));
    old_file(&old);
    assert_eq!(backup(&old, &copy).unwrap().format, 1);
    assert_eq!(verify(&copy).unwrap().unfinished, 1);
    let place = folder.path().join("data/tombolo.db");
    restore(&copy, &place).unwrap();
    assert_eq!(format_of(&place), 1, "a copy is put back as it is");
    drop(open(&place));
    assert_eq!(format_of(&place), i64::from(FORMAT));
    assert_eq!(format_of(&copy), 1, "the copy stays as it was");
}

#[tokio::test]
async fn power_cut_at_any_moment_of_an_upgrade_leaves_one_format_or_the_other() {
    let (folder, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("tombolo.db");
    old_file(&path);
    std::fs::copy(&path, before.path().join("tombolo.db")).unwrap();
    let faults = Faults::over(folder.path());
    faults.begin();
    open(&path).close().await;
    let moments = faults.moments();
    assert!(moments > 10, "the shim saw {moments} moments");
    for at in 1..=moments {
        let there = tempfile::tempdir().unwrap();
        let seed = u64::try_from(at).unwrap();
        faults.cut_power(at, before.path(), there.path(), seed);
        let store = open(&there.path().join("tombolo.db"));
        assert_eq!(chained(&store).await.len(), 3, "power cut at moment {at}");
        assert_eq!(store.id(), "store-1", "power cut at moment {at}");
        assert!(store.run("1.a").await.unwrap().is_some());
        assert!(store.task("t").await.unwrap().is_some());
        assert_eq!(
            store.counterpart("customer", "crm", "7", "erp").unwrap(),
            None
        );
    }
}
