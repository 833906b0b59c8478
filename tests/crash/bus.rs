//! The driver's side of the broker: tells it what becomes events, and hears what flows publish.
//!
//! What the broker acknowledged to the driver is acknowledged, for a subscriber was there: otherwise it says so, and the
//! sender tries again. The host's session is kept by the broker while the host is dead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tombolo_tests::broker::Broker;

use crate::answer::Answer;
use crate::record::{Door, Record};

/// How long the broker may take for anything: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Starts of a broker.
const ATTEMPTS: u32 = 3;
/// Where the driver hears itself.
const MARKERS: &str = "markers";

/// The broker, and a client of it.
pub(crate) struct Bus {
    pub(crate) broker: Broker,
    /// One message at a time, so that an acknowledgement is that message's.
    client: AsyncMutex<AsyncClient>,
    heard: Arc<Heard>,
}

/// What the client hears.
struct Heard {
    record: Arc<Record>,
    /// Acknowledgements so far, and the last one.
    acks: watch::Sender<(u64, Option<PubAckReason>)>,
    subscribed: watch::Sender<u32>,
    /// The last marker.
    marker: watch::Sender<u64>,
    problem: Mutex<Option<String>>,
}

impl Bus {
    /// Starts a broker and listens to it.
    pub(crate) async fn start(record: &Arc<Record>) -> anyhow::Result<Self> {
        let broker = broker()?;
        let mut options = MqttOptions::new("driver", "127.0.0.1", broker.port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, connection) = AsyncClient::new(options, 64);
        let heard = Arc::new(Heard {
            record: Arc::clone(record),
            acks: watch::Sender::default(),
            subscribed: watch::Sender::new(0),
            marker: watch::Sender::new(0),
            problem: Mutex::default(),
        });
        tokio::spawn(hear(connection, Arc::clone(&heard)));
        for topic in ["out/+", MARKERS] {
            client.subscribe(topic, QoS::AtLeastOnce).await?;
        }
        let mut subscribed = heard.subscribed.subscribe();
        let both = subscribed.wait_for(|count| *count == 2);
        tokio::time::timeout(PATIENCE, both)
            .await
            .context("the broker takes no subscription")??;
        Ok(Self {
            broker,
            client: AsyncMutex::new(client),
            heard,
        })
    }

    /// Whether the broker has it, for a subscriber.
    pub(crate) async fn tell(&self, topic: &str, body: &str) -> anyhow::Result<bool> {
        let client = self.client.lock().await;
        let mut acks = self.heard.acks.subscribe();
        let before = acks.borrow_and_update().0;
        client
            .publish(topic, QoS::AtLeastOnce, false, body.to_owned())
            .await?;
        let acked = acks.wait_for(|(count, _)| *count > before);
        let reason = match tokio::time::timeout(PATIENCE, acked).await {
            Ok(ack) => ack?.1,
            Err(_) => bail!(
                "the broker is silent: {:?}",
                self.heard.problem.lock().unwrap()
            ),
        };
        Ok(reason == Some(PubAckReason::Success))
    }

    /// Waits until all that was published before is in the record. What a dead host left in its connection is read by the
    /// broker in the round in which the first marker is, at the latest.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        for _ in 0..2 {
            let mut marker = self.heard.marker.subscribe();
            let next = *marker.borrow_and_update() + 1;
            self.tell(MARKERS, &next.to_string()).await?;
            let heard = marker.wait_for(|heard| *heard >= next);
            tokio::time::timeout(PATIENCE, heard)
                .await
                .context("the broker does not deliver")??;
        }
        Ok(())
    }
}

/// Starts one. Others look for a free port, too, and may have been faster.
fn broker() -> anyhow::Result<Broker> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..ATTEMPTS {
        if let Ok(broker) = std::panic::catch_unwind(Broker::mosquitto) {
            return Ok(broker);
        }
    }
    bail!("no broker could be started {ATTEMPTS} times")
}

/// Until the broker ends.
async fn hear(mut connection: EventLoop, heard: Arc<Heard>) {
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::PubAck(ack))) => heard
                .acks
                .send_modify(|(count, last)| (*count, *last) = (*count + 1, Some(ack.reason))),
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                heard.subscribed.send_modify(|count| *count += 1);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => note(&heard, &publish),
            Ok(_) => {}
            Err(error) => {
                *heard.problem.lock().unwrap() = Some(error.to_string());
                return;
            }
        }
    }
}

fn note(heard: &Heard, publish: &Publish) {
    let body = String::from_utf8_lossy(&publish.payload);
    if publish.topic == MARKERS {
        heard
            .marker
            .send_replace(body.parse().expect("a marker is a number"));
        return;
    }
    let sent = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let properties = publish.properties.as_ref();
    let key = properties
        .and_then(|properties| {
            let mut own = properties.user_properties.iter();
            own.find(|(name, _)| name == "message-id")
        })
        .map(|(_, key)| key.clone())
        .expect("every message carries its key");
    heard.record.note(sent, Door::Broker, key, Answer::Taken);
}
