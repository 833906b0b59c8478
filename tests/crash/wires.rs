//! Two brokers more, from which the host takes events: RabbitMQ (AMQP 0.9.1) and nats-server (JetStream). They take long
//! to start, so all jobs share them; each round has a queue and a stream of its own. Like Mosquitto they outlive the host:
//! what they confirmed to the driver is acknowledged, and theirs to deliver until the host says that it has it.

use anyhow::Context as _;
use async_nats::jetstream::{self, stream};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tombolo_tests::broker::Broker;

/// How they keep a message over their own restart.
const PERSISTENT: u8 = 2;

/// The programs, which end with this value.
pub(crate) struct Brokers {
    rabbitmq: Broker,
    nats: Broker,
}

/// What a round tells them through.
pub(crate) struct Wires {
    /// The queue, and what the stream's name begins with.
    pub(crate) name: String,
    pub(crate) amqp_port: u16,
    pub(crate) nats_port: u16,
    channel: Channel,
    /// The channel lives as long as it does.
    _connection: Connection,
    stream: jetstream::Context,
}

impl Brokers {
    pub(crate) fn start() -> Self {
        Self {
            rabbitmq: Broker::rabbitmq(),
            nats: Broker::nats(),
        }
    }

    /// A queue and a stream of this name.
    pub(crate) async fn wires(&self, name: String) -> anyhow::Result<Wires> {
        let (amqp_port, nats_port) = (self.rabbitmq.port, self.nats.port);
        let uri = format!("amqp://guest:guest@127.0.0.1:{amqp_port}/%2f");
        let connection = Connection::connect(&uri, ConnectionProperties::default())
            .await
            .context("RabbitMQ takes no connection")?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(name.as_str().into(), durable, FieldTable::default())
            .await?;
        let client = async_nats::connect(format!("127.0.0.1:{nats_port}"))
            .await
            .context("nats-server takes no connection")?;
        let stream = jetstream::new(client);
        stream
            .create_stream(stream::Config {
                name: name.clone(),
                subjects: vec![format!("{name}.>")],
                ..stream::Config::default()
            })
            .await?;
        Ok(Wires {
            name,
            amqp_port,
            nats_port,
            channel,
            _connection: connection,
            stream,
        })
    }
}

impl Wires {
    /// Whether RabbitMQ has it.
    pub(crate) async fn queue(&self, body: &str) -> anyhow::Result<bool> {
        let confirmed = self
            .channel
            .basic_publish(
                "".into(),
                self.name.as_str().into(),
                BasicPublishOptions::default(),
                body.as_bytes(),
                BasicProperties::default().with_delivery_mode(PERSISTENT),
            )
            .await?
            .await?;
        Ok(matches!(confirmed, Confirmation::Ack(_)))
    }

    /// Whether the stream has it.
    pub(crate) async fn stream(&self, key: &str, body: &str) -> anyhow::Result<bool> {
        let subject = format!("{}.{key}", self.name);
        let published = self.stream.publish(subject, body.to_owned().into()).await?;
        Ok(published.await.is_ok())
    }
}
