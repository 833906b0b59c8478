//! AMQP 0.9.1. A message counts as published when the broker has confirmed it; one that no queue takes comes back.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::sync::mpsc;
use tombolo_kernel::capability::broker::{BrokerError, BrokerLink, Message};
use tombolo_kernel::limits;
use tombolo_kernel::system::BrokerPlace;

use super::{Ack, CONNECT, Delivery, host_and_port, password, unreachable, words};

/// Publishes on one channel.
pub(super) struct Link {
    place: BrokerPlace,
    open: tokio::sync::Mutex<Option<Arc<Open>>>,
}

/// A connection with its channel.
struct Open {
    channel: Channel,
    /// Ends with its last owner.
    _connection: Connection,
}

impl Link {
    pub(super) fn new(place: BrokerPlace) -> Self {
        Self {
            place,
            open: tokio::sync::Mutex::new(None),
        }
    }

    async fn open(&self) -> Result<Arc<Open>, BrokerError> {
        let mut open = self.open.lock().await;
        if let Some(open) = open
            .as_ref()
            .filter(|open| open.channel.status().connected())
        {
            return Ok(Arc::clone(open));
        }
        let connection = connect(&self.place)
            .await
            .map_err(BrokerError::Unreachable)?;
        let channel = connection.create_channel().await.map_err(unreachable)?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(unreachable)?;
        let made = Arc::new(Open {
            channel,
            _connection: connection,
        });
        *open = Some(Arc::clone(&made));
        Ok(made)
    }

    async fn send(&self, message: Message) -> Result<(), BrokerError> {
        let (exchange, key) = message.topic.split_once('/').ok_or_else(|| {
            BrokerError::Invalid(
                "the topic has no `/`, expected `EXCHANGE/ROUTING-KEY`, or `/QUEUE` for the default exchange".into(),
            )
        })?;
        let open = self.open().await?;
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let confirm = open
            .channel
            .basic_publish(
                exchange.into(),
                key.into(),
                options,
                &message.payload,
                properties(&message.headers),
            )
            .await
            .map_err(unreachable)?;
        match confirm.await.map_err(unreachable)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => Err(
                BrokerError::Refused(format!("it came back: {}", words(&returned.reply_text))),
            ),
            Confirmation::Nack(None) => {
                Err(BrokerError::Refused("the broker did not keep it".into()))
            }
            Confirmation::NotRequested => Err(BrokerError::Unreachable(
                "the channel confirms nothing".into(),
            )),
        }
    }
}

impl BrokerLink for Link {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.send(message))
    }
}

/// Persistent, with the headers as they are.
fn properties(headers: &[(String, String)]) -> BasicProperties {
    const PERSISTENT: u8 = 2;
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let mut table = FieldTable::default();
    for (name, value) in headers {
        match name.to_ascii_lowercase().as_str() {
            "content-type" => properties = properties.with_content_type(short(value)),
            "message-id" => properties = properties.with_message_id(short(value)),
            _ => {
                let text = AMQPValue::LongString(LongString::from(value.as_str()));
                table.insert(short(name), text);
            }
        }
    }
    properties.with_headers(table)
}

/// At most 255 bytes fit.
fn short(text: &str) -> ShortString {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    ShortString::from(&text[..end])
}

/// Delivers the messages of a queue until the connection breaks; says why it did.
pub(super) async fn listen(
    place: &BrokerPlace,
    id: String,
    queue: &str,
    deliver: mpsc::Sender<Delivery>,
) -> String {
    match consume(place, id, queue, deliver).await {
        Ok(()) => "the broker ended the subscription".to_owned(),
        Err(problem) => problem,
    }
}

async fn consume(
    place: &BrokerPlace,
    id: String,
    queue: &str,
    deliver: mpsc::Sender<Delivery>,
) -> Result<(), String> {
    let connection = connect(place).await?;
    let channel = connection.create_channel().await.map_err(words)?;
    channel
        .basic_qos(limits::MESSAGES_IN_HAND, BasicQosOptions::default())
        .await
        .map_err(words)?;
    let mut consumer = channel
        .basic_consume(
            queue.into(),
            id.into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .map_err(words)?;
    while let Some(message) = consumer.next().await {
        let message = message.map_err(words)?;
        let delivery = Delivery {
            topic: format!("{}/{}", message.exchange, message.routing_key),
            headers: headers(&message.properties),
            payload: message.data.into(),
            ack: Ack::Amqp(message.acker),
        };
        if deliver.send(delivery).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Content type, message id and those headers that are texts or numbers.
fn headers(properties: &BasicProperties) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let own = [
        ("content-type", properties.content_type()),
        ("message-id", properties.message_id()),
    ];
    for (name, value) in own {
        headers.extend(
            value
                .as_ref()
                .map(|value| (name.to_owned(), value.to_string())),
        );
    }
    let table = properties.headers().as_ref().map(FieldTable::inner);
    for (name, value) in table.into_iter().flatten() {
        let text = match value {
            AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
            AMQPValue::ShortString(text) => text.to_string(),
            AMQPValue::Boolean(value) => value.to_string(),
            AMQPValue::LongInt(value) => value.to_string(),
            AMQPValue::LongLongInt(value) => value.to_string(),
            AMQPValue::LongUInt(value) => value.to_string(),
            _ => continue,
        };
        headers.push((name.as_str().to_ascii_lowercase(), text));
    }
    headers
}

/// A connection to a broker.
///
/// # Errors
/// Why there is none, without the credential.
async fn connect(place: &BrokerPlace) -> Result<Connection, String> {
    let (host, port) = host_and_port(place);
    let user = place.user.clone().unwrap_or_else(|| "guest".to_owned());
    let vhost = match place.url.path().trim_start_matches('/') {
        "" => "/".to_owned(),
        path => url::form_urlencoded::parse(format!("v={}", path.replace('+', "%2B")).as_bytes())
            .next()
            .map_or_else(String::new, |(_, value)| value.into_owned()),
    };
    let uri = AMQPUri {
        scheme: if place.url.scheme() == "amqps" {
            AMQPScheme::AMQPS
        } else {
            AMQPScheme::AMQP
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: user,
                password: if place.user.is_some() {
                    password(place)
                } else {
                    "guest".into()
                },
            },
            host,
            port,
        },
        vhost,
        query: lapin::uri::AMQPQueryString::default(),
    };
    let options = ConnectionProperties::default().with_connection_name("tombolo".into());
    match tokio::time::timeout(CONNECT, Connection::connect_uri(uri, options)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(words(error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
