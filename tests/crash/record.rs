//! What arrived, at the sink or over the broker, in order, and what it was answered. Kept for one site's life, which
//! [`MOST`] bounds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Mutex;

use serde::Deserialize;
use tokio::sync::watch;

use crate::answer::Answer;

/// Arrivals of one site before the driver goes on with the next: about 150 MiB of them.
pub(crate) const MOST: usize = 500_000;

/// What the flows send: who, which event of the lane, which step.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) flow: String,
    pub(crate) key: String,
    pub(crate) n: u64,
    pub(crate) step: u32,
    /// Which item, inside `each`.
    #[serde(default)]
    pub(crate) item: Option<String>,
    /// To be refused for good.
    #[serde(default)]
    pub(crate) refuse: bool,
}

impl Sent {
    /// The step as the table of loads names it.
    pub(crate) fn place(&self) -> String {
        match &self.item {
            None => self.step.to_string(),
            Some(item) => format!("{}/{item}", self.step),
        }
    }
}

/// Where it arrived. Only within one of them there is an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    Sink,
    Broker,
}

/// One request or message.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) sent: Sent,
    pub(crate) door: Door,
    pub(crate) idempotency_key: String,
    pub(crate) answer: Answer,
    /// In which of the host's lives, from 1.
    pub(crate) life: u32,
    /// The caller was gone after the answer: whether it had it, nobody knows.
    pub(crate) given_up: bool,
}

/// The record while it grows.
#[derive(Default)]
pub(crate) struct Record {
    inside: Mutex<Inside>,
    count: watch::Sender<u64>,
}

#[derive(Default)]
struct Inside {
    life: u32,
    arrivals: Vec<Arrival>,
    /// The newest event of each flow and key.
    seen: HashMap<(String, String), u64>,
}

impl Record {
    /// Adds one; returns its number.
    pub(crate) fn note(&self, sent: Sent, door: Door, key: String, answer: Answer) -> usize {
        let mut inside = self.inside.lock().unwrap();
        let seen = inside
            .seen
            .entry((sent.flow.clone(), sent.key.clone()))
            .or_default();
        *seen = sent.n.max(*seen);
        let life = inside.life;
        inside.arrivals.push(Arrival {
            sent,
            door,
            idempotency_key: key,
            answer,
            life,
            given_up: false,
        });
        self.count.send_modify(|count| *count += 1);
        inside.arrivals.len() - 1
    }

    /// The caller went away after this one.
    pub(crate) fn give_up(&self, number: usize) {
        self.inside.lock().unwrap().arrivals[number].given_up = true;
    }

    /// The host starts again: nothing of its life before can arrive any more.
    pub(crate) fn next_life(&self) {
        self.inside.lock().unwrap().life += 1;
    }

    /// Everything so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.inside.lock().unwrap().arrivals.clone()
    }

    /// One line for each, for who looks for the reason of a failure.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for arrival in &self.inside.lock().unwrap().arrivals {
            let sent = &arrival.sent;
            writeln!(
                file,
                "life {} {} {} event {} step {} {:?} {}",
                arrival.life,
                sent.flow,
                sent.key,
                sent.n,
                sent.place(),
                arrival.answer,
                arrival.idempotency_key
            )?;
        }
        file.flush()
    }

    /// The newest event of a flow and key that arrived; 0 for none.
    pub(crate) fn seen(&self, flow: &str, key: &str) -> u64 {
        let name = (flow.to_owned(), key.to_owned());
        let inside = self.inside.lock().unwrap();
        inside.seen.get(&name).copied().unwrap_or(0)
    }

    /// How many arrived, as it changes.
    pub(crate) fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// Whether it is as large as it may get.
    pub(crate) fn is_full(&self) -> bool {
        self.inside.lock().unwrap().arrivals.len() >= MOST
    }
}
