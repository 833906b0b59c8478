//! `tokens:` of `tombolo.yaml`: who may use the API with a token whose text is kept elsewhere.

use std::collections::BTreeSet;

use tombolo_flow::yaml::Node;
use tombolo_kernel::limits;
use tombolo_manifest::names::is_name;

use super::delivery;
use super::fields::{self, Fields, Problems, quoted};
use super::settings::reference;
use crate::access::{self, Access, Role, Scopes};
use crate::secrets::SecretReference;

/// A token of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// For the log and the audit.
    pub name: String,
    /// Where its text is.
    pub token: SecretReference,
    /// What it allows.
    pub access: Access,
}

/// Reads the list.
pub(crate) fn read(node: &Node, problems: &mut Problems) -> Vec<ApiToken> {
    let mut tokens: Vec<ApiToken> = Vec::new();
    let items = fields::list(node, "tokens", problems).unwrap_or_default();
    if items.len() > limits::TOKENS {
        problems.unexpected(node, "tokens", &format!("at most {}", limits::TOKENS));
    }
    for item in items {
        let Some(token) = api_token(item, problems) else {
            continue;
        };
        if tokens.iter().any(|other| other.name == token.name) {
            problems.add(
                item.place,
                format!(
                    "two tokens are named {}; give each a name of its own",
                    quoted(&token.name)
                ),
            );
        }
        tokens.push(token);
    }
    tokens
}

fn api_token(node: &Node, problems: &mut Problems) -> Option<ApiToken> {
    let keys = [
        "name", "token", "may", "role", "systems", "flows", "types", "tasks", "expires", "rate",
    ];
    let fields = Fields::known(node, "a token", &keys, problems)?;
    let name = fields.need("name", problems).and_then(|node| {
        let name = fields::text(node, "the token's name", problems)?;
        if !is_name(name) {
            problems.unexpected(
                node,
                "the token's name",
                "lower case letters, digits and `-`",
            );
        }
        Some(name.to_owned())
    });
    let token = fields
        .need("token", problems)
        .and_then(|node| reference(node, "the token", problems));
    let access = Access {
        roles: roles(&fields, problems),
        scopes: scopes(&fields, problems),
        expires_ms: expires(&fields, problems),
        rate: fields
            .get("rate")
            .and_then(|node| delivery::rate(node, problems)),
    };
    Some(ApiToken {
        name: name?,
        token: token?,
        access,
    })
}

/// `role: auditor`, or `may: [operate, answer]` of a token that is several.
fn roles(fields: &Fields<'_>, problems: &mut Problems) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    if let Some(node) = fields.get("role") {
        if fields.get("may").is_some() {
            problems.add(node.place, "found both `role` and `may`, expected one");
        }
        let name = fields::text(node, "role", problems).unwrap_or_default();
        match Role::named(name) {
            Some(role) => drop(roles.insert(role)),
            None => problems.unexpected(node, "role", &one_of(Role::ALL.map(|(_, name, _)| name))),
        }
        return roles;
    }
    let Some(list) = fields.need("may", problems) else {
        return roles;
    };
    for item in fields::list(list, "may", problems).unwrap_or_default() {
        let verb = fields::text(item, "may", problems).unwrap_or_default();
        match Role::that_may(verb) {
            Some(role) => drop(roles.insert(role)),
            None => problems.unexpected(item, "may", &one_of(Role::ALL.map(|(.., verb)| verb))),
        }
    }
    if roles.contains(&Role::Operator) && roles.contains(&Role::Reviewer) {
        problems.add(
            list.place,
            "may: found operate and review; who operates must not review: make two tokens",
        );
    }
    roles
}

fn one_of(names: [&str; 6]) -> String {
    let [first @ .., last] = names;
    format!("{} or {last}", first.join(", "))
}

fn scopes(fields: &Fields<'_>, problems: &mut Problems) -> Scopes {
    let mut names = |key: &str| {
        let node = fields.get(key)?;
        let names: BTreeSet<String> = fields::texts(node, key, problems)
            .into_iter()
            .map(|(_, name)| name.to_owned())
            .collect();
        if names.is_empty() {
            problems.add(
                node.place,
                format!("{key}: found nothing, expected at least one name; without `{key}` the token is for all"),
            );
        }
        if names.len() > limits::TOKEN_NAMES {
            let most = limits::TOKEN_NAMES;
            problems.unexpected(node, key, &format!("at most {most} names"));
        }
        Some(names)
    };
    Scopes {
        systems: names("systems"),
        flows: names("flows"),
        types: names("types"),
        tasks: names("tasks"),
    }
}

fn expires(fields: &Fields<'_>, problems: &mut Problems) -> Option<u64> {
    let node = fields.get("expires")?;
    let at = access::moment(fields::text(node, "expires", problems)?);
    if at.is_none() {
        let expected = "a day such as `2027-01-31`, or a moment such as `2027-01-31T08:00:00Z`";
        problems.unexpected(node, "expires", expected);
    }
    // What cannot be read ends at once; the site does not check anyway.
    Some(at.unwrap_or(0))
}
