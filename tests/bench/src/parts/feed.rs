//! A feed of many rows of one database, through a mapping, into an action of another.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rusqlite::Connection;

use crate::figures::Figures;
use crate::publish::Served;
use crate::sink::free_port;
use crate::site;

/// Without a new row for so long, the part gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Copies `count` rows.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    count: i64,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let port = free_port()?;
    say(&format!("feed: making {count} rows"));
    let target = databases(folder.path(), count)?;
    site::write_feed(folder.path(), adapters, port)?;
    say("feed: reading them into another database");
    let host = Served::start(folder.path(), port)?;
    let (start, mut most, mut copied, mut progress) = (Instant::now(), 0.0, 0, Instant::now());
    while copied < count {
        std::thread::sleep(Duration::from_millis(50));
        most = host.process.memory()?.max(most);
        let now: i64 = target.query_row("SELECT coalesce(max(rowid), 0) FROM item", [], |row| {
            row.get(0)
        })?;
        if now > copied {
            progress = Instant::now();
        } else if progress.elapsed() > PATIENCE {
            bail!(
                "{copied} of {count} rows were copied, and then none for {} s",
                PATIENCE.as_secs()
            );
        }
        copied = now;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    let per_second = count as f64 / start.elapsed().as_secs_f64();
    figures.note(
        "feed_rows_per_second",
        per_second,
        "rows a second from a feed through a mapping into a database action, durable",
    );
    figures.note("feed_mib", most / 1_048_576.0, "MiB of that host at most");
    Ok(())
}

/// The source with its rows and the empty target; both SQLite, as an old system has it.
fn databases(folder: &Path, count: i64) -> anyhow::Result<Connection> {
    let source = Connection::open(folder.join("source.db"))?;
    source.execute_batch(
        "CREATE TABLE item (no INTEGER PRIMARY KEY, sku TEXT NOT NULL, price TEXT NOT NULL)",
    )?;
    source.execute(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         INSERT INTO item SELECT n, 'WID-' || n, (n % 1000) || '.50' FROM number",
        [count],
    )?;
    let target = Connection::open(folder.join("target.db")).context("the target database")?;
    target.busy_timeout(Duration::from_secs(10))?;
    target.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE item (no INTEGER PRIMARY KEY, code TEXT NOT NULL, price TEXT NOT NULL)",
    )?;
    Ok(target)
}
