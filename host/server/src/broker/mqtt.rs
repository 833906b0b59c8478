//! MQTT 5 and 3.1.1. The library has the two apart, with the same shape, so this is written once and made twice.
//!
//! A message counts as published when its acknowledgement came. The library does not say which of its requests that was,
//! but it sends them in order: the identifier of each is told as it leaves.

use std::sync::Arc;

use rumqttc::Transport;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tombolo_kernel::system::BrokerPlace;

use super::words;

/// Largest packet: a message of 1 MiB with its topic and properties.
const PACKET: u32 = (1 << 20) + (128 << 10);

/// Where the message is that a broker has no room for. The library takes its answer for a broken connection.
enum TooLarge {
    /// The oldest that was sent: acknowledgements come in the order of the messages.
    Sent,
    /// The next to be sent: the broker said beforehand how much it takes.
    Unsent,
}

/// With TLS where the address says so.
fn transport(place: &BrokerPlace) -> Result<Transport, String> {
    if place.url.scheme() != "mqtts" {
        return Ok(Transport::Tcp);
    }
    let config = rustls::ClientConfig::with_platform_verifier().map_err(words)?;
    Ok(Transport::tls_with_config(
        rumqttc::TlsConfiguration::Rustls(Arc::new(config)),
    ))
}

macro_rules! mqtt {
    ($version:ident, [$($library:ident)::+], [$($packets:ident)::+], $($own:item)+) => {
        /// One version of the protocol.
        pub(crate) mod $version {
            use std::collections::VecDeque;
            use std::time::Duration;

            use futures_util::future::BoxFuture;
            use parking_lot::Mutex;
            use rumqttc::Outgoing;
            use tokio::sync::{mpsc, oneshot};
            use tombolo_kernel::capability::broker::{BrokerError, BrokerLink, Message};
            use tombolo_kernel::limits;
            use tombolo_kernel::system::BrokerPlace;

            use super::super::{Delivery, host_and_port, password, unreachable, words};
            use super::{PACKET, TooLarge, transport};
            use $($library)::+ as library;
            use $($packets)::+ as packets;
            use library::mqttbytes::QoS;
            use library::{AsyncClient, Event, MqttOptions};
            use packets::{Packet, SubscribeReasonCode};

            type Waiting = oneshot::Sender<Result<(), BrokerError>>;
            type Order = (Message, Waiting);

            /// Publishes on one connection, which a task of its own keeps.
            pub(crate) struct Link {
                place: BrokerPlace,
                orders: Mutex<Option<mpsc::Sender<Order>>>,
            }

            impl Link {
                pub(crate) fn new(place: BrokerPlace) -> Self {
                    Self {
                        place,
                        orders: Mutex::new(None),
                    }
                }

                /// The task's door; a task that ended with its connection is replaced.
                fn door(&self) -> Result<mpsc::Sender<Order>, BrokerError> {
                    let mut orders = self.orders.lock();
                    if let Some(door) = orders.as_ref().filter(|door| !door.is_closed()) {
                        return Ok(door.clone());
                    }
                    let id = tombolo_kernel::clock::new_id(0);
                    let options = options(&self.place, format!("tombolo-{id}"), true)
                        .map_err(BrokerError::Unreachable)?;
                    let (door, inside) = mpsc::channel(limits::PUBLISHING);
                    tokio::spawn(keep(options, inside));
                    *orders = Some(door.clone());
                    Ok(door)
                }
            }

            impl BrokerLink for Link {
                fn publish(&self, message: Message) -> BoxFuture<'_, Result<(), BrokerError>> {
                    Box::pin(async move {
                        let (waiting, published) = oneshot::channel();
                        let full = || unreachable("too many messages wait for this broker");
                        self.door()?
                            .try_send((message, waiting))
                            .map_err(|_| full())?;
                        let lost = || Err(unreachable("the connection broke off"));
                        published.await.unwrap_or_else(|_| lost())
                    })
                }
            }

            /// Sends what is ordered until the connection breaks or nobody has ordered anything for a while.
            async fn keep(options: MqttOptions, mut orders: mpsc::Receiver<Order>) {
                const IDLE: Duration = Duration::from_secs(60);
                let (client, mut connection) = AsyncClient::new(options, limits::PUBLISHING);
                // Handed to the library; sent and not acknowledged.
                let mut handed: VecDeque<Waiting> = VecDeque::new();
                let mut sent: VecDeque<(u16, Waiting)> = VecDeque::new();
                let mut quiet = tokio::time::Instant::now();
                let failure = loop {
                    tokio::select! {
                        order = orders.recv(), if handed.len() < limits::PUBLISHING / 2 => {
                            let Some((message, waiting)) = order else { return };
                            quiet = tokio::time::Instant::now();
                            match with(&client, message).await {
                                Ok(()) => handed.push_back(waiting),
                                Err(error) => { let _ = waiting.send(Err(unreachable(error))); }
                            }
                        }
                        event = connection.poll() => match event {
                            Ok(Event::Outgoing(Outgoing::Publish(id))) => {
                                sent.extend(handed.pop_front().map(|waiting| (id, waiting)));
                            }
                            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                                let place = sent.iter().position(|(id, _)| *id == ack.pkid);
                                if let Some((_, waiting)) = place.and_then(|place| sent.remove(place)) {
                                    let _ = waiting.send(acked(&ack));
                                }
                            }
                            Ok(_) => {
                                if sent.is_empty() && handed.is_empty() && quiet.elapsed() > IDLE {
                                    return;
                                }
                            }
                            Err(error) => {
                                let refused = match too_large(&error) {
                                    Some(TooLarge::Sent) => sent.pop_front().map(|(_, waiting)| waiting),
                                    Some(TooLarge::Unsent) => handed.pop_front(),
                                    None => None,
                                };
                                if let Some(waiting) = refused {
                                    let why = "the message is larger than this broker takes; send less at a time, or have it take more";
                                    let _ = waiting.send(Err(BrokerError::Refused(why.to_owned())));
                                }
                                break unreachable(error);
                            }
                        }
                    }
                };
                for waiting in sent.into_iter().map(|(_, waiting)| waiting).chain(handed) {
                    let _ = waiting.send(Err(failure.clone()));
                }
                orders.close();
                while let Some((_, waiting)) = orders.recv().await {
                    let _ = waiting.send(Err(failure.clone()));
                }
            }

            /// An acknowledgement that is still to be given.
            pub(crate) struct Ack(AsyncClient, packets::Publish);

            impl Ack {
                pub(crate) async fn give(self) -> Result<(), String> {
                    self.0.ack(&self.1).await.map_err(words)
                }
            }

            /// Delivers the messages of a topic filter until the connection breaks; says why it did. The session stays
            /// with the broker, and what was not acknowledged comes again.
            pub(crate) async fn listen(
                place: &BrokerPlace,
                id: String,
                filter: &str,
                deliver: mpsc::Sender<Delivery>,
            ) -> String {
                let mut options = match options(place, id, false) {
                    Ok(options) => options,
                    Err(problem) => return problem,
                };
                options.set_manual_acks(true);
                // Every message in hand can be acknowledged without waiting for the connection, which may wait for
                // the reader of the messages.
                let capacity = 4 * usize::from(limits::MESSAGES_IN_HAND);
                let (client, mut connection) = AsyncClient::new(options, capacity);
                loop {
                    match connection.poll().await {
                        Ok(Event::Incoming(Packet::ConnAck(_))) => {
                            if let Err(error) = client.subscribe(filter, QoS::AtLeastOnce).await {
                                return words(error);
                            }
                        }
                        Ok(Event::Incoming(Packet::SubAck(ack))) => {
                            let good = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                            if !ack.return_codes.iter().all(good) {
                                return format!("the broker refuses the subscription: {:?}", ack.return_codes);
                            }
                        }
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            let (topic, headers) = received(&publish);
                            let delivery = Delivery {
                                topic,
                                headers,
                                payload: publish.payload.clone(),
                                ack: super::super::Ack::$version(Ack(client.clone(), publish)),
                            };
                            if deliver.send(delivery).await.is_err() {
                                return "nobody takes the messages".to_owned();
                            }
                        }
                        Ok(_) => {}
                        Err(error) => return words(error),
                    }
                }
            }

            $($own)+
        }
    };
}

