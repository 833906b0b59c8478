//! Whoever changes the audit's file is found out.

use super::audit::{all, call, keep, with_calls};
use super::*;
use crate::sqlite::{AuditFile, backup, verify};
use crate::{Anchor, AuditTrail, Store as _, StoreError};

/// What is wrong with the chain of a file, as a look without a host finds it; page by page, and all at once.
pub(super) fn problem(path: &Path) -> Option<String> {
    let file = AuditFile::open(path).unwrap();
    let whole = file.check(None, 1_000).unwrap().problem;
    let (mut from, mut paged) = (None, None);
    while paged.is_none() {
        let check = file.check(from, 2).unwrap();
        (from, paged) = (Some(check.to), check.problem);
        if !check.more {
            break;
        }
    }
    assert_eq!(whole, paged, "pages find what one look does");
    whole.map(|problem| format!("{}: {}", problem.number, problem.what))
}

#[tokio::test]
async fn whoever_changes_the_file_is_found_out_and_the_first_record_is_named() {
    let table = [
        ("", None),
        (
            "UPDATE audit SET record = replace(record, 'GET /3', 'GET /9') WHERE number = 3",
            Some("3: record 3 was altered"),
        ),
        ("UPDATE audit SET record = '' WHERE number = 3", Some("3: record 3 was altered")),
        ("UPDATE audit SET hash = zeroblob(32) WHERE number = 3", Some("3: record 3 was altered")),
        ("UPDATE audit SET hash = x'00' WHERE number = 3", Some("3: record 3 was altered")),
        ("DELETE FROM audit WHERE number = 3", Some("3: record 3 is missing")),
        ("DELETE FROM audit WHERE number IN (3, 4)", Some("3: records 3 to 4 are missing")),
        ("DELETE FROM audit WHERE number = 1", Some("1: record 1 is missing")),
        ("DELETE FROM audit WHERE number > 4", Some("5: records 5 to 6 are missing: the end was cut off")),
        ("DELETE FROM audit", Some("1: records 1 to 6 are missing: the end was cut off")),
        (
            "UPDATE audit SET number = -3 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4;
             UPDATE audit SET number = 4 WHERE number = -3",
            Some("3: record 3 was altered"),
        ),
        (
            "INSERT INTO audit SELECT 7, at_ms, kind, outcome, system, event, record, hash FROM audit WHERE number = 6",
            Some("7: record 7 was altered"),
        ),
        ("UPDATE audit SET number = 9223372036854775807 WHERE number = 6", Some("6: records 6 to")),
        ("UPDATE audit SET number = -9223372036854775808 WHERE number = 1", Some("1: record 1 is missing")),
        ("UPDATE name SET text = 'erp' WHERE text = 'crm'", Some("1: column `system` of record 1 was altered")),
        (
            "DELETE FROM audit_block",
            Some("1: column `audit_block` of record 1"),
        ),
        ("UPDATE audit SET system = NULL WHERE number = 2", Some("2: column `system` of record 2")),
        ("UPDATE audit SET event = 2 WHERE number = 2", Some("2: column `event` of record 2")),
        ("UPDATE audit SET outcome = 1 WHERE number = 2", Some("2: column `outcome` of record 2")),
        ("UPDATE audit SET kind = 2 WHERE number = 2", Some("2: column `kind` of record 2")),
        ("UPDATE audit SET at_ms = -1 WHERE number = 2", Some("2: column `at_ms` of record 2")),
        ("DELETE FROM site WHERE key = 'audit_base'", Some("1: the place where the chain begins")),
        ("UPDATE site SET value = 7 WHERE key = 'audit_base'", Some("1: the place where the chain begins")),
        ("DELETE FROM site WHERE key = 'audit_tip'", Some("7: the place where the chain ends")),
        ("UPDATE site SET value = 'other' WHERE key = 'id'", Some("1: the chain begins with the hash of another store")),
        (
            "UPDATE site SET value = '2:' || (SELECT lower(hex(hash)) FROM audit WHERE number = 2) WHERE key = 'audit_base';
             DELETE FROM audit WHERE number <= 2",
            Some("1: records up to 2 are gone, and no record says that the host forgot them"),
        ),
    ];
    let mut wrong = Vec::new();
    for (change, expected) in table {
        let place = with_calls(6).await;
        place.store.close().await;
        let connection = rusqlite::Connection::open(place.path()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let found = problem(&place.path());
        let copied = backup(&place.path(), &place.folder.path().join("copy.db"));
        let as_expected = match (&found, expected) {
            (None, None) => copied.is_ok(),
            (Some(found), Some(expected)) => found.starts_with(expected) && copied.is_err(),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!(
                "{change}\n  found {found:?}, expected {expected:?}; a copy: {copied:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn a_host_that_starts_on_a_changed_file_says_so_in_the_chain_for_ever() {
    let place = with_calls(6).await;
    let kept_elsewhere = place.store.anchor().await.unwrap();
    place.store.close().await;
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection
        .execute_batch("DELETE FROM audit WHERE number > 4")
        .unwrap();
    drop(connection);
    let again = open(&place.path());
    again.keep(Arc::new(call("GET /later", false)));
    again.kept().await.unwrap();
    again.close().await;
    let found = problem(&place.path()).unwrap();
    assert!(
        found.starts_with("5: the host found the chain altered"),
        "{found}"
    );
    assert!(
        found.contains("ended at 6:") && found.contains("ends at 4:"),
        "{found}"
    );
    // The anchor tells it too: what stands at its place now is something else.
    let file = AuditFile::open(&place.path()).unwrap();
    assert_ne!(file.anchor().unwrap(), kept_elsewhere);
}

#[tokio::test]
async fn a_rewritten_chain_is_whole_and_an_anchor_tells() {
    let place = with_calls(6).await;
    let anchor = place.store.anchor().await.unwrap();
    assert_eq!(anchor.to_string().parse::<Anchor>(), Ok(anchor));
    keep(&place, call("GET /7", false)).await;
    let records = all(&place.store).await;
    place.store.close().await;
    // Whoever may write the file can chain it anew.
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let mut tip = Anchor::first(place.store.id());
    for stored in &records {
        let text = stored.record.get().replace("GET /3", "GET /9");
        tip = tip.next(text.as_bytes()).unwrap();
        connection
            .execute(
                "UPDATE audit SET record = ?1, hash = ?2 WHERE number = ?3",
                (text, tip.hash, tip.number),
            )
            .unwrap();
    }
    connection
        .execute(
            "UPDATE site SET value = ?1 WHERE key = 'audit_tip'",
            [tip.to_string()],
        )
        .unwrap();
    drop(connection);
    assert_eq!(problem(&place.path()), None, "the chain alone cannot tell");
    let file = AuditFile::open(&place.path()).unwrap();
    let held_against = file.check(Some(anchor), 10).unwrap().problem.unwrap();
    assert_eq!(held_against.number, 7);
}

#[test]
fn a_chain_that_cannot_be_gone_on_from_is_refused_with_advice() {
    for change in [
        "UPDATE audit SET number = 9223372036854775807 WHERE number = 6",
        "UPDATE audit SET hash = x'00' WHERE number = 6",
        "UPDATE audit SET number = -number",
    ] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = runtime.block_on(with_calls(6));
        runtime.block_on(place.store.close());
        let connection = rusqlite::Connection::open(place.path()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let refused = SqliteStore::open(place.path(), Arc::new(Fixed)).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Format(text) if text.contains("audit verify --offline")),
            "{change}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_copy_has_the_chain_and_is_verified_with_it() {
    let place = with_calls(6).await;
    let copy = place.folder.path().join("copy.db");
    assert_eq!(backup(&place.path(), &copy).unwrap().audits, 6);
    let connection = rusqlite::Connection::open(&copy).unwrap();
    connection
        .execute_batch("DELETE FROM audit WHERE number = 2")
        .unwrap();
    drop(connection);
    let refused = verify(&copy).unwrap_err().to_string();
    assert!(refused.contains("record 2 is missing"), "{refused}");
}
