//! The sender: signed posts over keep-alive connections, as fast as there is room or at a fixed rate.
//!
//! Requests are made and signed before the clock starts, so that the sender's own work is a write and a read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sink::{Sink, content_length};

/// The shared secret of sender and receiver, as Standard Webhooks writes it.
pub(crate) const SECRET: &str = "whsec_YmVuY2htYXJrLXNlY3JldC0wMTIzNDU2Nzg5";
/// The path that both programs serve.
pub(crate) const PATH: &str = "/hooks/source/post";
/// Customers, one after another: event `n` and event `n + LANES` are of the same.
pub(crate) const LANES: usize = 1_000;
const CONNECTIONS: usize = 64;

/// Signed requests, numbered from `first`.
pub(crate) fn requests(first: usize, count: usize) -> Vec<Vec<u8>> {
    let secret = STANDARD
        .decode(&SECRET["whsec_".len()..])
        .unwrap_or_default();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
    let timestamp = jiff::Timestamp::now().as_second();
    (first..first + count)
        .map(|n| request(&key, timestamp, n))
        .collect()
}

/// The body of event `n`, about 500 bytes.
pub(crate) fn body(n: usize) -> String {
    format!(
        r#"{{"type":"order.placed","id":"o-{n}","n":{n},"at":"2026-11-22T10:00:00Z","customer":{{"id":"c-{c}","name":"Nova Maschinenbau GmbH","city":"Hamburg"}},"lines":[{{"sku":"WID-1","quantity":12,"price":"10.50"}},{{"sku":"WID-2","quantity":3,"price":"99.00"}},{{"sku":"BRG-7","quantity":1,"price":"1250.00"}}],"amount":1673,"currency":"EUR","note":"Please deliver to gate 4 before noon, the yard is closed in the afternoon; call the shift leader on arrival.","channel":"shop","priority":2,"tags":["new","export"]}}"#,
        c = n % LANES
    )
}

fn request(key: &ring::hmac::Key, timestamp: i64, n: usize) -> Vec<u8> {
    let body = body(n);
    let tag = ring::hmac::sign(key, format!("msg_{n}.{timestamp}.{body}").as_bytes());
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nwebhook-id: msg_{n}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,{}\r\ncontent-length: {}\r\n\r\n{body}",
        STANDARD.encode(tag),
        body.len(),
    )
    .into_bytes()
}

/// How requests are paced.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As fast as the sink's room allows.
    Full,
    /// So many a second, whatever comes back.
    PerSecond(f64),
}

/// Sends all `requests`; returns when each was sent, in the sink's microseconds.
pub(crate) async fn send(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    pace: Pace,
    sink: &Arc<Sink>,
) -> anyhow::Result<Vec<u64>> {
    let total = requests.len();
    let shared = Arc::new(Shared {
        sent: (0..total).map(|_| AtomicU64::new(0)).collect(),
        requests,
        next: AtomicUsize::new(0),
        start_us: sink.now_us(),
        pace,
    });
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (shared, sink) = (Arc::clone(&shared), Arc::clone(sink));
        senders.spawn(async move { shared.run(address, &sink).await });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(shared
        .sent
        .iter()
        .map(|at| at.load(Ordering::Relaxed))
        .collect())
}

struct Shared {
    requests: Vec<Vec<u8>>,
    sent: Vec<AtomicU64>,
    next: AtomicUsize,
    start_us: u64,
    pace: Pace,
}

impl Shared {
    async fn run(&self, address: SocketAddr, sink: &Sink) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(address)
            .await
            .context("the server under test does not answer")?;
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4 << 10);
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(index) else {
                return Ok(());
            };
            let due = self.wait_for_turn(index, sink).await?;
            self.sent[index].store(due, Ordering::Relaxed);
            loop {
                stream.write_all(request).await?;
                match read_status(&mut stream, &mut buffer).await? {
                    200..=299 => break,
                    503 => tokio::time::sleep(Duration::from_millis(20)).await,
                    status => bail!(
                        "the server under test answered {status}: {}",
                        String::from_utf8_lossy(&buffer)
                    ),
                }
            }
        }
    }

    /// When the request is due: at a fixed rate the plan counts, so that a late sender does not hide a wait.
    async fn wait_for_turn(&self, index: usize, sink: &Sink) -> anyhow::Result<u64> {
        match self.pace {
            Pace::Full => {
                sink.room.acquire().await?.forget();
                Ok(sink.now_us())
            }
            Pace::PerSecond(rate) => {
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "microseconds of a minute"
                )]
                let due = self.start_us + (index as f64 * 1e6 / rate) as u64;
                let now = sink.now_us();
                if due > now {
                    tokio::time::sleep(Duration::from_micros(due - now)).await;
                }
                Ok(due)
            }
        }
    }
}

/// Reads one whole response, returns its status and leaves its text in `buffer` until the next.
async fn read_status(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server under test closed the connection");
        }
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        if buffer.len() >= head + 4 + content_length(&buffer[..head + 4]).unwrap_or(0) {
            let status = std::str::from_utf8(buffer.get(9..12).context("no status line")?)?;
            return Ok(status.parse()?);
        }
    }
}
