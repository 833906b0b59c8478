//! The system at the other end: an HTTP server that fails by the seed and writes down what arrives.
//!
//! It counts the connections it still reads: after a kill the driver waits until there are none, so that nothing of
//! the dead host can arrive behind the next one's requests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::arrivals::{Answer, Arrival, Sent};

/// The server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    inside: Mutex<Inside>,
    connections: watch::Sender<u32>,
    arrived: watch::Sender<u64>,
}

struct Inside {
    random: fastrand::Rng,
    healed: bool,
    arrivals: Vec<Arrival>,
    /// The newest event of each flow and key.
    seen: HashMap<(String, String), u64>,
}

impl Sink {
    pub(crate) async fn start(seed: u64) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Arc::new(Self {
            address: listener.local_addr()?,
            inside: Mutex::new(Inside {
                random: fastrand::Rng::with_seed(seed ^ 0x5114),
                healed: false,
                arrivals: Vec::new(),
                seen: HashMap::new(),
            }),
            connections: watch::Sender::new(0),
            arrived: watch::Sender::new(0),
        });
        let serving = Arc::clone(&sink);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = Arc::clone(&serving);
                sink.connections.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    // A connection that breaks is one of the things that happen here.
                    let _ = sink.serve(stream).await;
                    sink.connections.send_modify(|count| *count -= 1);
                });
            }
        });
        Ok(sink)
    }

    /// From now on everything is taken.
    pub(crate) fn heal(&self) {
        self.inside.lock().unwrap().healed = true;
    }

    /// Everything so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.inside.lock().unwrap().arrivals.clone()
    }

    /// The newest event of a flow and key that arrived; 0 for none.
    pub(crate) fn seen(&self, flow: &str, key: &str) -> u64 {
        let name = (flow.to_owned(), key.to_owned());
        self.inside
            .lock()
            .unwrap()
            .seen
            .get(&name)
            .copied()
            .unwrap_or(0)
    }

    /// How many requests arrived, as it changes.
    pub(crate) fn arrived(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }

    /// Waits until no connection is open: all that its peers sent was read.
    pub(crate) async fn quiet(&self) {
        // The sender lives as long as this value.
        let _ = self
            .connections
            .subscribe()
            .wait_for(|count| *count == 0)
            .await;
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let Some((head, length)) = whole_request(&buffer) else {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let answer = self.note(&buffer[..head], &buffer[head..head + length]);
            buffer.drain(..head + length);
            match answer.bytes() {
                Some(bytes) => stream.write_all(bytes).await?,
                // Until the caller goes away.
                None => while stream.read_buf(&mut buffer).await? > 0 {},
            }
            if matches!(answer, Answer::Cut | Answer::Hang) {
                return Ok(());
            }
        }
    }

    fn note(&self, head: &[u8], body: &[u8]) -> Answer {
        let mut inside = self.inside.lock().unwrap();
        let answer = if inside.healed {
            Answer::Taken
        } else {
            Answer::choose(&mut inside.random)
        };
        let sent: Sent = serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
        let idempotency_key = header(head, "idempotency-key")
            .expect("every call carries its key")
            .to_owned();
        let name = (sent.flow.clone(), sent.key.clone());
        let seen = inside.seen.entry(name).or_default();
        *seen = sent.n.max(*seen);
        inside.arrivals.push(Arrival {
            sent,
            idempotency_key,
            answer,
        });
        self.arrived.send_modify(|count| *count += 1);
        answer
    }
}

/// Where the body begins and how long it is, once all of it is there.
fn whole_request(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = header(&buffer[..head], "content-length")
        .map_or(0, |length| length.parse().expect("a length is a number"));
    (buffer.len() >= head + length).then_some((head, length))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    std::str::from_utf8(head)
        .ok()?
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
