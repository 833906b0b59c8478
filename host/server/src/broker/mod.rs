//! How brokers are spoken to: MQTT, AMQP 0.9.1, NATS. Publishing for the kernel's `broker` capability is here, and what
//! both directions share: connecting, delivering. What becomes of a delivered message is decided in `ingress/broker`.
//!
//! Credentials come from the site by reference and go nowhere but to their broker: no error shows one.

mod amqp;
mod mqtt;
mod nats;

use mqtt::{v4, v5};

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tombolo_kernel::capability::broker::{BrokerError, BrokerLink, Brokers};
use tombolo_kernel::system::{BrokerPlace, BrokerProtocol, MessageSource};

/// Connecting to a broker.
const CONNECT: Duration = Duration::from_secs(5);

/// A message that a broker delivered and waits to have acknowledged.
pub(crate) struct Delivery {
    /// What it was published to; for AMQP `EXCHANGE/ROUTING-KEY`.
    pub(crate) topic: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Raw.
    pub(crate) payload: Bytes,
    /// How it is acknowledged.
    pub(crate) ack: Ack,
}

/// How a message is acknowledged.
#[expect(
    non_camel_case_types,
    reason = "named like the modules that a macro makes"
)]
pub(crate) enum Ack {
    v4(v4::Ack),
    v5(v5::Ack),
    Amqp(lapin::Acker),
    Nats(async_nats::jetstream::message::Acker),
    /// Tests look at what was acknowledged.
    #[cfg(test)]
    Test(mpsc::UnboundedSender<()>),
}

impl Ack {
    /// Tells the broker that it need not keep the message. One that does not hear it delivers again.
    pub(crate) async fn give(self) {
        let given = match self {
            Self::v4(ack) => ack.give().await,
            Self::v5(ack) => ack.give().await,
            Self::Amqp(acker) => acker
                .ack(lapin::options::BasicAckOptions::default())
                .await
                .map(|_| ())
                .map_err(words),
            Self::Nats(acker) => acker.ack().await.map_err(words),
            #[cfg(test)]
            Self::Test(given) => given.send(()).map_err(words),
        };
        if let Err(error) = given {
            tracing::debug!(%error, "a message could not be acknowledged; it comes again");
        }
    }
}

/// Delivers messages until the connection breaks or nobody takes them any more; says why it ended. `id` names this
/// reader to the broker, always the same.
pub(crate) async fn listen(
    place: &BrokerPlace,
    from: &MessageSource,
    id: String,
    deliver: mpsc::Sender<Delivery>,
) -> String {
    match (place.protocol, from) {
        (BrokerProtocol::Mqtt5, MessageSource::Topic(filter)) => {
            v5::listen(place, id, filter, deliver).await
        }
        (BrokerProtocol::Mqtt311, MessageSource::Topic(filter)) => {
            v4::listen(place, id, filter, deliver).await
        }
        (BrokerProtocol::Amqp, MessageSource::Queue(queue)) => {
            amqp::listen(place, id, queue, deliver).await
        }
        (BrokerProtocol::Nats, MessageSource::Stream { stream, topic }) => {
            nats::listen(place, id, stream, topic, deliver).await
        }
        // The site's check refuses it.
        _ => "this broker has no such source of messages".to_owned(),
    }
}

/// Speaks to brokers.
pub(crate) struct Links;

impl Brokers for Links {
    fn link(&self, place: &BrokerPlace) -> Arc<dyn BrokerLink> {
        let place = place.clone();
        match place.protocol {
            BrokerProtocol::Mqtt5 => Arc::new(v5::Link::new(place)),
            BrokerProtocol::Mqtt311 => Arc::new(v4::Link::new(place)),
            BrokerProtocol::Amqp => Arc::new(amqp::Link::new(place)),
            BrokerProtocol::Nats => Arc::new(nats::Link::new(place)),
        }
    }
}

/// Host and port; the port is the protocol's own where the address has none.
pub(crate) fn host_and_port(place: &BrokerPlace) -> (String, u16) {
    let default = match place.url.scheme() {
        "mqtt" => 1883,
        "mqtts" => 8883,
        "amqp" => 5672,
        "amqps" => 5671,
        _ => 4222,
    };
    let host = place.url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host.to_owned(), place.url.port().unwrap_or(default))
}

/// The password as text; brokers take no other.
pub(crate) fn password(place: &BrokerPlace) -> String {
    let secret = place.password.as_ref().map(|password| password.expose());
    String::from_utf8_lossy(secret.unwrap_or_default()).into_owned()
}

/// `unreachable`, with the words of a library, cut to one short line.
fn unreachable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unreachable(words(error))
}

/// A library's words in one short line.
pub(crate) fn words(error: impl std::fmt::Display) -> String {
    const SHOWN: usize = 200;
    error
        .to_string()
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
