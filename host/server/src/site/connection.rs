//! One entry of a system file's `connections`: a server, a database or a broker, its credential, and for generic adapters
//! what may be done there.

use std::collections::BTreeMap;
use std::path::Path;

use tombolo_flow::yaml::Node;
use tombolo_kernel::system::{BrokerPlace, Credential, SqlPlace, SqlStatement};
use tombolo_manifest::names::is_dotted;
use tombolo_manifest::{ConnectionKind, HttpPattern};
use url::Url;

use super::broker;
use super::credential::CredentialPlan;
use super::fields::{self, At, Fields, Problems, quoted};
use super::offers::effect;
use super::settings::reference;
use crate::secrets::SecretReference;

const DATABASES: [&str; 3] = ["sqlite", "postgres", "mysql"];

/// A connection as the operator bound it.
pub(crate) struct BoundConnection {
    /// Where its name stands.
    pub(crate) at: At,
    /// Where it leads.
    pub(crate) place: Place,
    /// Its secret, if it has one.
    pub(crate) secret: Option<(At, SecretReference)>,
}

/// Where a connection leads.
pub(crate) enum Place {
    /// A server.
    Http {
        /// Checked.
        base: Url,
        /// Only in a generic adapter's system.
        allow: Vec<(At, String)>,
        /// Without its secret.
        credential: Credential,
        /// `network: private`.
        private: bool,
        /// `cookies: keep`.
        cookies: bool,
    },
    /// A database.
    Sql {
        /// Without its password.
        place: SqlPlace,
        /// Only in a generic adapter's system.
        statements: BTreeMap<String, (At, SqlStatement)>,
    },
    /// A broker.
    Broker {
        /// Without its password.
        place: BrokerPlace,
        /// Only in a generic adapter's system.
        publish: Vec<(At, String)>,
    },
}

impl Place {
    /// Its protocol.
    pub(crate) fn kind(&self) -> ConnectionKind {
        match self {
            Self::Http { .. } => ConnectionKind::Http,
            Self::Sql { .. } => ConnectionKind::Sql,
            Self::Broker { .. } => ConnectionKind::Broker,
        }
    }
}

/// Reads one connection.
pub(crate) fn read(
    at: At,
    node: &Node,
    folder: &Path,
    problems: &mut Problems,
) -> Option<BoundConnection> {
    let all = [
        "http",
        "sqlite",
        "postgres",
        "mysql",
        "mqtt",
        "amqp",
        "nats",
        "allow",
        "cookies",
        "credential",
        "network",
        "password",
        "statements",
        "user",
        "version",
        "publish",
    ];
    let fields = Fields::known(node, "a connection", &all, problems)?;
    let places: Vec<&str> = std::iter::once("http")
        .chain(DATABASES)
        .chain(broker::KINDS)
        .filter(|kind| fields.get(kind).is_some())
        .collect();
    let [kind] = places.as_slice() else {
        let found = if places.is_empty() {
            "none".to_owned()
        } else {
            places.join(" and ")
        };
        problems.add(at, format!("a connection leads to one place: found {found}, expected one of http, sqlite, postgres, mysql, mqtt, amqp, nats"));
        return None;
    };
    let foreign: &[&str] = match *kind {
        "http" => &["password", "statements", "user", "version", "publish"],
        "sqlite" => &[
            "allow",
            "cookies",
            "credential",
            "network",
            "password",
            "user",
            "version",
            "publish",
        ],
        "mqtt" => &["allow", "cookies", "credential", "network", "statements"],
        "amqp" | "nats" => &[
            "allow",
            "cookies",
            "credential",
            "network",
            "statements",
            "version",
        ],
        _ => &[
            "allow",
            "cookies",
            "credential",
            "network",
            "user",
            "version",
            "publish",
        ],
    };
    for key in foreign {
        if fields.get(key).is_some() {
            problems.add(
                fields.key_at(key),
                format!("`{key}` has no meaning beside `{kind}`; take it out"),
            );
        }
    }
    if *kind == "http" {
        http(at, fields, problems)
    } else if broker::KINDS.contains(kind) {
        broker::read(at, kind, fields, problems)
    } else {
        sql(at, kind, fields, folder, problems)
    }
}

fn http(at: At, fields: Fields<'_>, problems: &mut Problems) -> Option<BoundConnection> {
    let base = fields.get("http").and_then(|node| base_url(node, problems));
    let allow = fields
        .get("allow")
        .map(|node| allow(node, problems))
        .unwrap_or_default();
    let credential = match fields.get("credential") {
        Some(node) => CredentialPlan::read(node, problems),
        None => Some(CredentialPlan::none()),
    };
    let private = fields.get("network").is_some_and(|node| match fields::text(node, "network", problems) {
        Some("private") => true,
        Some("public") | None => false,
        Some(_) => {
            problems.unexpected(node, "network", "`public` (the default) or `private`, which may reach private and loopback addresses");
            false
        }
    });
    let cookies =
        fields
            .get("cookies")
            .is_some_and(|node| match fields::text(node, "cookies", problems) {
                Some("keep") => true,
                Some("drop") | None => false,
                Some(_) => {
                    problems.unexpected(
                        node,
                        "cookies",
                        "`drop` (the default) or `keep`, which sends a server's cookies back to it",
                    );
                    false
                }
            });
    let credential = credential?;
    let place = Place::Http {
        base: base?,
        allow,
        credential: credential.credential,
        private,
        cookies,
    };
    Some(BoundConnection {
        at,
        place,
        secret: credential.secret,
    })
}

