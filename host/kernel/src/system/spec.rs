//! What the host knows of a system before it runs. The server reads it from the site; nothing here does I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tombolo_manifest::Effect;
use url::Url;

use crate::fields::FieldRules;
use crate::grant::ReviewRules;
use crate::package::{Package, Signer};
use crate::secret::Secret;

/// One system of the site, checked, with its secrets resolved.
#[derive(Debug, Clone)]
pub struct SystemSpec {
    /// `erp`, `crm-eu`.
    pub name: String,
    /// Its adapter.
    pub package: Arc<Package>,
    /// By whose word the adapter runs.
    pub signer: Signer,
    /// What the site asks of its approvals.
    pub review: Arc<ReviewRules>,
    /// Bound connections.
    pub connections: BTreeMap<String, Binding>,
    /// Bound keys.
    pub keys: BTreeMap<String, KeyBinding>,
    /// The JSON text that `settings.get` answers with.
    pub settings: Arc<str>,
    /// The manifest's and the operator's actions.
    pub actions: BTreeMap<String, ActionOffer>,
    /// The manifest's and the operator's hooks.
    pub hooks: BTreeSet<String>,
    /// Those hooks that are fed by a broker instead of posts.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// The manifest's and the operator's feeds.
    pub feeds: BTreeSet<String>,
    /// The manifest's and the operator's event types.
    pub emits: BTreeSet<String>,
    /// Bytes of durable keys and values, if it asks for any.
    pub store_quota: Option<u64>,
    /// `(system, action)` it calls.
    pub calls: BTreeSet<(String, String)>,
    /// Fields of others' data that do not reach it.
    pub fields: FieldRules,
    /// What the sandbox gives it.
    pub limits: SystemLimits,
}

/// Where a connection leads.
#[derive(Debug, Clone)]
pub enum Binding {
    /// A server.
    Http(HttpBinding),
    /// A database.
    Sql(SqlBinding),
    /// A broker.
    Broker(BrokerBinding),
}

/// One broker.
#[derive(Debug, Clone)]
pub struct BrokerBinding {
    /// Which.
    pub place: BrokerPlace,
    /// Patterns of topics, from the manifest or from the system file of a generic adapter.
    pub publish: Vec<String>,
}

/// A broker's address.
#[derive(Debug, Clone)]
pub struct BrokerPlace {
    /// What it speaks.
    pub protocol: BrokerProtocol,
    /// `mqtts://host:8883`, `amqp://host:5672/vhost`, `nats://host:4222`, without user and password.
    pub url: Url,
    /// Not secret.
    pub user: Option<String>,
    /// Secret.
    pub password: Option<Secret>,
}

/// What a broker speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerProtocol {
    /// MQTT 5.
    Mqtt5,
    /// MQTT 3.1.1.
    Mqtt311,
    /// AMQP 0.9.1.
    Amqp,
    /// NATS with JetStream.
    Nats,
}

/// Where a hook's messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// A bound broker.
    pub connection: String,
    /// Which messages.
    pub from: MessageSource,
}

/// Which messages of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageSource {
    /// MQTT: a topic filter.
    Topic(String),
    /// AMQP: a queue that is there.
    Queue(String),
    /// NATS: a stream that is there, and which of its subjects.
    Stream {
        /// Its name.
        stream: String,
        /// A subject with wildcards; `>` for all.
        topic: String,
    },
}

impl std::fmt::Display for MessageSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Topic(topic) => write!(f, "topic {topic}"),
            Self::Queue(queue) => write!(f, "queue {queue}"),
            Self::Stream { stream, topic } => write!(f, "stream {stream}, topic {topic}"),
        }
    }
}

/// One HTTP server.
#[derive(Debug, Clone)]
pub struct HttpBinding {
    /// Scheme, host, port and base path; no user, query or fragment.
    pub base: Url,
    /// `METHOD /path/{x}/*` from the manifest, or from the system file of a generic adapter.
    pub allow: Vec<String>,
    /// What the host attaches.
    pub credential: Credential,
    /// May resolve to private and loopback addresses: the operator said so.
    pub private_network: bool,
    /// Cookies that the server sets go back to it; no guest sees them.
    pub keeps_cookies: bool,
}

/// What the host attaches to a request after the check.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nothing.
    None,
    /// RFC 7617.
    Basic {
        /// Not secret.
        user: String,
        /// Secret.
        password: Secret,
    },
    /// RFC 6750.
    Bearer {
        /// Secret.
        token: Secret,
    },
    /// A header of the vendor's own.
    Header {
        /// `x-api-key`.
        name: String,
        /// Secret.
        value: Secret,
    },
    /// A query parameter of the vendor's own.
    Query {
        /// `key`.
        name: String,
        /// Secret.
        value: Secret,
    },
    /// RFC 6749, section 4.4, refreshed before it ends and after a 401.
    OAuth2ClientCredentials {
        /// Where tokens are had.
        token_url: Url,
        /// Not secret.
        client_id: String,
        /// Secret.
        client_secret: Secret,
        /// Space-separated, or empty.
        scope: String,
        /// Where a server wants one.
        audience: Option<String>,
        /// The client's id and secret in the form instead of Basic.
        in_body: bool,
    },
}

/// One database.
#[derive(Debug, Clone)]
pub struct SqlBinding {
    /// Which.
    pub place: SqlPlace,
    /// By name, from the manifest or from the system file of a generic adapter.
    pub statements: BTreeMap<String, SqlStatement>,
}

/// A database's address.
#[derive(Debug, Clone)]
pub enum SqlPlace {
    /// `postgres://user@host:5432/db`, the password apart.
    Postgres {
        /// Without password.
        url: Url,
        /// Secret.
        password: Option<Secret>,
    },
    /// `mysql://user@host:3306/db`, also MariaDB.
    MySql {
        /// Without password.
        url: Url,
        /// Secret.
        password: Option<Secret>,
    },
    /// A file.
    Sqlite {
        /// Absolute.
        path: PathBuf,
    },
}

/// One statement.
#[derive(Debug, Clone)]
pub struct SqlStatement {
    /// `read` runs in a read-only transaction.
    pub effect: Effect,
    /// With `:name` parameters.
    pub text: String,
}

/// One key.
#[derive(Debug, Clone)]
pub struct KeyBinding {
    /// The secret as the operator keeps it.
    pub secret: Secret,
    /// Uses asked for.
    pub uses: Vec<String>,
    /// Steps from the secret to the key.
    pub derive: Vec<String>,
}

/// One action.
#[derive(Debug, Clone)]
pub struct ActionOffer {
    /// What it does to the world.
    pub effect: Effect,
    /// One sentence.
    pub summary: String,
    /// JSON Schema.
    pub input: Option<serde_json::Value>,
    /// JSON Schema.
    pub output: Option<serde_json::Value>,
}

/// What the sandbox gives one call of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemLimits {
    /// Bytes of linear memory.
    pub memory: u64,
    /// Time in the guest.
    pub cpu: Duration,
    /// Time in all.
    pub deadline: Duration,
    /// Calls at a time.
    pub instances: usize,
}

impl Default for SystemLimits {
    fn default() -> Self {
        Self {
            memory: crate::limits::MEMORY,
            cpu: crate::limits::CPU,
            deadline: crate::limits::DEADLINE,
            instances: crate::limits::INSTANCES_PER_SYSTEM,
        }
    }
}
