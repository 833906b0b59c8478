//! The host of the demo: `tombolo serve` of this same executable, in a process of its own, so that it can be killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::text;

/// How long the host may take to serve; compiling three adapters in a debug build takes some seconds.
const READY: Duration = Duration::from_secs(90);
/// Between two looks whether it serves.
const LOOK: Duration = Duration::from_millis(20);
/// How long an orderly end may take.
const END: Duration = Duration::from_secs(15);
/// Lines of its log that are shown when it does not start.
const LAST_LINES: usize = 15;

/// A running host.
pub(super) struct HostProcess {
    child: Child,
    /// Held apart from the child, whose `wait` would close it.
    _input: Option<ChildStdin>,
    address: String,
    log: PathBuf,
}

impl HostProcess {
    /// Starts it and waits until it serves at `address`.
    pub(super) async fn start(site: &Path, address: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let log = site.join("host.log");
        let out = File::options().create(true).append(true).open(&log)?;
        let err = out.try_clone()?;
        let mut child = Command::new(program)
            .args(["serve", "--stop-with-stdin"])
            .arg(site)
            // The host ends when this pipe closes: also when the demo itself is killed.
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the host")?;
        let input = child.stdin.take();
        let mut host = Self {
            child,
            _input: input,
            address: address.to_owned(),
            log,
        };
        host.wait_until_it_serves().await?;
        Ok(host)
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Where its log is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    async fn wait_until_it_serves(&mut self) -> anyhow::Result<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(LOOK * 50)
            .tls_certs_only(Vec::new())
            .build()?;
        let health = format!("http://{}/health", self.address);
        let until = Instant::now() + READY;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the host ended by itself ({status}); the end of {}:\n{}",
                    self.log.display(),
                    self.last_lines()
                );
            }
            if http
                .get(&health)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "the host does not serve after {} s; the end of {}:\n{}",
                    READY.as_secs(),
                    self.log.display(),
                    self.last_lines()
                );
            }
            sleep(LOOK).await;
        }
    }

    fn last_lines(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        text::harmless_lines(&lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
    }

    /// Fails when the host is gone.
    pub(super) fn still_there(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the host ended by itself ({status}); the end of {}:\n{}",
                self.log.display(),
                self.last_lines()
            ),
        }
    }

    /// Ends it with SIGKILL: no warning, nothing tidied up.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the host")
    }

    /// Asks it to end, waits, and kills it if it does not.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(END, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let status = self.child.wait().await?;
        bail!(
            "the host ended by itself ({status}); the end of {}:\n{}",
            self.log.display(),
            self.last_lines()
        )
    }
}
