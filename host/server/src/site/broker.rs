//! A broker among a system file's `connections`, and the `from` of a hook that it feeds.

use tombolo_flow::yaml::Node;
use tombolo_kernel::grant::printable;
use tombolo_kernel::limits;
use tombolo_kernel::system::{BrokerPlace, BrokerProtocol, MessageSource, Subscription};
use tombolo_manifest::{ConnectionKind, Manifest, TopicPattern};
use url::Url;

use super::connection::{BoundConnection, Place};
use super::fields::{self, At, Fields, Problems, quoted};
use super::settings::reference;
use super::system::SystemFile;

/// What a broker may speak, by the key that binds it.
pub(super) const KINDS: [&str; 3] = ["mqtt", "amqp", "nats"];

/// Reads a connection that is bound by `kind`, one of [`KINDS`].
pub(super) fn read(
    at: At,
    kind: &str,
    fields: Fields<'_>,
    problems: &mut Problems,
) -> Option<BoundConnection> {
    let secret = fields.get("password").and_then(|node| {
        reference(node, "password", problems).map(|reference| (node.place, reference))
    });
    let user = fields
        .get("user")
        .and_then(|node| fields::text(node, "user", problems))
        .map(str::to_owned);
    if user.is_none() && secret.is_some() {
        problems.add(
            fields.key_at("password"),
            "found `password` without `user`, expected both or neither",
        );
    }
    let protocol = match kind {
        "mqtt" => version(fields, problems),
        "amqp" => BrokerProtocol::Amqp,
        _ => BrokerProtocol::Nats,
    };
    let publish = fields
        .get("publish")
        .map(|node| topics(node, problems))
        .unwrap_or_default();
    let url = address(fields.get(kind)?, kind, problems)?;
    let place = BrokerPlace {
        protocol,
        url,
        user,
        password: None,
    };
    Some(BoundConnection {
        at,
        place: Place::Broker { place, publish },
        secret,
    })
}

fn version(fields: Fields<'_>, problems: &mut Problems) -> BrokerProtocol {
    let Some(node) = fields.get("version") else {
        return BrokerProtocol::Mqtt5;
    };
    match super::fields::json(node) {
        serde_json::Value::Number(number) if number.as_u64() == Some(5) => BrokerProtocol::Mqtt5,
        serde_json::Value::String(text) if text == "5" => BrokerProtocol::Mqtt5,
        serde_json::Value::String(text) if text == "3.1.1" => BrokerProtocol::Mqtt311,
        _ => {
            problems.unexpected(node, "version", "5 (the default) or 3.1.1");
            BrokerProtocol::Mqtt5
        }
    }
}

fn topics(node: &Node, problems: &mut Problems) -> Vec<(At, String)> {
    let mut topics = Vec::new();
    for (at, text) in fields::texts(node, "publish", problems) {
        match text.parse::<TopicPattern>() {
            Ok(_) => topics.push((at, text.to_owned())),
            Err(error) => problems.add(at, format!("publish: {error}")),
        }
    }
    topics
}

fn address(node: &Node, kind: &str, problems: &mut Problems) -> Option<Url> {
    let (schemes, expected): (&[&str], _) = match kind {
        "mqtt" => (
            &["mqtt", "mqtts"],
            "`mqtt://HOST:PORT` or `mqtts://HOST:PORT`",
        ),
        "amqp" => (
            &["amqp", "amqps"],
            "`amqp://HOST:PORT/VHOST` or `amqps://HOST:PORT/VHOST`",
        ),
        _ => (&["nats", "tls"], "`nats://HOST:PORT` or `tls://HOST:PORT`"),
    };
    let text = fields::text(node, kind, problems)?;
    let good = Url::parse(text).ok().filter(|url| {
        schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty())
    });
    let Some(url) = good else {
        // Not shown: a password may be in it.
        problems.add(
            node.place,
            format!("{kind}: this is not a broker's address, expected {expected}"),
        );
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        problems.add(node.place, format!("{kind}: found a user or password in the address; write `user: NAME` and `password: env:NAME` beside it"));
        return None;
    }
    let path = url.path().trim_matches('/');
    if url.query().is_some()
        || url.fragment().is_some()
        || (kind != "amqp" && !path.is_empty())
        || path.contains('/')
    {
        problems.add(
            node.place,
            format!("{kind}: found more than an address, expected {expected}"),
        );
        return None;
    }
    Some(url)
}

/// Reads a hook's `from`.
pub(super) fn from(node: &Node, problems: &mut Problems) -> Option<Subscription> {
    let known = ["connection", "topic", "queue", "stream"];
    let fields = Fields::known(node, "from", &known, problems)?;
    let connection = fields
        .need("connection", problems)
        .and_then(|node| fields::text(node, "connection", problems));
    let mut text = |name: &'static str| {
        let node = fields.get(name)?;
        let text = fields::text(node, name, problems)?;
        let good = text.len() <= limits::EVENT_NAME
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if !good {
            problems.unexpected(node, name, "at most 256 bytes without spaces");
        }
        Some(text.to_owned())
    };
    let (topic, queue, stream) = (text("topic"), text("queue"), text("stream"));
    let from = match (topic, queue, stream) {
        (Some(topic), None, None) => MessageSource::Topic(topic),
        (None, Some(queue), None) => MessageSource::Queue(queue),
        (topic, None, Some(stream)) => MessageSource::Stream {
            stream,
            topic: topic.unwrap_or_else(|| ">".to_owned()),
        },
        _ => {
            problems.add(
                fields.at,
                "from: expected `topic` (MQTT), `queue` (AMQP), or `stream` with `topic` (NATS)",
            );
            return None;
        }
    };
    Some(Subscription {
        connection: connection?.to_owned(),
        from,
    })
}

/// That each `from` fits the broker it names.
pub(super) fn check(file: &SystemFile<'_>, manifest: &Manifest, problems: &mut Problems) {
    for (hook, (at, subscription)) in &file.declared.subscriptions {
        let name = &subscription.connection;
        let is_broker = manifest
            .connections
            .get(name)
            .is_some_and(|wish| wish.kind == ConnectionKind::Broker);
        let fits = match file.connections.get(name).map(|bound| &bound.place) {
            Some(Place::Broker { place, .. }) => match (&subscription.from, place.protocol) {
                (MessageSource::Topic(_), BrokerProtocol::Mqtt5 | BrokerProtocol::Mqtt311)
                | (MessageSource::Queue(_), BrokerProtocol::Amqp)
                | (MessageSource::Stream { .. }, BrokerProtocol::Nats) => None,
                (_, BrokerProtocol::Mqtt5 | BrokerProtocol::Mqtt311) => Some("`topic` with MQTT"),
                (_, BrokerProtocol::Amqp) => Some("`queue` with AMQP"),
                (_, BrokerProtocol::Nats) => Some("`stream` with NATS"),
            },
            _ if is_broker => None,
            _ => Some("a connection that is bound to a broker"),
        };
        if let Some(expected) = fits {
            problems.add(
                *at,
                format!(
                    "hook `{hook}`: found `from` {} of connection {}, expected {expected}",
                    printable(&subscription.from.to_string()),
                    quoted(name)
                ),
            );
        }
    }
}
