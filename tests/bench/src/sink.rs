//! The place where events end up: a bare HTTP/1.1 server that notes when each number arrived.
//!
//! Hand-written on purpose: what it costs is taken from what is measured, so it does nothing it need not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

/// What arrived when, in microseconds since `start`, by the number in the body (`"n":123`).
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Zero: not yet.
    arrived: Vec<AtomicU64>,
    count: AtomicU64,
    start: Instant,
    changed: Notify,
    /// One permit for each event that may be under way; given back on arrival.
    pub(crate) room: Semaphore,
}

impl Sink {
    /// Listens on a free loopback port with space for `most` events.
    pub(crate) async fn start(most: usize, room: usize) -> anyhow::Result<Arc<Self>> {
        Self::start_at(0, most, room).await
    }

    /// The same on one port.
    pub(crate) async fn start_at(port: u16, most: usize, room: usize) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let sink = Arc::new(Self {
            address: listener.local_addr()?,
            arrived: (0..most).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU64::new(0),
            start: Instant::now(),
            changed: Notify::new(),
            room: Semaphore::new(room),
        });
        let serving = Arc::clone(&sink);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = Arc::clone(&serving);
                tokio::spawn(async move { sink.serve(stream).await });
            }
        });
        Ok(sink)
    }

    /// Microseconds since the sink started.
    pub(crate) fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// When number `n` arrived, if it did.
    pub(crate) fn arrival_us(&self, n: usize) -> Option<u64> {
        self.arrived
            .get(n)
            .map(|at| at.load(Ordering::Relaxed))
            .filter(|at| *at != 0)
    }

    /// How many different numbers have arrived.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until `count` different numbers have arrived.
    pub(crate) async fn wait_for(&self, count: u64) {
        loop {
            let changed = self.changed.notified();
            if self.count.load(Ordering::Acquire) >= count {
                return;
            }
            changed.await;
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(16 << 10);
        loop {
            let Some((head, length)) = whole_request(&buffer) else {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            self.note(&buffer[head..head + length]);
            buffer.drain(..head + length);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}").await?;
        }
    }

    fn note(&self, body: &[u8]) {
        let Some(n) = number_in(body) else { return };
        let Some(slot) = self.arrived.get(n) else {
            return;
        };
        if slot
            .compare_exchange(
                0,
                self.now_us().max(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
        {
            self.count.fetch_add(1, Ordering::AcqRel);
            self.room.add_permits(1);
            self.changed.notify_waiters();
        }
    }
}

/// Where the body begins and how long it is, once all of it is there.
fn whole_request(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = content_length(&buffer[..head]).unwrap_or(0);
    (buffer.len() >= head + length).then_some((head, length))
}

/// The length a message's head names.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let at = head
        .windows(NAME.len())
        .position(|part| part.eq_ignore_ascii_case(NAME))?
        + NAME.len();
    let digits = head[at..].trim_ascii_start();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

fn number_in(body: &[u8]) -> Option<usize> {
    let at = body.windows(4).position(|part| part == b"\"n\":")? + 4;
    let digits = body[at..].trim_ascii_start();
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// A free loopback port. Another process could take it in between; a benchmark may then be started again.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")
        .context("no free loopback port")?
        .local_addr()?
        .port())
}
