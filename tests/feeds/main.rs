//! A feed under kills: whatever moment the host dies at, every row is in the log once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

const ROWS: u64 = 4_000;
const KILLS: u64 = 10;

#[test]
fn kills_between_pages_neither_lose_nor_double_rows() {
    let site = TestSite::new();
    site.adapter("sql", &adapter("plugins/sql"));
    site.write(
        "systems/erp.yaml",
        r#"adapter: adapters/sql.wasm
connections:
  db:
    sqlite: erp.db
    statements:
      since:
        effect: read
        text: SELECT no, 'x' AS state FROM orders WHERE no > coalesce(:cursor, 0) ORDER BY no LIMIT :limit
feeds:
  orders:
    every: 1 s
    page: 20
    do: { statement: since, cursor: /no, event: { type: order.placed, subject: "{no}" } }
emits: [order.placed]
"#,
    );
    rusqlite::Connection::open(site.path().join("erp.db"))
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE orders (no INTEGER PRIMARY KEY);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) INSERT INTO orders SELECT i FROM n;"
        ))
        .unwrap();
    site.approve("erp");

    let mut seen = 0;
    for _ in 0..KILLS {
        let host = TestHost::start(&site, &[]);
        // In the middle of a reading: a page more than before, and not yet all.
        let now = wait("a page", || Some(read(&host)).filter(|now| *now > seen));
        host.kill();
        seen = now;
    }
    let host = TestHost::start(&site, &[]);
    wait("all rows", || Some(()).filter(|()| read(&host) == ROWS));
    assert_eq!(host.stop(), 0);

    // No event has an id of its own here: only the cursor keeps rows from coming twice.
    let log = rusqlite::Connection::open(site.path().join("data/tombolo.db")).unwrap();
    let count = |query: &str| -> u64 {
        let count: i64 = log.query_row(query, [], |row| row.get(0)).unwrap();
        u64::try_from(count).unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM events"), ROWS);
    assert_eq!(count("SELECT count(DISTINCT subject) FROM events"), ROWS);
    let order = "SELECT count(*) FROM (SELECT CAST(subject AS INTEGER) < lag(CAST(subject AS INTEGER)) OVER (ORDER BY seq) AS back FROM events) WHERE back";
    assert_eq!(count(order), 0, "in the order of the database");
}

/// New events that the feed has brought so far.
fn read(host: &TestHost) -> u64 {
    host.get("/api/feeds")[0]["events"].as_u64().unwrap()
}
