//! How long bytes still arrive once a grant is revoked: a system in the middle of loops of requests and of large bodies,
//! and a server that notes when the last byte of each round came.
//!
//! The clock starts before the revoked grant is written, so before the host is told: what `tombolo grant revoke` does
//! first is counted.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tombolo_kernel::grant::{Approval, Grant};

use crate::figures::Figures;
use crate::publish::Served;
use crate::sink::{content_length, free_port};
use crate::site;

/// Calls of one round: every other one sends requests in a loop, the rest a body of 8 MB each.
const CALLS: usize = 48;
const BODY: usize = 8_000_000;
/// A round is under way when so many bytes of it arrived: a system that stood is tried with one call before the others
/// follow, and all bodies of a round are five times that.
const BEGUN: u64 = 40_000_000;
/// And when the last of them came within this time.
const JUST_NOW_US: u64 = 2_000;
/// What came later than this would be seen in the figure: nothing is taken for an end before.
const QUIET: Duration = Duration::from_millis(500);
/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the machine takes in before the server reads it, bytes. It has left the host by then, and would be counted when
/// it is read.
const RECEIVED_AHEAD: u32 = 64 << 10;
const POLL: Duration = Duration::from_millis(1);

/// Revokes `rounds` times; the slowest counts.
pub(crate) fn run(
    figures: &mut Figures,
    adapters: &Path,
    rounds: usize,
    say: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    say(&format!(
        "revoke: {rounds} times, in the middle of requests"
    ));
    let most = runtime.block_on(measure(adapters, rounds))?;
    figures.note(
        "revoke_ms",
        most,
        "ms from the revocation to the last byte that arrived, the slowest; at most 100",
    );
    Ok(())
}

async fn measure(adapters: &Path, rounds: usize) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir_in(site::scratch()?)?;
    let folder = folder.path();
    let server = Arrivals::start().await?;
    let port = free_port()?;
    site::write(folder, "tombolo.yaml", &site::main_file(port))?;
    site::add_attacker(folder, adapters, server.address)?;
    let approved = std::fs::read_to_string(folder.join(GRANT))?;
    let revoked = serde_json::to_string(&revoked(serde_json::from_str(&approved)?))?;
    let host = Served::start_logging(folder, port, &folder.join("host.log"), &[])?;
    let mut most = 0.0_f64;
    for round in 0..rounds {
        let before = server.bytes();
        host.publish(CALLS, |n| event(round, n)).await?;
        until("a round is under way", || {
            let flows = server.last_us() + JUST_NOW_US > server.now_us();
            flows && server.bytes() > before + BEGUN
        })
        .await?;
        let start = server.now_us();
        put(folder, &revoked)?;
        host.post("/api/grants/check").await?;
        let stopped = state(&host).await?;
        if stopped["state"] != "held-back" {
            bail!("round {round}: the system was not stopped: {stopped}");
        }
        server.quiet().await;
        let last = server.last_us();
        let late = Duration::from_micros(last.saturating_sub(start));
        most = most.max(late.as_secs_f64() * 1e3);
        put(folder, &approved)?;
        host.post("/api/reload").await?;
        let again = state(&host).await?;
        if again["state"] != "running" {
            bail!("round {round}: the system did not run again: {again}");
        }
    }
    Ok(most)
}

const GRANT: &str = "grants/attacker.yaml";

fn revoked(mut grant: Grant) -> Grant {
    grant.revoked = Some(Approval {
        by: "bench".into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "benchmark".into(),
        signature: None,
    });
    grant
}

/// Puts a whole grant in the other's place, as the command does.
fn put(folder: &Path, grant: &str) -> anyhow::Result<()> {
    let new = folder.join("grants/.new");
    std::fs::write(&new, grant)?;
    std::fs::rename(&new, folder.join(GRANT)).context("cannot replace the grant")
}

fn event(round: usize, n: usize) -> Value {
    let deed = if n.is_multiple_of(2) {
        json!({"do": "hammer", "connection": "api", "path": "/orders/7", "turns": 0})
    } else {
        json!({"do": "pour", "connection": "api", "path": "/orders/7/notes", "bytes": BODY})
    };
    json!({"specversion": "1.0", "type": "attack", "source": "/bench", "id": format!("{round}-{n}"), "data": deed})
}

async fn state(host: &Served) -> anyhow::Result<Value> {
    let systems = host.get("/api/systems").await?.context("no systems")?;
    let mut all = systems.as_array().into_iter().flatten();
    let attacker = all.find(|one| one["system"] == "attacker");
    attacker.cloned().context("the system is not there")
}

async fn until(what: &str, mut seen: impl FnMut() -> bool) -> anyhow::Result<()> {
    let start = Instant::now();
    while !seen() {
        if start.elapsed() > PATIENCE {
            bail!("waited in vain: {what}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// A server that reads all that comes as soon as it comes, answers whole requests, and knows when the last byte came.
struct Arrivals {
    address: SocketAddr,
    bytes: AtomicU64,
    last: AtomicU64,
    start: Instant,
}

// === impl Arrivals ===

impl Arrivals {
    async fn start() -> anyhow::Result<Arc<Self>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVED_AHEAD)?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(64)?;
        let server = Arc::new(Self {
            address: listener.local_addr()?,
            bytes: AtomicU64::new(0),
            last: AtomicU64::new(0),
            start: Instant::now(),
        });
        let serving = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&serving);
                // A connection that breaks off is what is measured here.
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        Ok(server)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn last_us(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Waits until nothing has come for a while.
    async fn quiet(&self) {
        let while_us = u64::try_from(QUIET.as_micros()).unwrap_or(u64::MAX);
        let begun = self.now_us();
        while self.now_us() < begun.max(self.last_us()).saturating_add(while_us) {
            tokio::time::sleep(POLL).await;
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        // Of the body of the request whose head was read.
        let mut left = 0_usize;
        let mut part = vec![0; 256 << 10];
        loop {
            let read = stream.read(&mut part).await?;
            if read == 0 {
                return Ok(());
            }
            self.bytes.fetch_add(read as u64, Ordering::Relaxed);
            self.last.fetch_max(self.now_us(), Ordering::Relaxed);
            let mut new = &part[..read];
            if left == 0 {
                head.extend_from_slice(new);
                let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                left = content_length(&head[..end + 4]).unwrap_or(0);
                let in_body = head.len() - (end + 4);
                new = &new[read - in_body.min(read)..];
                head.clear();
            }
            // One request at a time: what follows a head is its body.
            left -= new.len().min(left);
            if left == 0 {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                    .await?;
            }
        }
    }
}