fn base_url(node: &Node, problems: &mut Problems) -> Option<Url> {
    let text = fields::text(node, "http", problems)?;
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        problems.unexpected(
            node,
            "http",
            "the address of a server such as `https://api.example/v1`",
        );
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        problems.add(node.place, "http: found a user or password in the address; write it as `credential: { basic: { user: ..., password: env:NAME } }`");
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        problems.add(
            node.place,
            "http: found a query or fragment, expected an address that ends with its path",
        );
        return None;
    }
    Some(url)
}

fn allow(node: &Node, problems: &mut Problems) -> Vec<(At, String)> {
    let mut patterns = Vec::new();
    for (at, text) in fields::texts(node, "allow", problems) {
        match text.parse::<HttpPattern>() {
            Ok(_) => patterns.push((at, text.to_owned())),
            Err(error) => problems.add(at, format!("allow: {error}")),
        }
    }
    patterns
}

fn sql(
    at: At,
    kind: &str,
    fields: Fields<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<BoundConnection> {
    let secret = fields.get("password").and_then(|node| {
        reference(node, "password", problems).map(|reference| (node.place, reference))
    });
    let statements = fields
        .get("statements")
        .map(|node| statements(node, problems))
        .unwrap_or_default();
    let node = fields.get(kind)?;
    let place = if kind == "sqlite" {
        let path = fields::text(node, kind, problems)?;
        if path.contains('\0') || path == ":memory:" {
            problems.unexpected(node, kind, "the path of a database file");
            return None;
        }
        SqlPlace::Sqlite {
            path: folder.join(path),
        }
    } else {
        let url = database_url(node, kind, problems)?;
        if kind == "postgres" {
            SqlPlace::Postgres {
                url,
                password: None,
            }
        } else {
            SqlPlace::MySql {
                url,
                password: None,
            }
        }
    };
    Some(BoundConnection {
        at,
        place: Place::Sql { place, statements },
        secret,
    })
}

fn database_url(node: &Node, kind: &str, problems: &mut Problems) -> Option<Url> {
    let text = fields::text(node, kind, problems)?;
    let schemes: &[&str] = if kind == "postgres" {
        &["postgres", "postgresql"]
    } else {
        &["mysql", "mariadb"]
    };
    let expected = format!("`{kind}://USER@HOST:PORT/DATABASE`");
    let Some(url) = Url::parse(text)
        .ok()
        .filter(|url| schemes.contains(&url.scheme()) && url.has_host())
    else {
        // Not shown: a password may be in it.
        problems.add(
            node.place,
            format!("{kind}: this is not a database's address, expected {expected}"),
        );
        return None;
    };
    if url.password().is_some() {
        problems.add(node.place, format!("{kind}: found a password in the address; write `password: env:NAME` beside it and {expected} here"));
        return None;
    }
    let has_database = url.path().trim_matches('/').split('/').count() == 1 && url.path().len() > 1;
    if url.username().is_empty() || !has_database {
        problems.add(
            node.place,
            format!("{kind}: the user or the database is missing, expected {expected}"),
        );
        return None;
    }
    let tls = ["sslmode", "ssl-mode"];
    if url.fragment().is_some()
        || url
            .query_pairs()
            .any(|(name, _)| !tls.contains(&name.as_ref()))
    {
        problems.add(
            node.place,
            format!("{kind}: of options only `sslmode` (or `ssl-mode`) can stand in the address"),
        );
        return None;
    }
    Some(url)
}

fn statements(node: &Node, problems: &mut Problems) -> BTreeMap<String, (At, SqlStatement)> {
    let mut statements = BTreeMap::new();
    let Some(fields) = Fields::any(node, "statements", problems) else {
        return statements;
    };
    for (key, node) in fields.entries() {
        if !is_dotted(&key.text) {
            problems.add(
                key.place,
                format!(
                    "statement {}: expected a name of lower case letters, digits, `-` and `.`",
                    quoted(&key.text)
                ),
            );
        }
        let Some(fields) = Fields::known(node, "a statement", &["effect", "text"], problems) else {
            continue;
        };
        let effect = fields
            .need("effect", problems)
            .and_then(|node| effect(node, problems));
        let text = fields
            .need("text", problems)
            .and_then(|node| fields::text(node, "text", problems));
        if let (Some(effect), Some(text)) = (effect, text) {
            statements.insert(
                key.text.clone(),
                (
                    key.place,
                    SqlStatement {
                        effect,
                        text: text.trim().to_owned(),
                    },
                ),
            );
        }
    }
    statements
}
