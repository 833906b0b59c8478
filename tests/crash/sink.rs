//! The system at the other end: an HTTP server that fails by the seed and writes down what arrives. It also serves the
//! rows that a feed reads.
//!
//! It counts the connections it still reads: after a kill the driver waits until there are none, so that nothing of
//! the dead host can arrive behind the next one's requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::answer::{Answer, Chances};
use crate::loads::{self, Fate};
use crate::record::{Door, Record, Sent};
use crate::source::Source;

/// How long connections of a dead process may take to end: far above what it takes.
const ENDING: Duration = Duration::from_secs(10);

/// The server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    record: Arc<Record>,
    source: Arc<Source>,
    mood: Mutex<Mood>,
    connections: watch::Sender<u32>,
}

/// How it behaves now.
struct Mood {
    random: fastrand::Rng,
    /// Everything is taken.
    healed: bool,
    /// Everything at the shaky door fails until then.
    down: Option<Instant>,
}

impl Sink {
    /// Serves until the runtime ends. `calm`: without failures.
    pub(crate) async fn start(
        seed: u64,
        calm: bool,
        record: &Arc<Record>,
        source: &Arc<Source>,
    ) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Arc::new(Self {
            address: listener.local_addr()?,
            record: Arc::clone(record),
            source: Arc::clone(source),
            mood: Mutex::new(Mood {
                random: fastrand::Rng::with_seed(seed ^ 0x5114),
                healed: calm,
                down: None,
            }),
            connections: watch::Sender::new(0),
        });
        let serving = Arc::clone(&sink);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = Arc::clone(&serving);
                sink.connections.send_modify(|count| *count += 1);
                tokio::spawn(async move {
                    let mut last = None;
                    // A connection that breaks is one of the things that happen here.
                    let _ = sink.serve(stream, &mut last).await;
                    if let Some(last) = last {
                        sink.record.give_up(last);
                    }
                    sink.connections.send_modify(|count| *count -= 1);
                });
            }
        });
        Ok(sink)
    }

    /// From now on everything is taken that need not be refused.
    pub(crate) fn heal(&self) {
        self.mood.lock().unwrap().healed = true;
    }

    /// Waits until no connection is open: all that its peers sent was read.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let mut connections = self.connections.subscribe();
        let none = connections.wait_for(|count| *count == 0);
        tokio::time::timeout(ENDING, none)
            .await
            .context("connections of the dead host stay open")??;
        Ok(())
    }

    /// Answers requests until the connection ends; `last` is the record's number of the last one.
    async fn serve(&self, mut stream: TcpStream, last: &mut Option<usize>) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let Some((head, length)) = whole_request(&buffer) else {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let target = target(&buffer[..head]);
            let answer = if let Some(query) = target.strip_prefix("/rows") {
                self.rows(query, &mut stream).await?
            } else {
                let body = &buffer[head..head + length];
                let (number, answer) = self.note(target, &buffer[..head], body);
                *last = Some(number);
                if let Some(bytes) = answer.bytes() {
                    stream.write_all(bytes).await?;
                }
                answer
            };
            buffer.drain(..head + length);
            if answer == Answer::Hang {
                // Until the caller goes away.
                while stream.read_buf(&mut buffer).await? > 0 {}
            }
            if answer.ends_connection() {
                return Ok(());
            }
        }
    }

    /// One request of a flow.
    fn note(&self, target: &str, head: &[u8], body: &[u8]) -> (usize, Answer) {
        let sent: Sent = serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
        let key = header(head, "idempotency-key").expect("every call carries its key");
        let by_chance = loads::find(&sent.flow)
            .is_some_and(|load| matches!(load.fate, Fate::Chance | Fate::Late));
        let chances = Chances {
            refuse: by_chance,
            trap: target == "/traps",
        };
        let mut answer = self
            .mood
            .lock()
            .unwrap()
            .answer(chances, target == "/shaky");
        if sent.refuse && answer == Answer::Taken {
            answer = Answer::Refused;
        }
        let number = self.record.note(sent, Door::Sink, key.to_owned(), answer);
        (number, answer)
    }

    /// One page of the feed.
    async fn rows(&self, query: &str, stream: &mut TcpStream) -> std::io::Result<Answer> {
        let number = |name: &str| {
            let mut fields = query.trim_start_matches('?').split('&');
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        let page = self
            .source
            .page(number("after").unwrap_or(0), number("limit").unwrap_or(1));
        let answer = self.mood.lock().unwrap().answer(Chances::default(), false);
        if answer == Answer::Taken {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                page.len()
            );
            stream.write_all((head + &page).as_bytes()).await?;
        } else if let Some(bytes) = answer.bytes() {
            stream.write_all(bytes).await?;
        }
        Ok(answer)
    }
}

impl Mood {
    fn answer(&mut self, chances: Chances, is_shaky: bool) -> Answer {
        if self.healed {
            return Answer::Taken;
        }
        if is_shaky {
            let now = Instant::now();
            if self.random.u32(0..150) == 0 {
                self.down = Some(now + Duration::from_millis(self.random.u64(20..600)));
            }
            if self.down.is_some_and(|until| now < until) {
                return Answer::Unavailable;
            }
        }
        Answer::choose(&mut self.random, chances)
    }
}

/// Where the body begins and how long it is, once all of it is there.
fn whole_request(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let length = header(&buffer[..head], "content-length")
        .map_or(0, |length| length.parse().expect("a length is a number"));
    (buffer.len() >= head + length).then_some((head, length))
}

/// Path and query.
fn target(head: &[u8]) -> &str {
    let line = head.split(|byte| *byte == b'\r').next();
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    line.and_then(|line| line.split(' ').nth(1)).unwrap_or("")
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    std::str::from_utf8(head)
        .ok()?
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
