//! The `credential` of an HTTP connection: its shape and where its secret is kept.

use http::HeaderName;
use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::system::Credential;
use url::Url;

use super::fields::{self, At, Fields, Problems};
use super::plan::no_secret;
use super::settings::reference;
use crate::secrets::SecretReference;

const KINDS: [&str; 5] = ["bearer", "basic", "header", "query", "oauth2"];

/// A credential whose secret is still empty, and its reference.
pub(crate) struct CredentialPlan {
    pub(crate) credential: Credential,
    pub(crate) secret: Option<(At, SecretReference)>,
}

impl CredentialPlan {
    /// No credential.
    pub(crate) fn none() -> Self {
        Self {
            credential: Credential::None,
            secret: None,
        }
    }

    /// Reads `{ bearer: env:X }`, `{ basic: ... }`, `{ header: ... }`, `{ query: ... }` or `{ oauth2: ... }`.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Value::Text(text) = &node.value {
            if text == "none" {
                return Some(Self::none());
            }
            problems.add(
                node.place,
                "credential: found a text, expected a mapping such as `{ bearer: env:NAME }`",
            );
            return None;
        }
        let fields = Fields::known(node, "credential", &KINDS, problems)?;
        let given: Vec<_> = fields
            .entries()
            .filter(|(key, _)| KINDS.contains(&key.text.as_str()))
            .collect();
        let [(key, value)] = given.as_slice() else {
            problems.add(
                node.place,
                format!(
                    "credential: found {} kinds, expected exactly one of {}",
                    given.len(),
                    KINDS.join(", ")
                ),
            );
            return None;
        };
        match key.text.as_str() {
            "bearer" => bearer(value, problems),
            "basic" => basic(value, problems),
            "oauth2" => oauth2(value, problems),
            kind => named(value, kind == "header", problems),
        }
    }
}

fn secret(
    fields: Fields<'_>,
    name: &str,
    problems: &mut Problems,
) -> Option<(At, SecretReference)> {
    let node = fields.need(name, problems)?;
    reference(node, name, problems).map(|reference| (node.place, reference))
}

fn needed(fields: Fields<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    fields
        .need(name, problems)
        .and_then(|node| fields::text(node, name, problems))
        .map(str::to_owned)
}

fn bearer(node: &Node, problems: &mut Problems) -> Option<CredentialPlan> {
    let secret = (node.place, reference(node, "bearer", problems)?);
    Some(CredentialPlan {
        credential: Credential::Bearer { token: no_secret() },
        secret: Some(secret),
    })
}

fn basic(node: &Node, problems: &mut Problems) -> Option<CredentialPlan> {
    let fields = Fields::known(node, "basic", &["user", "password"], problems)?;
    let user = needed(fields, "user", problems);
    let secret = secret(fields, "password", problems);
    let user = user?;
    if user.contains(':') || user.contains(char::is_control) {
        problems.add(
            fields.key_at("user"),
            "basic: a user cannot hold `:` or control characters (RFC 7617)",
        );
        return None;
    }
    Some(CredentialPlan {
        credential: Credential::Basic {
            user,
            password: no_secret(),
        },
        secret: Some(secret?),
    })
}

fn named(node: &Node, header: bool, problems: &mut Problems) -> Option<CredentialPlan> {
    let what = if header { "header" } else { "query" };
    let fields = Fields::known(node, what, &["name", "value"], problems)?;
    let name = needed(fields, "name", problems);
    let secret = secret(fields, "value", problems);
    let name = name?;
    if header && HeaderName::from_bytes(name.as_bytes()).is_err() {
        problems.add(
            fields.key_at("name"),
            "header: the name is not a header's name, expected one such as `X-Api-Key`",
        );
        return None;
    }
    let credential = if header {
        Credential::Header {
            name: name.to_ascii_lowercase(),
            value: no_secret(),
        }
    } else {
        Credential::Query {
            name,
            value: no_secret(),
        }
    };
    Some(CredentialPlan {
        credential,
        secret: Some(secret?),
    })
}

fn oauth2(node: &Node, problems: &mut Problems) -> Option<CredentialPlan> {
    let keys = [
        "token-url",
        "client-id",
        "client-secret",
        "scope",
        "audience",
        "in-body",
    ];
    let fields = Fields::known(node, "oauth2", &keys, problems)?;
    let token_url = fields
        .need("token-url", problems)
        .and_then(|node| token_url(node, problems));
    let client_id = needed(fields, "client-id", problems);
    let secret = secret(fields, "client-secret", problems);
    let optional = |name: &str, problems: &mut Problems| {
        fields
            .get(name)
            .and_then(|node| fields::text(node, name, problems))
            .map(str::to_owned)
    };
    let scope = optional("scope", problems).unwrap_or_default();
    let audience = optional("audience", problems);
    let in_body = fields
        .get("in-body")
        .and_then(|node| fields::boolean(node, "in-body", problems))
        .unwrap_or(false);
    let credential = Credential::OAuth2ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: no_secret(),
        scope,
        audience,
        in_body,
    };
    Some(CredentialPlan {
        credential,
        secret: Some(secret?),
    })
}

fn token_url(node: &Node, problems: &mut Problems) -> Option<Url> {
    let url = Url::parse(fields::text(node, "token-url", problems)?).ok();
    let good = url.filter(|url| {
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain
    });
    if good.is_none() {
        problems.add(node.place, "token-url: expected an address such as `https://login.example/oauth2/token`, without user or fragment");
    }
    good
}
