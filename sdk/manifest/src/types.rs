//! The shape of `adapter.toml`. Nothing here checks a value; [`crate::check`] does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an adapter says of itself. `A` is an action: [`WrittenAction`] as the vendor writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest<A = Action> {
    /// Who it is.
    pub adapter: Identity,
    /// Named ways out that the operator binds to real places.
    #[serde(default)]
    pub connections: BTreeMap<String, Connection>,
    /// Named keys that the operator binds to secrets.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// What it can be asked to do.
    #[serde(default = "BTreeMap::new")]
    pub actions: BTreeMap<String, A>,
    /// Inbound endpoints.
    #[serde(default)]
    pub hooks: BTreeMap<String, Hook>,
    /// What can be read page by page.
    #[serde(default)]
    pub feeds: BTreeMap<String, Feed>,
    /// Events it makes.
    #[serde(default)]
    pub events: Events,
    /// Durable keys and values of its own.
    #[serde(default)]
    pub store: Option<StoreWish>,
    /// Actions of other systems it calls: `system.action` to the reason.
    #[serde(default)]
    pub calls: BTreeMap<String, String>,
    /// What it needs of the sandbox.
    #[serde(default)]
    pub limits: Limits,
}

/// Name, version and what it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `vendor/name`, lower case ASCII letters, digits and `-`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Business contracts it keeps, `erp/1`; see [`crate::Profile`].
    #[serde(default)]
    pub profiles: Vec<String>,
    /// A generic adapter: the operator declares its actions, hooks, feeds, events, paths and statements in the
    /// system file, and the reviewer reads them there.
    #[serde(default)]
    pub generic: bool,
}

impl Identity {
    /// What a signature of this adapter says in its trusted comment: `adapter acme/shop 0.3.0`.
    #[must_use]
    pub fn signed_as(&self) -> String {
        format!("adapter {} {}", self.name, self.version)
    }
}

/// A named way out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Which protocol.
    pub kind: ConnectionKind,
    /// Why, for the reviewer.
    pub reason: String,
    /// HTTP: `METHOD /path/{variable}/*`, exact. Empty in a generic adapter: the operator declares it.
    #[serde(default)]
    pub allow: Vec<String>,
    /// HTTP: the kind of credential it expects, a hint for the operator.
    #[serde(default)]
    pub credential: Option<String>,
    /// SQL: statements by name. Empty in a generic adapter: the operator declares them.
    #[serde(default)]
    pub statements: BTreeMap<String, Statement>,
    /// Broker: patterns of the topics it publishes to, `plant/*/command`. Empty in a generic adapter: the operator
    /// declares them.
    #[serde(default)]
    pub publish: Vec<String>,
    /// May stay unbound.
    #[serde(default)]
    pub optional: bool,
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionKind {
    /// HTTP/1.1 or 2.
    Http,
    /// PostgreSQL, MySQL or MariaDB, SQLite.
    Sql,
    /// MQTT, AMQP 0.9.1, NATS JetStream.
    Broker,
}

/// What a statement or action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Write,
    /// Removes or sends something that cannot be taken back.
    Destructive,
}

impl Effect {
    /// As it is written: `read`, `write` or `destructive`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

/// One SQL statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// `read` runs in a read-only transaction.
    pub effect: Effect,
    /// Its text with `:name` parameters.
    pub text: String,
}

/// A named key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What is done with it; see [`crate::KEY_USES`].
    pub uses: Vec<String>,
    /// How the vendor derives it from the secret, step by step; see [`crate::DERIVATIONS`].
    #[serde(default)]
    pub derive: Vec<String>,
    /// Why, for the reviewer.
    pub reason: String,
    /// May stay unbound.
    #[serde(default)]
    pub optional: bool,
}

/// Something it can be asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What it does to the world.
    pub effect: Effect,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of the input.
    #[serde(default)]
    pub input: Option<serde_json::Value>,
    /// JSON Schema of the output.
    #[serde(default)]
    pub output: Option<serde_json::Value>,
    /// Connections and keys it uses.
    #[serde(default)]
    pub uses: Vec<String>,
}

/// An action as the vendor writes it: what a profile says of it need not be said again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenAction {
    /// As in [`Action`].
    #[serde(default)]
    pub effect: Option<Effect>,
    /// As in [`Action`].
    #[serde(default)]
    pub summary: Option<String>,
    /// As in [`Action`]; the profile's where there is one.
    #[serde(default)]
    pub input: Option<serde_json::Value>,
    /// As in [`Action`]; the profile's where there is one.
    #[serde(default)]
    pub output: Option<serde_json::Value>,
    /// As in [`Action`].
    #[serde(default)]
    pub uses: Vec<String>,
}

/// An inbound endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// One sentence.
    pub summary: String,
}

/// Something that can be read page by page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// One sentence.
    pub summary: String,
}

/// Events the adapter makes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Type to summary; `""` is the profile's.
    #[serde(default)]
    pub emits: BTreeMap<String, String>,
}

/// Durable keys and values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreWish {
    /// `1 MiB`: keys and values together.
    pub quota: String,
    /// Why, for the reviewer.
    pub reason: String,
}

/// What the adapter needs of the sandbox; absent means the host's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// `32 MiB`: linear memory of one instance.
    #[serde(default)]
    pub memory: Option<String>,
    /// `200 ms`: time in the guest for one call, not counting what it waits for.
    #[serde(default)]
    pub cpu: Option<String>,
    /// `30 s`: one call, waiting included.
    #[serde(default)]
    pub deadline: Option<String>,
}
