//! The senders: one per key, each sends its next event only when the one before was acknowledged and written down,
//! and repeats what was not. So the log's order within a key must be the numbers' order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tombolo_tests::site::TOKEN;

use crate::host::Host;
use crate::journal::{Entry, Journal};
use crate::sink::Sink;
use crate::site::{HOOK_TOKEN, LOADS, Load};

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
    host: Arc<Host>,
    journal: Arc<Journal>,
    sink: Arc<Sink>,
    random: fastrand::Rng,
    stopping: Arc<AtomicBool>,
}

/// Starts them.
pub(crate) fn start(
    seed: u64,
    host: &Arc<Host>,
    journal: &Arc<Journal>,
    sink: &Arc<Sink>,
) -> Senders {
    let stopping = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for load in &LOADS {
        for number in 0..load.keys {
            let sender = Sender {
                load,
                key: format!("k{number}"),
                host: Arc::clone(host),
                journal: Arc::clone(journal),
                sink: Arc::clone(sink),
                random: fastrand::Rng::with_seed(
                    seed ^ (u64::from(number) << 8) ^ load.flow.len() as u64,
                ),
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
                pause().await;
                continue;
            }
            let count = if self.load.by_hook {
                1
            } else {
                self.random.u64(1..4)
            };
            let entries: Vec<Entry> = (next..next + count)
                .map(|n| Entry {
                    flow: self.load.flow.to_owned(),
                    key: self.key.clone(),
                    n,
                })
                .collect();
            next += count;
            while !self.is_acknowledged(&entries).await {
                pause().await;
            }
            let journal = Arc::clone(&self.journal);
            tokio::task::spawn_blocking(move || journal.note(&entries))
                .await
                .expect("the journal can be written");
            if self.load.ahead == 0 {
                pause_long().await;
            }
        }
    }

    /// Whether the sink has seen enough of what was sent: backlogs stay short, so that the end comes soon.
    fn is_near(&self, next: u64) -> bool {
        self.load.ahead == 0 || self.sink.seen(self.load.flow, &self.key) + self.load.ahead >= next
    }

    /// One attempt. No answer, or one that asks to come again, is none.
    async fn is_acknowledged(&self, entries: &[Entry]) -> bool {
        let address = self.host.address().await;
        let request = if self.load.by_hook {
            let entry = &entries[0];
            let body =
                json!({"id": entry.id(), "flow": entry.flow, "key": entry.key, "n": entry.n});
            self.host
                .client
                .post(format!("http://{address}/hooks/source/post"))
                .header("content-type", "application/json")
                .header("x-token", HOOK_TOKEN)
                .body(body.to_string())
        } else {
            let events: Vec<_> = entries
                .iter()
                .map(|entry| {
                    json!({"specversion": "1.0", "id": entry.id(), "source": "/driver", "type": format!("load.{}", entry.flow),
                           "subject": entry.key, "data": {"n": entry.n}})
                })
                .collect();
            self.host
                .client
                .post(format!("http://{address}/events"))
                .header("content-type", "application/cloudevents-batch+json")
                .header("authorization", format!("Bearer {TOKEN}"))
                .body(json!(events).to_string())
        };
        let Ok(response) = request.send().await else {
            return false;
        };
        match response.status().as_u16() {
            200 | 202 => true,
            429 | 500..600 => false,
            status => panic!(
                "{}: answered {status}: {:?}",
                entries[0].id(),
                response.text().await
            ),
        }
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(3)).await; // reason: a pause between two looks at another process
}

async fn pause_long() {
    tokio::time::sleep(Duration::from_millis(200)).await; // reason: a slow sender
}
