//! The audit: what is kept, found, chained and forgotten.

use super::changed_audit::problem;
use super::*;
use crate::sqlite::audit::find;
use crate::sqlite::queue::Queue;
use crate::{AuditFilter, AuditTrail, Store as _, StoreError, StoredAudit, Sweep};
use sha2::{Digest, Sha256};
use tombolo_kernel::audit::{AuditRecord, Kind, Outcome};
use tombolo_kernel::limits;

pub(super) fn call(what: &str, denied: bool) -> AuditRecord {
    let (outcome, status) = match denied {
        true => (Outcome::Denied, "denied: not in the grant"),
        false => (Outcome::Allowed, "200"),
    };
    AuditRecord::new(Kind::Http, NOW)
        .of("crm", "sha256:a", "sha256:b")
        .about(what)
        .caused_by("1.a/stock")
        .ended(outcome, status)
}

/// A store with `GET /1` to `GET /count` in its audit.
pub(super) async fn with_calls(count: usize) -> Place {
    let place = Place::new();
    for n in 1..=count {
        keep(&place, call(&format!("GET /{n}"), false)).await;
    }
    place
}

pub(super) async fn keep(place: &Place, record: AuditRecord) {
    place.store.keep(Arc::new(record));
    place.store.kept().await.unwrap();
}

pub(super) async fn all(store: &SqliteStore) -> Vec<StoredAudit> {
    AuditTrail::after(store, 0, 1_000).await.unwrap()
}

