//! Two databases of many rows are compared: how long it takes and what memory it needs.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rusqlite::Connection;
use serde_json::Value;

use crate::figures::Figures;
use crate::publish::Served;
use crate::sink::free_port;
use crate::site;

/// One row in so many differs.
const DIFFERS: i64 = 1_000;
/// Not over after so long, the part gives up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Compares `count` rows a side.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    count: i64,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measured(figures, adapters, count, say))
}

async fn measured(
    figures: &mut Figures,
    adapters: &Path,
    count: i64,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let port = free_port()?;
    say(&format!("reconcile: making {count} rows a side"));
    database(&folder.path().join("left.db"), count, 0)?;
    database(&folder.path().join("right.db"), count, DIFFERS)?;
    site::write_reconcile(folder.path(), adapters, port)?;
    say("reconcile: comparing them");
    let host = Served::start(folder.path(), port)?;
    let before = host.process.memory()?;
    let start = Instant::now();
    host.post("/api/reconciliations/items/run").await?;
    let mut most = before;
    let counts = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        most = host.process.memory()?.max(most);
        let all = host.get("/api/reconciliations").await?;
        let view = all.as_ref().and_then(|all| all.get(0));
        let view = view.context("the host has no reconciliation")?;
        if view["running"] == false {
            break view["report"]["counts"].clone();
        }
        if start.elapsed() > PATIENCE {
            bail!("not compared after {} s", PATIENCE.as_secs());
        }
    };
    let took = start.elapsed().as_secs_f64();
    let (same, different) = (number(&counts["same"]), number(&counts["different"]));
    if same + different != count || different != count / DIFFERS {
        bail!("the comparison is wrong: {counts}");
    }
    figures.note(
        "reconcile_1m_s",
        took,
        "s to compare a million rows a side of two databases, report and events included",
    );
    figures.note(
        "reconcile_1m_mib",
        (most - before) / 1_048_576.0,
        "MiB that host took more for it at most",
    );
    Ok(())
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Rows of 60 bytes; every `differs`th has another price, none where it is 0.
fn database(file: &Path, count: i64, differs: i64) -> anyhow::Result<()> {
    let database = Connection::open(file)?;
    database.execute_batch(
        "CREATE TABLE item (no INTEGER PRIMARY KEY, sku TEXT NOT NULL, price TEXT NOT NULL)",
    )?;
    database.execute(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         INSERT INTO item SELECT n, 'WID-' || n, (n % 1000) || iif(?2 > 0 AND n % max(?2, 1) = 0, '.75', '.50')
         FROM number",
        [count, differs],
    )?;
    Ok(())
}
