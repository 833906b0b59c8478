//! Publishes events to a host over its API, in batches.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use crate::load::SECRET;
use crate::parts::attacks::CANARY;
use crate::process::Process;

/// Events in one request.
const BATCH: usize = 1_000;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("BENCH_SECRET", SECRET),
    ("BENCH_TOKEN", "bench"),
    ("ATTACK_TOKEN", CANARY),
];

fn arguments(folder: &Path) -> [String; 2] {
    ["serve-host".to_owned(), folder.display().to_string()]
}

/// A host that serves a site, and its API.
pub(crate) struct Served {
    /// Its process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From starting the process to listening.
    pub(crate) took: Duration,
    client: reqwest::Client,
}

impl Served {
    /// Starts a host on a site that [`crate::site`] wrote.
    pub(crate) fn start(folder: &Path, port: u16) -> anyhow::Result<Self> {
        Self::of(port, Process::start(&arguments(folder), &ENVIRONMENT)?)
    }

    /// The same with more variables, and with its log in a file.
    pub(crate) fn start_logging(
        folder: &Path,
        port: u16,
        log: &Path,
        more: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let environment = [&ENVIRONMENT[..], more].concat();
        Self::of(
            port,
            Process::logging(&arguments(folder), &environment, log)?,
        )
    }

    fn of(port: u16, mut process: Process) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let took = process.wait_for(address, Duration::from_secs(120))?;
        Ok(Self {
            process,
            address,
            took,
            client: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Publishes `count` events that `event` makes by number; waits where the host says that it is full.
    pub(crate) async fn publish(
        &self,
        count: usize,
        event: impl Fn(usize) -> Value,
    ) -> anyhow::Result<()> {
        for first in (0..count).step_by(BATCH) {
            let events: Vec<Value> = (first..count.min(first + BATCH)).map(&event).collect();
            let body = serde_json::to_vec(&events)?;
            loop {
                let request = self
                    .client
                    .post(format!("http://{}/events", self.address))
                    .header("authorization", "Bearer bench")
                    .header("content-type", "application/cloudevents-batch+json")
                    .body(body.clone());
                let response = request.send().await?;
                match response.status().as_u16() {
                    202 => break,
                    503 => tokio::time::sleep(Duration::from_millis(20)).await,
                    status => bail!(
                        "publishing was answered {status}: {}",
                        response.text().await?
                    ),
                }
            }
        }
        Ok(())
    }

    /// Asks the API to do something.
    pub(crate) async fn post(&self, target: &str) -> anyhow::Result<()> {
        let request = self
            .client
            .post(format!("http://{}{target}", self.address))
            .header("authorization", "Bearer bench");
        let response = request.send().await?;
        if !response.status().is_success() {
            bail!("{target} was answered {}", response.status());
        }
        Ok(())
    }

    /// What the API answers, or nothing where it has none.
    pub(crate) async fn get(&self, target: &str) -> anyhow::Result<Option<Value>> {
        let request = self
            .client
            .get(format!("http://{}{target}", self.address))
            .header("authorization", "Bearer bench");
        let response = request.send().await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&response.bytes().await?).ok())
    }
}