fn what(stored: &StoredAudit) -> String {
    let record: serde_json::Value = serde_json::from_str(stored.record.get()).unwrap();
    record["what"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn records_are_found_by_what_they_say_newest_first() {
    let place = Place::new();
    let at = |at_ms, record: AuditRecord| AuditRecord { at_ms, ..record };
    let answer = AuditRecord::new(Kind::Answer, 30)
        .by("ann")
        .through("shop-floor")
        .about("task t")
        .caused_by("2.b/approval");
    let denied = at(40, call("GET /admin", true));
    let other = AuditRecord::new(Kind::Sql, 20)
        .of("erp", "sha256:c", "sha256:d")
        .about("stock")
        .caused_by("1.a.replay-2/stock")
        .ended(Outcome::Failed, "timeout");
    for record in [at(10, call("GET /1", false)), other, answer, denied] {
        keep(&place, record).await;
    }
    let text = |text: &str| Some(text.to_owned());
    let none = AuditFilter::default;
    let table: [(&str, AuditFilter, &[&str]); 14] = [
        ("all", none(), &["GET /admin", "task t", "stock", "GET /1"]),
        (
            "system",
            AuditFilter {
                system: text("crm"),
                ..none()
            },
            &["GET /admin", "GET /1"],
        ),
        (
            "no such system",
            AuditFilter {
                system: text("x"),
                ..none()
            },
            &[],
        ),
        (
            "since",
            AuditFilter {
                since_ms: Some(30),
                ..none()
            },
            &["GET /admin", "task t"],
        ),
        (
            "until",
            AuditFilter {
                until_ms: Some(20),
                ..none()
            },
            &["stock", "GET /1"],
        ),
        (
            "person",
            AuditFilter {
                who: text("ann"),
                ..none()
            },
            &["task t"],
        ),
        (
            "token",
            AuditFilter {
                who: text("shop-floor"),
                ..none()
            },
            &["task t"],
        ),
        (
            "denied",
            AuditFilter {
                outcome: Some(Outcome::Denied),
                ..none()
            },
            &["GET /admin"],
        ),
        (
            "failed",
            AuditFilter {
                outcome: Some(Outcome::Failed),
                ..none()
            },
            &["stock"],
        ),
        (
            "event",
            AuditFilter {
                event: Some(1),
                ..none()
            },
            &["GET /admin", "stock", "GET /1"],
        ),
        (
            "run",
            AuditFilter {
                run: text("1.a.replay-2"),
                ..none()
            },
            &["stock"],
        ),
        (
            "no run",
            AuditFilter {
                run: text("nonsense"),
                ..none()
            },
            &[],
        ),
        (
            "kind",
            AuditFilter {
                kinds: vec![Kind::Answer],
                ..none()
            },
            &["task t"],
        ),
        (
            "kinds",
            AuditFilter {
                kinds: vec![Kind::Answer, Kind::Sql],
                ..none()
            },
            &["task t", "stock"],
        ),
    ];
    for (name, filter, expected) in table {
        let page = place.store.find(filter).await.unwrap();
        let found: Vec<String> = page.records.iter().map(what).collect();
        assert_eq!(found, expected, "{name}");
    }
    let mut filter = AuditFilter { limit: 1, ..none() };
    let mut paged = Vec::new();
    loop {
        let page = place.store.find(filter.clone()).await.unwrap();
        paged.extend(page.records.iter().map(what));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }
    assert_eq!(paged, ["GET /admin", "task t", "stock", "GET /1"]);
    let nonsense = AuditFilter {
        after: text("nonsense"),
        ..none()
    };
    assert!(matches!(
        place.store.find(nonsense).await,
        Err(StoreError::Conflict(_))
    ));
}

/// Every narrow filter has an index: a search of a large audit for one run must not read all of it, nor sort it.
#[tokio::test]
async fn narrow_searches_use_an_index() {
    let place = with_calls(1).await;
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let none = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, index) in [
        (none(), "audit_at"),
        (
            AuditFilter {
                event: Some(1),
                ..none()
            },
            "audit_event",
        ),
        (
            AuditFilter {
                run: text("1.a"),
                system: text("crm"),
                ..none()
            },
            "audit_event",
        ),
        (
            AuditFilter {
                system: text("crm"),
                ..none()
            },
            "SEARCH audit_block",
        ),
        (
            AuditFilter {
                since_ms: Some(5),
                system: text("crm"),
                ..none()
            },
            "audit_at",
        ),
        (
            AuditFilter {
                outcome: Some(Outcome::Denied),
                ..none()
            },
            "audit_refused",
        ),
        (
            AuditFilter {
                kinds: vec![Kind::Answer],
                ..none()
            },
            "audit_decision",
        ),
        (
            AuditFilter {
                who: text("ann"),
                ..none()
            },
            "audit_decision",
        ),
    ] {
        let plan = find::plan(&connection, &filter).unwrap();
        assert!(plan.contains(index), "{filter:?}: {plan}");
        assert!(
            !plan.contains("TEMP B-TREE") || index == "audit_event",
            "{filter:?}: {plan}"
        );
    }
}

/// A second implementation of the chain, from `host/store/README.md` alone.
#[tokio::test]
async fn the_chain_is_what_the_documentation_says() {
    let place = with_calls(40).await;
    place.store.close().await;
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let site = |key: &str| -> String {
        let query = format!("SELECT value FROM site WHERE key = '{key}'");
        connection.query_row(&query, [], |row| row.get(0)).unwrap()
    };
    let mut hash = Sha256::digest(format!("tombolo audit chain\n{}", site("id"))).to_vec();
    assert_eq!(site("audit_base"), format!("0:{}", hex::encode(&hash)));
    let mut statement = connection
        .prepare("SELECT number, record, hash FROM audit ORDER BY number")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut expected_number = 0_i64;
    while let Some(row) = rows.next().unwrap() {
        expected_number += 1;
        let (number, record, kept): (i64, String, Vec<u8>) = (
            row.get(0).unwrap(),
            row.get(1).unwrap(),
            row.get(2).unwrap(),
        );
        assert_eq!(number, expected_number);
        let bytes = [&hash[..], &number.to_be_bytes(), record.as_bytes()].concat();
        hash = Sha256::digest(bytes).to_vec();
        assert_eq!(hash, kept, "record {number}");
    }
    assert_eq!(
        (expected_number, site("audit_tip")),
        (40, format!("40:{}", hex::encode(&hash)))
    );
}

#[tokio::test]
async fn old_records_are_forgotten_from_the_beginning_and_that_is_on_record() {
    let place = Place::new();
    for (n, at_ms) in [(1, 10), (2, 11), (3, 99), (4, 12), (5, 13)] {
        let record = call(&format!("GET /{n}"), false);
        keep(&place, AuditRecord { at_ms, ..record }).await;
    }
    let sweep = |audits_before_ms| Sweep {
        events_before_ms: 0,
        most_bytes: 0,
        audits_before_ms,
        audits_kept: None,
        after: 0,
    };
    assert_eq!(place.store.sweep(sweep(50)).await.unwrap().audits, 2);
    let left: Vec<String> = all(&place.store).await.iter().map(what).collect();
    // 4 and 5 stay behind 3, which is young: the chain has no holes.
    assert_eq!(left, ["GET /3", "GET /4", "GET /5", "1 to 2"]);
    assert_eq!(place.store.sweep(sweep(50)).await.unwrap().audits, 0);
    assert_eq!(place.store.sweep(sweep(u64::MAX)).await.unwrap().audits, 3);
    let left: Vec<String> = all(&place.store).await.iter().map(what).collect();
    assert_eq!(left, ["1 to 2", "3 to 5"], "never the newest record");
    keep(&place, call("GET /6", false)).await;
    place.store.close().await;
    assert_eq!(problem(&place.path()), None);
    let again = open(&place.path());
    assert_eq!(again.check(None, 10).await.unwrap().from.number, 5);
}

#[test]
fn beyond_its_bound_the_oldest_records_are_dropped_and_counted() {
    let queue = Queue::new();
    let keep = |what: &str| {
        let record = Arc::new(call(what, false));
        queue.record(|records| records.audits.push_back(record));
    };
    for n in 0..limits::AUDIT_WAITING + 3 {
        keep(&n.to_string());
    }
    let records = queue.take(None).unwrap().records;
    assert_eq!(
        (records.audits.len(), records.lost),
        (limits::AUDIT_WAITING, 3)
    );
    assert_eq!(records.audits[0].what, "3");
    keep("newest");
    queue.put_back(records);
    let records = queue.take(None).unwrap().records;
    assert_eq!(
        (records.audits.len(), records.lost),
        (limits::AUDIT_WAITING, 4)
    );
    assert_eq!(records.audits.back().unwrap().what, "newest");
}

#[tokio::test]
async fn what_was_lost_is_on_record_itself() {
    let place = Place::new();
    for n in 0..limits::AUDIT_WAITING + 3 {
        place.store.keep(Arc::new(call(&n.to_string(), false)));
    }
    place.store.kept().await.unwrap();
    let lost = AuditFilter {
        kinds: vec![Kind::Lost],
        ..AuditFilter::default()
    };
    // The writer may have taken some meanwhile; then fewer or none were lost.
    let found = place.store.find(lost).await.unwrap().records.len() as u64;
    let kept = place.count("SELECT count(*) FROM audit WHERE kind = 1");
    let missing = limits::AUDIT_WAITING as u64 + 3 - u64::try_from(kept).unwrap();
    assert_eq!(
        found > 0,
        missing > 0,
        "{missing} are missing, {found} records say so"
    );
}

#[tokio::test]
async fn records_are_written_when_nothing_else_is() {
    let place = Place::new();
    place.store.keep(Arc::new(call("GET /1", false)));
    // Until the writer has done it by itself; a test that hangs here is a failing one.
    while place.count("SELECT count(*) FROM audit") == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn where_collectors_are_survives_a_restart_and_what_they_miss_is_kept_longer() {
    let place = Place::new();
    for n in 1..=5 {
        let record = call(&format!("GET /{n}"), false);
        keep(&place, AuditRecord { at_ms: n, ..record }).await;
    }
    assert_eq!(place.store.position("syslog").await.unwrap(), 0);
    place.store.exported("syslog", 2);
    place.store.kept().await.unwrap();
    let path = place.path();
    place.store.close().await;
    let again = open(&path);
    assert_eq!(again.position("syslog").await.unwrap(), 2);
    assert_eq!(again.position("otlp").await.unwrap(), 0);
    let sweep = |before_ms| Sweep {
        events_before_ms: 0,
        most_bytes: 0,
        audits_before_ms: NOW,
        audits_kept: Some((2, before_ms)),
        after: 0,
    };
    assert_eq!(again.sweep(sweep(0)).await.unwrap().audits, 2);
    assert_eq!(
        again.sweep(sweep(5)).await.unwrap().audits,
        2,
        "but not for ever"
    );
}

#[tokio::test]
async fn records_of_one_system_are_found_across_blocks_and_pages() {
    let place = Place::new();
    for n in 0..3_000 {
        let record = call(&format!("GET /{n}"), false);
        let system = if n % 1_000 == 0 { "rare" } else { "busy" };
        place.store.keep(Arc::new(record.of(system, "", "")));
    }
    place.store.kept().await.unwrap();
    let mut filter = AuditFilter {
        system: Some("rare".into()),
        limit: 2,
        ..AuditFilter::default()
    };
    let first = place.store.find(filter.clone()).await.unwrap();
    filter.after = first.next;
    let second = place.store.find(filter).await.unwrap();
    let found: Vec<String> = first
        .records
        .iter()
        .chain(&second.records)
        .map(what)
        .collect();
    assert_eq!(found, ["GET /2000", "GET /1000", "GET /0"]);
    assert_eq!(second.next, None);
    // The busy one is in blocks 0, 1 and 2, the rare one, as 1, 1001 and 2001, in two of them.
    assert_eq!(place.count("SELECT count(*) FROM audit_block"), 5);
    assert_eq!(place.store.check(None, 5_000).await.unwrap().problem, None);
}
