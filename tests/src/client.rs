//! The other side: publishes alarms and hears commands, with the protocols' own clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ConnectionProperties};
use rumqttc::{Event, Packet, QoS};
use tokio::runtime::Runtime;

/// One side of a broker.
pub struct Client {
    runtime: Runtime,
    way: Way,
    received: Arc<Mutex<Vec<String>>>,
}

enum Way {
    Mqtt(rumqttc::AsyncClient),
    Amqp(
        Channel,
        #[expect(dead_code, reason = "ends with its owner")] lapin::Connection,
    ),
    Nats(async_nats::jetstream::Context),
}

impl Client {
    pub fn mqtt(port: u16) -> Self {
        let (runtime, received) = parts();
        let mut options = rumqttc::MqttOptions::new("test", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        // The broker keeps for the next such client what comes after this one.
        options.set_clean_session(false);
        let way = runtime.block_on(async {
            let (client, mut connection) = rumqttc::AsyncClient::new(options, 1_024);
            client
                .subscribe("plant/+/command", QoS::AtLeastOnce)
                .await
                .unwrap();
            // From here on the broker knows who listens.
            loop {
                match connection.poll().await.unwrap() {
                    Event::Incoming(Packet::Publish(publish)) => hear(&received, &publish.payload),
                    Event::Incoming(Packet::SubAck(_)) => break,
                    _ => {}
                }
            }
            let heard = Arc::clone(&received);
            tokio::spawn(async move {
                while let Ok(event) = connection.poll().await {
                    if let Event::Incoming(Packet::Publish(publish)) = event {
                        hear(&heard, &publish.payload);
                    }
                }
            });
            Way::Mqtt(client)
        });
        Self {
            runtime,
            way,
            received,
        }
    }

    pub fn amqp(port: u16) -> Self {
        let (runtime, received) = parts();
        let way = runtime.block_on(async {
            let uri = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
            let connection = lapin::Connection::connect(&uri, ConnectionProperties::default())
                .await
                .unwrap();
            let channel = connection.create_channel().await.unwrap();
            for queue in ["alarms", "p4-commands"] {
                channel
                    .queue_declare(
                        queue.into(),
                        QueueDeclareOptions {
                            durable: true,
                            ..QueueDeclareOptions::default()
                        },
                        FieldTable::default(),
                    )
                    .await
                    .unwrap();
            }
            let options = BasicConsumeOptions {
                no_ack: true,
                ..BasicConsumeOptions::default()
            };
            let mut consumer = channel
                .basic_consume(
                    "p4-commands".into(),
                    "test".into(),
                    options,
                    FieldTable::default(),
                )
                .await
                .unwrap();
            let heard = Arc::clone(&received);
            tokio::spawn(async move {
                while let Some(Ok(delivery)) = consumer.next().await {
                    hear(&heard, &delivery.data);
                }
            });
            Way::Amqp(channel, connection)
        });
        Self {
            runtime,
            way,
            received,
        }
    }

    pub fn nats(port: u16) -> Self {
        let (runtime, received) = parts();
        let way = runtime.block_on(async {
            let client = async_nats::connect(format!("127.0.0.1:{port}"))
                .await
                .unwrap();
            let context = async_nats::jetstream::new(client.clone());
            for (name, subjects) in [("ALARMS", "alarms.>"), ("COMMANDS", "commands.>")] {
                context
                    .create_stream(async_nats::jetstream::stream::Config {
                        name: name.into(),
                        subjects: vec![subjects.into()],
                        ..Default::default()
                    })
                    .await
                    .unwrap();
            }
            let mut commands = client.subscribe("commands.p4").await.unwrap();
            client.flush().await.unwrap();
            let heard = Arc::clone(&received);
            tokio::spawn(async move {
                while let Some(message) = commands.next().await {
                    hear(&heard, &message.payload);
                }
            });
            Way::Nats(context)
        });
        Self {
            runtime,
            way,
            received,
        }
    }

    /// Publishes an alarm.
    pub fn publish(&self, body: &str) {
        let body = body.as_bytes().to_vec();
        self.runtime.block_on(async {
            match &self.way {
                Way::Mqtt(client) => client
                    .publish("plant/p4/alarm", QoS::AtLeastOnce, false, body)
                    .await
                    .unwrap(),
                Way::Amqp(channel, _) => {
                    channel
                        .basic_publish(
                            "".into(),
                            "alarms".into(),
                            BasicPublishOptions::default(),
                            &body,
                            BasicProperties::default().with_delivery_mode(2),
                        )
                        .await
                        .unwrap()
                        .await
                        .unwrap();
                }
                Way::Nats(context) => {
                    context
                        .publish("alarms.p4", body.into())
                        .await
                        .unwrap()
                        .await
                        .unwrap();
                }
            }
        });
    }

    /// The commands that came so far.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn parts() -> (Runtime, Arc<Mutex<Vec<String>>>) {
    let _ = rustls_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    (runtime, Arc::default())
}

fn rustls_provider() -> Result<(), Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::ring::default_provider().install_default()
}

fn hear(heard: &Mutex<Vec<String>>, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload).into_owned();
    heard.lock().unwrap().push(text);
}
