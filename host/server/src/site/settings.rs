//! `tombolo.yaml`: where the host listens, keeps its data, finds secrets, and who may use its API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tombolo_flow::delivery::Rate;
use tombolo_flow::yaml::Node;
use tombolo_kernel::grant::ReviewRules;
use tombolo_kernel::limits;
use tombolo_kernel::package::Publishers;
use tombolo_manifest::names::is_name;
use url::Url;

use super::audit::{self, AuditExport};
use super::delivery;
use super::fields::{self, Fields, Problems, quoted};
use super::network::{self, Network};
use super::publishers;
use super::registries::{self, RegistrySettings};
use super::review;
use super::tokens::{self, ApiToken};
use crate::secrets::{AgeFile, SecretReference};

/// Where a host listens unless its site says otherwise: this machine only.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7070);
/// How fast the API is used unless its site says otherwise.
const ACCESS_RATE: Rate = Rate {
    calls: limits::ACCESS_RATE,
    per_ms: 1_000,
};
/// Longest name of a person, role or token, characters.
const PERSON: usize = 80;

/// What `tombolo.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
    /// How it may be reached.
    pub network: Network,
    /// What senders see, without a slash at the end.
    pub public_url: Option<String>,
    /// Folder of the store and the compile cache, absolute.
    pub data: PathBuf,
    /// The encrypted file of secrets.
    pub secrets: Option<AgeFile>,
    /// Whose signatures count for which adapters.
    pub publishers: Publishers,
    /// What is asked of approvals.
    pub review: Arc<ReviewRules>,
    /// How registries are reached, by host.
    pub registries: BTreeMap<String, RegistrySettings>,
    /// Who may use the API.
    pub tokens: Vec<ApiToken>,
    /// Requests to it of one token that has no rate of its own, or of one address without a token.
    pub access_rate: Rate,
    /// How long the past is kept.
    pub retention: Retention,
    /// Where records of the audit are sent to.
    pub export: AuditExport,
    /// Roles that tasks may name; `None`: any.
    pub roles: Option<Vec<String>>,
    /// Kinds of entities that have ids in several systems; `None`: any.
    pub kinds: Option<Vec<String>>,
}

/// How long the past is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events and their finished runs.
    pub age: Duration,
    /// Bytes in use beyond which the oldest events go whatever their age.
    pub size: Option<u64>,
    /// Audit records.
    pub audit: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: limits::RETENTION,
            size: None,
            audit: limits::RETENTION_AUDIT,
        }
    }
}

impl Settings {
    /// Reads the tree of `tombolo.yaml`; what is wrong becomes a problem and a default.
    pub(crate) fn read(node: &Node, folder: &Path, problems: &mut Problems) -> Self {
        let mut keys = vec![
            "listen",
            "public-url",
            "data",
            "secrets",
            "publishers",
            "review",
            "reviewers",
            "registries",
            "tokens",
            "access",
            "retention",
            "audit",
            "roles",
            "kinds",
        ];
        keys.extend(network::KEYS);
        let fields = Fields::known(node, "tombolo.yaml", &keys, problems);
        let get = |name: &str| fields.as_ref().and_then(|fields| fields.get(name));
        let listen = get("listen")
            .and_then(|node| listen(node, problems))
            .unwrap_or(LISTEN);
        let place = (listen, get("listen"));
        Self {
            listen,
            network: network::read(fields.as_ref(), place, folder, problems),
            public_url: get("public-url").and_then(|node| public_url(node, problems)),
            data: folder.join(
                get("data")
                    .and_then(|node| fields::text(node, "data", problems))
                    .unwrap_or("data"),
            ),
            secrets: get("secrets").and_then(|node| age_file(node, folder, problems)),
            publishers: get("publishers")
                .map(|node| publishers::read(node, problems))
                .unwrap_or_default(),
            review: Arc::new(review::read(get("review"), get("reviewers"), problems)),
            registries: get("registries")
                .map(|node| registries::read(node, problems))
                .unwrap_or_default(),
            tokens: get("tokens")
                .map(|node| tokens::read(node, problems))
                .unwrap_or_default(),
            access_rate: get("access")
                .and_then(|node| access_rate(node, problems))
                .unwrap_or(ACCESS_RATE),
            retention: get("retention")
                .map(|node| retention(node, problems))
                .unwrap_or_default(),
            export: get("audit")
                .map(|node| audit::read(node, problems))
                .unwrap_or_default(),
            roles: get("roles").map(|node| roles(node, problems)),
            kinds: get("kinds").map(|node| kinds(node, problems)),
        }
    }
}

