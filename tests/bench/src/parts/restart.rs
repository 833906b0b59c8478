//! A restart with many runs that wait for a person: how long until the host serves.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::figures::Figures;
use crate::process::Process;
use crate::sink::free_port;
use crate::site;

const BATCH: usize = 1_000;

/// Fills a host with `count` waiting runs by publishing events to it, kills it, and starts it again.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    count: usize,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let port = free_port()?;
    site::write_waiting(folder.path(), adapters, port)?;
    say(&format!("restart: making {count} waiting runs"));
    let (mut process, _) = start(folder.path(), port)?;
    runtime.block_on(fill(port, count))?;
    process.wait_for(address(port), Duration::from_secs(5))?;
    drop(process);
    say("restart: starting again");
    let (process, took) = start(folder.path(), port)?;
    figures.note(
        "restart_100k_runs_s",
        took.as_secs_f64(),
        "s from starting the process to serving with 100,000 waiting runs; at most 3",
    );
    figures.note(
        "restart_100k_runs_mib",
        process.memory()? / 1_048_576.0,
        "MiB of that host",
    );
    Ok(())
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn start(folder: &Path, port: u16) -> anyhow::Result<(Process, Duration)> {
    let arguments = ["serve-host".to_owned(), folder.display().to_string()];
    let mut process = Process::start(
        &arguments,
        &[
            ("BENCH_SECRET", crate::load::SECRET),
            ("BENCH_TOKEN", "bench"),
        ],
    )?;
    let took = process.wait_for(address(port), Duration::from_secs(120))?;
    Ok((process, took))
}

async fn fill(port: u16, count: usize) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    for first in (0..count).step_by(BATCH) {
        let events: Vec<_> = (first..count.min(first + BATCH))
            .map(|n| serde_json::json!({"specversion": "1.0", "id": format!("w-{n}"), "source": "/bench", "type": "question.raised", "subject": format!("s-{n}"), "data": {"n": n}}))
            .collect();
        let body = serde_json::to_vec(&events)?;
        loop {
            let request = client
                .post(format!("http://127.0.0.1:{port}/events"))
                .header("authorization", "Bearer bench");
            let response = request
                .header("content-type", "application/cloudevents-batch+json")
                .body(body.clone())
                .send()
                .await?;
            match response.status().as_u16() {
                202 => break,
                503 => tokio::time::sleep(Duration::from_millis(50)).await,
                status => bail!(
                    "publishing was answered {status}: {}",
                    response.text().await?
                ),
            }
        }
    }
    wait_until_waiting(&client, port, count).await
}

/// Until the last question stands open.
async fn wait_until_waiting(
    client: &reqwest::Client,
    port: u16,
    count: usize,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let url = format!("http://127.0.0.1:{port}/api/runs/{count}.ask");
    while start.elapsed() < Duration::from_secs(300) {
        let response = client
            .get(&url)
            .header("authorization", "Bearer bench")
            .send()
            .await?;
        if response.status().is_success() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("run {count}.ask does not wait after 300 s")
}
