//! Feeds of a real database: whatever moment the host dies at, every row is in the log once; and they read no faster than
//! the system stands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod full;

use std::time::{Duration, Instant};

use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::site::TestSite;

const ROWS: u64 = 4_000;
const KILLS: u64 = 10;

#[test]
fn kills_between_pages_neither_lose_nor_double_rows() {
    let site = site(ROWS, 20, "");
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

#[test]
fn a_feed_keeps_to_the_rate_of_its_system() {
    let site = site(100, 1, "rate: 10/s");
    let host = TestHost::start(&site, &[]);
    let start = Instant::now();
    host.wait_for("all rows", |host| Some(()).filter(|()| read(host) == 100));
    // Ten seconds, less what was read before the host was seen to listen.
    assert!(
        start.elapsed() >= Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    let feed = &host.get("/api/feeds")[0];
    assert_eq!(feed["failures"], 0, "{feed}");
}

/// With a table of so many rows, read so many at a time.
fn site(rows: u64, page: u32, more: &str) -> TestSite {
    let site = TestSite::new();
    site.adapter("sql", &adapter("plugins/sql"));
    let system = format!(
        r#"adapter: adapters/sql.wasm
{more}
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
    page: {page}
    do: {{ statement: since, cursor: /no, event: {{ type: order.placed, subject: "{{no}}" }} }}
emits: [order.placed]
"#
    );
    site.write("systems/erp.yaml", &system);
    rusqlite::Connection::open(site.path().join("erp.db"))
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE orders (no INTEGER PRIMARY KEY);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) INSERT INTO orders SELECT i FROM n WHERE i <= {rows};"
        ))
        .unwrap();
    site.approve("erp");
    site
}

/// New events that the feed has brought so far.
fn read(host: &TestHost) -> u64 {
    host.get("/api/feeds")[0]["events"].as_u64().unwrap()
}
