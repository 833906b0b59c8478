//! `broker`: messages to bound brokers. The guarantees are in `wit/broker.wit`; how a broker is spoken to is behind
//! [`Brokers`], and what comes from brokers is not the guest's to ask for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::Record;
use crate::grant::ActiveGrant;
use crate::limits;
use crate::system::{Binding, BrokerPlace};
use tombolo_manifest::pattern::check_topic;

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Exact.
    pub topic: String,
    /// As given.
    pub payload: Vec<u8>,
    /// As given.
    pub headers: Vec<(String, String)>,
}

/// See `wit/broker.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerError {
    /// Not granted.
    Denied(String),
    /// Cannot be right.
    Invalid(String),
    /// No connection.
    Unreachable(String),
    /// Not confirmed in time.
    Timeout,
    /// Over this many bytes.
    TooLarge(u64),
    /// The broker said no.
    Refused(String),
}

/// Speaks to brokers.
pub trait Brokers: Send + Sync {
    /// A way to one broker for one connection of one system; connects when it is first used, and again after it broke.
    fn link(&self, place: &BrokerPlace) -> Arc<dyn BrokerLink>;
}

/// A way to one broker.
pub trait BrokerLink: Send + Sync {
    /// Resolves when the broker has taken the message over. Never shows a credential in an error.
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<(), BrokerError>>;
}

/// One system's brokers.
pub struct Broker {
    links: BTreeMap<String, Arc<dyn BrokerLink>>,
}

impl Broker {
    /// Makes the broker bindings ready; others are passed over. Connects nowhere.
    #[must_use]
    pub fn prepare(brokers: &dyn Brokers, bindings: &BTreeMap<String, Binding>) -> Self {
        let link = |(name, binding): (&String, &Binding)| match binding {
            Binding::Broker(broker) => Some((name.clone(), brokers.link(&broker.place))),
            _ => None,
        };
        Self {
            links: bindings.iter().filter_map(link).collect(),
        }
    }

    /// Checks and publishes one message; ends within `left`.
    ///
    /// # Errors
    /// See [`BrokerError`]; the record is there in every case.
    pub async fn publish(
        &self,
        grant: &ActiveGrant,
        connection: &str,
        message: Message,
        left: Duration,
    ) -> (Result<(), BrokerError>, Record) {
        let started = Instant::now();
        let size = message.payload.len() as u64;
        let mut record = Record {
            target: connection.to_owned(),
            what: crate::text::cut(&message.topic, limits::EVENT_NAME).to_owned(),
            outcome: "ok".into(),
            denied: true,
            micros: 0,
            sent: 0,
            received: 0,
        };
        let result = match self.check(grant, connection, &message) {
            Err(error) => Err(error),
            Ok(link) => {
                (record.denied, record.sent) = (false, size);
                let published = tokio::time::timeout(left, link.publish(message)).await;
                published.unwrap_or(Err(BrokerError::Timeout))
            }
        };
        if let Err(error) = &result {
            record.outcome = error.outcome();
        }
        record.micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (result, record)
    }

    fn check(
        &self,
        grant: &ActiveGrant,
        connection: &str,
        message: &Message,
    ) -> Result<&Arc<dyn BrokerLink>, BrokerError> {
        check_topic(&message.topic).map_err(|problem| BrokerError::Invalid(problem.0))?;
        grant
            .publish(connection, &message.topic)
            .map_err(|denied| BrokerError::Denied(denied.0))?;
        if message.payload.len() > limits::MESSAGE_BYTES {
            return Err(BrokerError::TooLarge(limits::MESSAGE_BYTES as u64));
        }
        let bytes: usize = message
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let good = |(name, value): &(String, String)| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            (1..=limits::EVENT_NAME).contains(&name.len())
                && name.bytes().all(is_name)
                && !value.chars().any(char::is_control)
        };
        if bytes > limits::HTTP_HEADER_BYTES || !message.headers.iter().all(good) {
            return Err(BrokerError::Invalid(
                "a header: expected names of letters, digits, `-`, `_` and `.`, values without control characters, and at most 64 KiB in all".into(),
            ));
        }
        self.links.get(connection).ok_or_else(|| {
            BrokerError::Denied(format!("connection `{connection}` is not bound; the operator binds it under `connections` in the system file"))
        })
    }
}

impl BrokerError {
    /// As a record tells it.
    fn outcome(&self) -> String {
        match self {
            Self::Denied(why) => format!("denied: {why}"),
            Self::Invalid(why) => format!("invalid: {why}"),
            Self::Unreachable(why) => format!("unreachable: {why}"),
            Self::Timeout => "timeout".into(),
            Self::TooLarge(most) => format!("too large: over {most} bytes"),
            Self::Refused(why) => format!("refused: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::grant::{Approval, Grant, GrantedAdapter, Item};
    use parking_lot::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl BrokerLink for Heard {
        fn publish(&self, message: Message) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.0.lock().push(message.topic);
            Box::pin(async { Ok(()) })
        }
    }

    fn grant(topic: &str) -> ActiveGrant {
        let text = String::new;
        ActiveGrant::new(&Grant::of(
            "plant".into(),
            GrantedAdapter {
                name: text(),
                version: text(),
                digest: text(),
            },
            Approval {
                by: text(),
                at: text(),
                reason: text(),
                signature: None,
            },
            vec![Item::Publish {
                connection: "bus".into(),
                place: text(),
                topic: topic.into(),
            }],
        ))
        .unwrap()
    }

    fn message(topic: &str, size: usize, header: &str) -> Message {
        Message {
            topic: topic.into(),
            payload: vec![0; size],
            headers: vec![(header.into(), "v".into())],
        }
    }

    #[tokio::test]
    async fn what_is_granted_leaves_and_nothing_else() {
        let heard = Arc::new(Heard::default());
        let link: Arc<dyn BrokerLink> = Arc::clone(&heard) as _;
        let broker = Broker {
            links: [("bus".to_owned(), link)].into(),
        };
        let grant = grant("plant/*/command");
        let most = limits::MESSAGE_BYTES;
        let table = [
            ("bus", message("plant/p4/command", 3, "a"), "ok", false),
            ("bus", message("plant/p4/state", 3, "a"), "denied: ", true),
            (
                "other",
                message("plant/p4/command", 3, "a"),
                "denied: ",
                true,
            ),
            ("bus", message("plant/+/command", 3, "a"), "invalid: ", true),
            (
                "bus",
                message("plant/p4/command", 3, "a b"),
                "invalid: ",
                true,
            ),
            (
                "bus",
                message("plant/p4/command", most + 1, "a"),
                "too large: ",
                true,
            ),
        ];
        for (connection, message, outcome, denied) in table {
            let shown = format!("{connection} {} {}", message.topic, message.payload.len());
            let (_, record) = broker
                .publish(&grant, connection, message, Duration::from_secs(1))
                .await;
            assert!(
                record.outcome.starts_with(outcome),
                "{shown}: {}",
                record.outcome
            );
            assert_eq!(record.denied, denied, "{shown}");
        }
        assert_eq!(*heard.0.lock(), ["plant/p4/command"]);
    }
}
