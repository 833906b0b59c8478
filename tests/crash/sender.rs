//! The senders: one per key, each sends its next event only when the one before was acknowledged and written down,
//! and repeats what was not. So the log's order within a key must be the numbers' order. Events that a run waits for are
//! sent with its own event, right behind it, or later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tombolo_tests::site::TOKEN;

use crate::bus::Bus;
use crate::host::Host;
use crate::journal::{Entry, Journal};
use crate::loads::{ITEMS, LOADS, Load, Way};
use crate::record::Record;
use crate::site::HOOK_TOKEN;
use crate::wires::Wires;

/// Whom the senders talk to, and where they write.
pub(crate) struct Ends {
    pub(crate) host: Arc<Host>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) wires: Arc<Wires>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) record: Arc<Record>,
}

/// All senders.
pub(crate) struct Senders {
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Senders {
    /// Lets each finish the event it has in hand.
    pub(crate) async fn stop(mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a sender does not panic");
        }
    }
}

struct Sender {
    load: &'static Load,
    key: String,
    ends: Arc<Ends>,
    random: fastrand::Rng,
    stopping: Arc<AtomicBool>,
}

/// Starts them.
pub(crate) fn start(seed: u64, ends: Ends) -> Senders {
    let ends = Arc::new(ends);
    let stopping = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let mut random = fastrand::Rng::with_seed(seed ^ 0x10ad);
    for load in LOADS.iter().filter(|load| load.way != Way::Feed) {
        for number in 0..load.keys {
            let sender = Sender {
                load,
                key: format!("k{number}"),
                ends: Arc::clone(&ends),
                random: random.fork(),
                stopping: Arc::clone(&stopping),
            };
            tasks.spawn(sender.run());
        }
    }
    Senders { stopping, tasks }
}

impl Sender {
    async fn run(mut self) {
        let mut next = 1;
        while !self.stopping.load(Ordering::SeqCst) {
            if !self.is_near(next) {
                pause(3).await;
                continue;
            }
            let count = match self.load.way {
                Way::Published => self.random.u64(1..4),
                _ => 1,
            };
            let entries: Vec<Entry> = (next..next + count)
                .map(|n| Entry {
                    flow: self.load.flow.to_owned(),
                    key: self.key.clone(),
                    n,
                })
                .collect();
            next += count;
            self.send(&entries).await;
            self.ends.journal.note(&entries);
            if self.load.is_parked() {
                pause(200).await;
            }
        }
    }

    /// Whether the sink has seen enough of what was sent: backlogs stay short, so that the end comes soon.
    fn is_near(&self, next: u64) -> bool {
        let seen = self.ends.record.seen(self.load.flow, &self.key);
        self.load.is_parked() || seen + self.load.ahead >= next
    }

    /// Returns when all is acknowledged.
    async fn send(&mut self, entries: &[Entry]) {
        let mut events: Vec<Value> = entries
            .iter()
            .map(|entry| {
                event(
                    &entry.id(),
                    self.load.flow,
                    &entry.key,
                    &data(self.load, entry),
                )
            })
            .collect();
        let mut ends: Vec<Value> = entries
            .iter()
            .flat_map(|entry| self.load.awaited(entry))
            .map(|name| {
                event(
                    &format!("{name}/end"),
                    "ended",
                    &self.key,
                    &json!({ "ends": name }),
                )
            })
            .collect();
        self.random.shuffle(&mut ends);
        // What runs wait for may be in the log with them, right behind them, or come when they wait already.
        let when = self.random.u32(0..3);
        if when == 0 {
            events.append(&mut ends);
        }
        while !self.is_acknowledged(entries, &events).await {
            pause(3).await;
        }
        if when == 1 {
            pause(self.random.u64(1..60)).await;
        }
        while !ends.is_empty() {
            let count = self.random.usize(1..=ends.len());
            let some: Vec<Value> = ends.drain(..count).collect();
            while !self.is_taken(self.published(&some).await).await {
                pause(3).await;
            }
        }
    }

    /// One attempt. No answer, or one that asks to come again, is none.
    async fn is_acknowledged(&self, entries: &[Entry], events: &[Value]) -> bool {
        match self.load.way {
            Way::Published => self.is_taken(self.published(events).await).await,
            Way::Hook => self.is_taken(self.posted(&entries[0]).await).await,
            Way::Broker => {
                let body = self.body(&entries[0]).to_string();
                let told = self.ends.bus.tell(&format!("in/{}", self.key), &body).await;
                told.expect("the broker outlives the host")
            }
            Way::Queue => {
                let body = self.body(&entries[0]).to_string();
                let told = self.ends.wires.queue(&body).await;
                told.expect("RabbitMQ outlives the host")
            }
            Way::Stream => {
                let body = self.body(&entries[0]).to_string();
                let told = self.ends.wires.stream(&self.key, &body).await;
                told.expect("nats-server outlives the host")
            }
            Way::Feed => unreachable!("a feed is read"),
        }
    }

    async fn published(&self, events: &[Value]) -> reqwest::RequestBuilder {
        let address = self.ends.host.address().await;
        let client = &self.ends.host.client;
        client
            .post(format!("http://{address}/events"))
            .header("content-type", "application/cloudevents-batch+json")
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(json!(events).to_string())
    }

    async fn posted(&self, entry: &Entry) -> reqwest::RequestBuilder {
        let address = self.ends.host.address().await;
        let client = &self.ends.host.client;
        client
            .post(format!("http://{address}/hooks/source/post"))
            .header("content-type", "application/json")
            .header("x-token", HOOK_TOKEN)
            .body(self.body(entry).to_string())
    }

    /// An event as hooks get it.
    fn body(&self, entry: &Entry) -> Value {
        let mut body = data(self.load, entry);
        body["id"] = json!(entry.id());
        body["flow"] = json!(entry.flow);
        body["key"] = json!(entry.key);
        body
    }

    async fn is_taken(&self, request: reqwest::RequestBuilder) -> bool {
        let Ok(response) = request.send().await else {
            return false;
        };
        match response.status().as_u16() {
            200 | 202 => true,
            429 | 500..600 => false,
            status => panic!(
                "{} {}: answered {status}: {:?}",
                self.load.flow,
                self.key,
                response.text().await
            ),
        }
    }
}

/// What every event says.
pub(crate) fn data(load: &Load, entry: &Entry) -> Value {
    json!({ "n": entry.n, "items": ITEMS, "refuse": load.is_refused(entry.n) })
}

fn event(id: &str, kind: &str, key: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/driver", "type": format!("load.{kind}"), "subject": key, "data": data })
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await; // reason: a pause between two looks at another process
}
