//! NATS with JetStream. A message counts as published when a stream has taken it over.
//!
//! The server gives newer messages first and what a dead subscriber had in hand only when that is overdue. So a new
//! subscriber asks for what was left at once, and holds newer messages until it is there: they keep their order.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, context::PublishErrorKind};
use async_nats::{Client, ConnectOptions, HeaderMap, HeaderName, HeaderValue, Subject};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tombolo_kernel::capability::broker::{BrokerError, BrokerLink, Message};
use tombolo_kernel::limits;
use tombolo_kernel::system::BrokerPlace;

use super::{Ack, CONNECT, Delivery, host_and_port, password, unreachable, words};

/// When a message that is not acknowledged is given again.
const OVERDUE: Duration = Duration::from_secs(30);
/// The same while there is something left from before: what was in hand when a host died is overdue when the next one
/// asks.
const OVERDUE_LEFT: Duration = Duration::from_millis(100);
/// How long newer messages are held for what was left: the stream may have removed it.
const HELD: Duration = Duration::from_secs(5);

/// Publishes on one connection.
pub(super) struct Link {
    place: BrokerPlace,
    client: tokio::sync::Mutex<Option<Client>>,
}

impl Link {
    pub(super) fn new(place: BrokerPlace) -> Self {
        Self {
            place,
            client: tokio::sync::Mutex::new(None),
        }
    }

    async fn client(&self) -> Result<Client, BrokerError> {
        let mut kept = self.client.lock().await;
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let client = connect(&self.place)
            .await
            .map_err(BrokerError::Unreachable)?;
        *kept = Some(client.clone());
        Ok(client)
    }

    async fn send(&self, message: Message) -> Result<(), BrokerError> {
        let context = jetstream::new(self.client().await?);
        let mut headers = HeaderMap::new();
        for (name, value) in &message.headers {
            // What the server drops repeats by.
            let name = match name.eq_ignore_ascii_case("message-id") {
                true => "Nats-Msg-Id",
                false => name,
            };
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            else {
                return Err(BrokerError::Invalid(format!(
                    "the header `{name}` cannot be sent to this broker"
                )));
            };
            headers.append(name, value);
        }
        let failed = |error: jetstream::context::PublishError| match error.kind() {
            PublishErrorKind::StreamNotFound => {
                BrokerError::Refused("no stream takes messages of this topic".into())
            }
            PublishErrorKind::TimedOut => BrokerError::Timeout,
            PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => unreachable(error),
            _ => BrokerError::Refused(words(error)),
        };
        context
            .publish_with_headers(
                Subject::from(message.topic),
                headers,
                message.payload.into(),
            )
            .await
            .map_err(failed)?
            .await
            .map_err(failed)?;
        Ok(())
    }
}

impl BrokerLink for Link {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.send(message))
    }
}

/// Delivers the messages of a stream until the connection breaks for good; says why it did.
pub(super) async fn listen(
    place: &BrokerPlace,
    id: String,
    stream: &str,
    topic: &str,
    deliver: mpsc::Sender<Delivery>,
) -> String {
    match consume(place, id, stream, topic, deliver).await {
        Ok(()) => "the broker ended the subscription".to_owned(),
        Err(problem) => problem,
    }
}

async fn consume(
    place: &BrokerPlace,
    id: String,
    stream: &str,
    topic: &str,
    deliver: mpsc::Sender<Delivery>,
) -> Result<(), String> {
    let context = jetstream::new(connect(place).await?);
    let stream = context.get_stream(stream).await.map_err(words)?;
    // Creates it, or changes the one there is.
    let consumer = async |ack_wait| {
        let config = pull::Config {
            durable_name: Some(id.clone()),
            filter_subject: topic.to_owned(),
            max_ack_pending: i64::from(limits::MESSAGES_IN_HAND),
            ack_wait,
            ..pull::Config::default()
        };
        stream.create_consumer(config).await.map_err(words)
    };
    let ours = consumer(OVERDUE).await?;
    let before = ours.cached_info();
    let (left, newest) = (before.num_ack_pending, before.delivered.stream_sequence);
    let mut held = BTreeMap::new();
    if left > 0 {
        consumer(OVERDUE_LEFT).await?;
    }
    let mut messages = ours.messages().await.map_err(words)?;
    let until = tokio::time::Instant::now() + HELD;
    while held.range(..=newest).count() < left
        && let Ok(message) = tokio::time::timeout_at(until, messages.next()).await
    {
        let Some(message) = message else {
            return Ok(());
        };
        let message = message.map_err(words)?;
        let place = message.info().map_err(words)?.stream_sequence;
        held.insert(place, message);
    }
    if left > 0 {
        consumer(OVERDUE).await?;
    }
    for message in held.into_values() {
        if deliver.send(delivery(message)).await.is_err() {
            return Ok(());
        }
    }
    while let Some(message) = messages.next().await {
        let message = message.map_err(words)?;
        if deliver.send(delivery(message)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn delivery(message: jetstream::Message) -> Delivery {
    let headers = headers(&message);
    let (message, acker) = message.split();
    Delivery {
        topic: message.subject.to_string(),
        headers,
        payload: message.payload,
        ack: Ack::Nats(acker),
    }
}

/// The headers, and the publisher's id or else the message's place in its stream.
fn headers(message: &jetstream::Message) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut id = message
        .info()
        .ok()
        .map(|info| format!("{}/{}", info.stream, info.stream_sequence));
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        let name = name.to_string().to_ascii_lowercase();
        for value in values {
            if name == "nats-msg-id" {
                id = Some(value.to_string());
            } else if name != "message-id" {
                headers.push((name.clone(), value.to_string()));
            }
        }
    }
    headers.extend(id.map(|id| ("message-id".to_owned(), id)));
    headers
}

/// A connection to a broker, which keeps itself up.
///
/// # Errors
/// Why there is none, without the credential.
async fn connect(place: &BrokerPlace) -> Result<Client, String> {
    let (host, port) = host_and_port(place);
    let mut options = ConnectOptions::new()
        .name("tombolo")
        .connection_timeout(CONNECT)
        .require_tls(place.url.scheme() == "tls")
        // Only the place that was granted.
        .ignore_discovered_servers();
    if let Some(user) = &place.user {
        options = options.user_and_password(user.clone(), password(place));
    }
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    options
        .connect(format!("nats://{host}:{port}"))
        .await
        .map_err(words)
}
