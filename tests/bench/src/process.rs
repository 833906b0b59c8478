//! A program under test in a process of its own: what it costs is what the kernel says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// A child that is ended with this value.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts this executable with `arguments`.
    pub(crate) fn start(
        arguments: &[String],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::of(&std::env::current_exe()?, arguments, environment)
    }

    /// Starts this executable with what it logs in a file.
    pub(crate) fn logging(
        arguments: &[String],
        environment: &[(&str, &str)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(log)?)
            .spawn()
            .context("cannot start the program under test")?;
        Ok(Self { child })
    }

    /// Starts a program with `arguments`.
    pub(crate) fn of(
        program: &Path,
        arguments: &[String],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the program under test")?;
        Ok(Self { child })
    }

    /// Waits until something listens at `address`; returns how long that took from the call.
    pub(crate) fn wait_for(
        &mut self,
        address: SocketAddr,
        most: Duration,
    ) -> anyhow::Result<Duration> {
        let start = Instant::now();
        while std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program under test ended at once with {status}");
            }
            if start.elapsed() > most {
                bail!("nothing listens at {address} after {} s", most.as_secs());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(start.elapsed())
    }

    /// Processor time of all its threads so far, microseconds (`/proc/PID/schedstat` of each; ended threads are in the stat's total).
    pub(crate) fn cpu_us(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after = stat.rsplit(')').next().context("no command in stat")?;
        let field = |n: usize| {
            after
                .split_whitespace()
                .nth(n)
                .and_then(|text| text.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        Ok((field(11) + field(12)) * 10_000.0)
    }

    /// Memory that is its own, bytes: resident, not shared with files.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib: f64 = status
            .lines()
            .filter(|line| line.starts_with("RssAnon:") || line.starts_with("RssShmem:"))
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok())
            .sum();
        Ok(kib * 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