mqtt! {
    v5,
    [rumqttc::v5],
    [rumqttc::v5::mqttbytes::v5],
    /// How to connect. `fresh`: without a session that the broker keeps.
    pub(crate) fn options(
        place: &BrokerPlace,
        id: String,
        fresh: bool,
    ) -> Result<MqttOptions, String> {
        const SESSION: u32 = 7 * 86_400;
        let (host, port) = host_and_port(place);
        let mut options = MqttOptions::new(id, host, port);
        options.set_transport(transport(place)?);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_connection_timeout(super::super::CONNECT.as_secs());
        options.set_clean_start(fresh);
        options.set_session_expiry_interval((!fresh).then_some(SESSION));
        options.set_receive_maximum(Some(limits::MESSAGES_IN_HAND));
        options.set_max_packet_size(Some(PACKET));
        if let Some(user) = &place.user {
            options.set_credentials(user, password(place));
        }
        Ok(options)
    }
    async fn with(client: &AsyncClient, message: Message) -> Result<(), library::ClientError> {
        let mut properties = packets::PublishProperties::default();
        for (name, value) in message.headers {
            if name.eq_ignore_ascii_case("content-type") {
                properties.content_type = Some(value);
            } else {
                properties.user_properties.push((name, value));
            }
        }
        client
            .publish_with_properties(
                message.topic,
                QoS::AtLeastOnce,
                false,
                message.payload,
                properties,
            )
            .await
    }
    /// Nobody listening is no refusal: the broker has it.
    fn acked(ack: &packets::PubAck) -> Result<(), BrokerError> {
        use packets::PubAckReason::{NoMatchingSubscribers, Success};
        match ack.reason {
            Success | NoMatchingSubscribers => Ok(()),
            other => Err(BrokerError::Refused(format!("the broker says {other:?}"))),
        }
    }
    /// Whether a connection ended because a message was too large; the library does not know the reason code
    /// "packet too large" (MQTT 5, 3.4.2.1) of an acknowledgement.
    fn too_large(error: &library::ConnectionError) -> Option<TooLarge> {
        use library::StateError::{Deserialization, OutgoingPacketTooLarge};
        const PACKET_TOO_LARGE: u8 = 0x95;
        let library::ConnectionError::MqttState(error) = error else {
            return None;
        };
        match error {
            Deserialization(library::mqttbytes::Error::InvalidConnectReturnCode(PACKET_TOO_LARGE)) => {
                Some(TooLarge::Sent)
            }
            OutgoingPacketTooLarge { .. } => Some(TooLarge::Unsent),
            _ => None,
        }
    }
    fn received(publish: &packets::Publish) -> (String, Vec<(String, String)>) {
        let mut headers = Vec::new();
        if let Some(properties) = &publish.properties {
            let content_type = properties.content_type.clone();
            headers.extend(content_type.map(|value| ("content-type".to_owned(), value)));
            let own = properties.user_properties.iter();
            headers.extend(own.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
        }
        (
            String::from_utf8_lossy(&publish.topic).into_owned(),
            headers,
        )
    }
}

mqtt! {
    v4,
    [rumqttc],
    [rumqttc::mqttbytes::v4],
    /// How to connect. `fresh`: without a session that the broker keeps.
    pub(crate) fn options(
        place: &BrokerPlace,
        id: String,
        fresh: bool,
    ) -> Result<MqttOptions, String> {
        let (host, port) = host_and_port(place);
        let mut options = MqttOptions::new(id, host, port);
        options.set_transport(transport(place)?);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_clean_session(fresh);
        options.set_max_packet_size(PACKET as usize, PACKET as usize);
        if let Some(user) = &place.user {
            options.set_credentials(user, password(place));
        }
        Ok(options)
    }
    async fn with(client: &AsyncClient, message: Message) -> Result<(), library::ClientError> {
        client
            .publish(message.topic, QoS::AtLeastOnce, false, message.payload)
            .await
    }
    /// This version cannot say no.
    fn acked(_: &packets::PubAck) -> Result<(), BrokerError> {
        Ok(())
    }
    /// Nor does it say why it ends a connection.
    fn too_large(_: &library::ConnectionError) -> Option<TooLarge> {
        None
    }
    fn received(publish: &packets::Publish) -> (String, Vec<(String, String)>) {
        (publish.topic.clone(), Vec::new())
    }
}
