//! A restart with many runs that wait for a person: how long until the host serves.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::json;

use crate::figures::Figures;
use crate::publish::Served;
use crate::sink::free_port;
use crate::site;

/// Fills a host with `count` waiting runs by publishing events to it, kills it, and starts it again.
pub(crate) fn run(figures: &mut Figures, count: usize, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let port = free_port()?;
    site::write_waiting(folder.path(), port)?;
    say(&format!("restart: making {count} waiting runs"));
    let host = Served::start(folder.path(), port)?;
    runtime.block_on(fill(&host, count))?;
    drop(host);
    say("restart: starting again");
    let host = Served::start(folder.path(), port)?;
    figures.note(
        "restart_100k_runs_s",
        host.took.as_secs_f64(),
        "s from starting the process to serving with 100,000 waiting runs; at most 3",
    );
    figures.note(
        "restart_100k_runs_mib",
        host.process.memory()? / 1_048_576.0,
        "MiB of that host",
    );
    Ok(())
}

/// Until the last question stands open.
async fn fill(host: &Served, count: usize) -> anyhow::Result<()> {
    host.publish(count, |n| {
        json!({"specversion": "1.0", "id": format!("w-{n}"), "source": "/bench", "type": "question.raised", "subject": format!("s-{n}"), "data": {"n": n}})
    })
    .await?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(300) {
        if host.get(&format!("/api/runs/{count}.ask")).await?.is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("run {count}.ask does not wait after 300 s")
}