fn listen(node: &Node, problems: &mut Problems) -> Option<SocketAddr> {
    let address = fields::text(node, "listen", problems)?.parse().ok();
    if address.is_none() {
        problems.unexpected(
            node,
            "listen",
            "an address and a port such as `127.0.0.1:7070` or `[::]:7070`",
        );
    }
    address
}

fn public_url(node: &Node, problems: &mut Problems) -> Option<String> {
    let url = Url::parse(fields::text(node, "public-url", problems)?).ok();
    let good = url.filter(|url| {
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain
    });
    if good.is_none() {
        problems.unexpected(
            node,
            "public-url",
            "what senders call, such as `https://hooks.example`, without user, query or fragment",
        );
    }
    good.map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn age_file(node: &Node, folder: &Path, problems: &mut Problems) -> Option<AgeFile> {
    let fields = Fields::known(node, "secrets", &["age", "identity"], problems)?;
    let file = fields
        .need("age", problems)
        .and_then(|node| fields::text(node, "secrets.age", problems))
        .map(|path| folder.join(path));
    let identity = fields
        .need("identity", problems)
        .and_then(|node| reference(node, "secrets.identity", problems));
    if let (Some(SecretReference::Age(_)), Some(node)) = (&identity, fields.get("identity")) {
        problems.unexpected(
            node,
            "secrets.identity",
            "`file:PATH` or `env:NAME`; the key of the file cannot be inside it",
        );
        return None;
    }
    Some(AgeFile {
        file: file?,
        identity: identity?,
    })
}

fn access_rate(node: &Node, problems: &mut Problems) -> Option<Rate> {
    let fields = Fields::known(node, "access", &["rate"], problems)?;
    delivery::rate(fields.need("rate", problems)?, problems)
}

fn retention(node: &Node, problems: &mut Problems) -> Retention {
    let mut retention = Retention::default();
    let Some(fields) = Fields::known(node, "retention", &["age", "size", "audit"], problems) else {
        return retention;
    };
    let time = |name: &str, problems: &mut Problems| {
        let node = fields.get(name)?;
        fields::duration(node, name, limits::RETENTION_MOST, problems)
    };
    retention.age = time("age", problems).unwrap_or(retention.age);
    retention.audit = time("audit", problems).unwrap_or(retention.audit);
    retention.size = fields
        .get("size")
        .and_then(|node| fields::size(node, "size", limits::RETENTION_BYTES, problems));
    retention
}

fn roles(node: &Node, problems: &mut Problems) -> Vec<String> {
    let mut roles = Vec::new();
    for (at, role) in fields::texts(node, "roles", problems) {
        if role.chars().count() > PERSON || role.contains(char::is_control) {
            problems.add(
                at,
                format!(
                    "role {}: expected at most {PERSON} characters on one line",
                    quoted(role)
                ),
            );
        }
        roles.push(role.to_owned());
    }
    roles
}

fn kinds(node: &Node, problems: &mut Problems) -> Vec<String> {
    let mut kinds = Vec::new();
    for (at, kind) in fields::texts(node, "kinds", problems) {
        if !is_name(kind) {
            problems.add(
                at,
                format!(
                    "kind {}: expected lower case letters, digits and `-`, such as customer",
                    quoted(kind)
                ),
            );
        }
        kinds.push(kind.to_owned());
    }
    kinds
}

/// A secret reference. What is no reference is never shown: it may be the secret.
pub(crate) fn reference(
    node: &Node,
    what: &str,
    problems: &mut Problems,
) -> Option<SecretReference> {
    let parsed = match &node.value {
        tombolo_flow::yaml::Value::Text(text) => SecretReference::parse(text),
        _ => Err(crate::secrets::NotAReference),
    };
    parsed
        .map_err(|error| problems.add(node.place, format!("{what}: {error}")))
        .ok()
}
