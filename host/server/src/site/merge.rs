//! A system file held against its adapter's manifest: what is bound, what is missing, what the operator may add.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tombolo_flow::problem::did_you_mean;
use tombolo_kernel::capability::sql;
use tombolo_kernel::limits::JSON_BYTES;
use tombolo_kernel::package::{Package, Signer};
use tombolo_kernel::system::{
    ActionOffer, Binding, BrokerBinding, HttpBinding, KeyBinding, SqlBinding, SqlStatement,
    SystemSpec,
};
use tombolo_manifest::{Connection, ConnectionKind, Manifest, parse_size};

use super::broker;
use super::connection::{BoundConnection, Place};
use super::fields::{Problems, quoted};
use super::limits;
use super::plan::{SecretSlot, SecretWish, no_secret};
use super::system::SystemFile;

/// The system as the kernel wants it, and the secrets it lacks.
pub(crate) fn merge(
    name: &str,
    mut file: SystemFile<'_>,
    package: &Arc<Package>,
    signer: Signer,
    problems: &mut Problems,
) -> (SystemSpec, Vec<SecretWish>) {
    let manifest = &package.manifest;
    if !manifest.adapter.generic {
        refuse_declarations(&file, manifest, problems);
    }
    broker::check(&file, manifest, problems);
    let mut secrets = Vec::new();
    let connections = connections(&mut file, manifest, &mut secrets, problems);
    let keys = keys(&file, manifest, &mut secrets, problems);
    let settings = settings(name, &file, problems);
    let allowed = limits::of_manifest(&manifest.limits);
    let limits = file
        .limits
        .map_or(allowed, |node| limits::narrowed(node, allowed, problems));
    let spec = SystemSpec {
        name: name.to_owned(),
        package: Arc::clone(package),
        signer,
        review: Arc::default(),
        connections,
        keys,
        settings,
        actions: actions(&mut file, manifest, problems),
        hooks: names(
            manifest.hooks.keys(),
            &file.declared.hooks,
            "hook",
            problems,
        ),
        subscriptions: file
            .declared
            .subscriptions
            .iter()
            .map(|(hook, (_, subscription))| (hook.clone(), subscription.clone()))
            .collect(),
        feeds: feeds(&file, manifest, problems),
        emits: manifest
            .events
            .emits
            .keys()
            .cloned()
            .chain(file.declared.emits.iter().map(|(_, kind)| kind.clone()))
            .collect(),
        fields: file.withheld.clone(),
        store_quota: manifest
            .store
            .as_ref()
            .and_then(|wish| parse_size(&wish.quota).ok()),
        calls: manifest
            .calls
            .keys()
            .filter_map(|call| {
                call.split_once('.')
                    .map(|(system, action)| (system.to_owned(), action.to_owned()))
            })
            .collect(),
        limits,
    };
    (spec, secrets)
}

/// Only generic adapters let the operator declare.
fn refuse_declarations(file: &SystemFile<'_>, manifest: &Manifest, problems: &mut Problems) {
    let adapter = &manifest.adapter.name;
    for (name, feed) in &file.declared.feeds {
        if feed.task.is_some() {
            problems.add(feed.at, format!("feed `{name}`: `do` can be declared only for a generic adapter, and {adapter} is not one; take it out"));
        }
    }
    for key in ["profiles", "actions", "hooks", "emits"] {
        if file.fields.get(key).is_some() {
            problems.add(file.fields.key_at(key), format!("`{key}` can be declared only for a generic adapter, and {adapter} is not one; take it out"));
        }
    }
}

fn connections(
    file: &mut SystemFile<'_>,
    manifest: &Manifest,
    secrets: &mut Vec<SecretWish>,
    problems: &mut Problems,
) -> BTreeMap<String, Binding> {
    let mut bindings = BTreeMap::new();
    for (name, bound) in std::mem::take(&mut file.connections) {
        let Some(wanted) = manifest.connections.get(&name) else {
            let near = did_you_mean(&name, manifest.connections.keys().map(String::as_str));
            problems.add(
                bound.at,
                format!(
                    "the adapter has no connection {}; {}{near}",
                    quoted(&name),
                    asks_for("connections", manifest.connections.keys())
                ),
            );
            continue;
        };
        if bound.place.kind() != wanted.kind {
            let (found, expected) = (spelled(bound.place.kind()), spelled(wanted.kind));
            problems.add(bound.at, format!("connection `{name}`: found {found}, expected {expected}: the adapter asks for that kind"));
            continue;
        }
        if let Some((at, reference)) = &bound.secret {
            let slot = match bound.place {
                Place::Http { .. } => SecretSlot::Credential(name.clone()),
                Place::Sql { .. } | Place::Broker { .. } => SecretSlot::Password(name.clone()),
            };
            secrets.push(SecretWish {
                slot,
                references: vec![reference.clone()],
                join: String::new(),
                at: *at,
            });
        }
        let binding = binding(&name, bound, wanted, manifest.adapter.generic, problems);
        bindings.insert(name, binding);
    }
    for (name, wanted) in &manifest.connections {
        // One that is written but wrong has its own problem already.
        let written = file
            .fields
            .get("connections")
            .is_some_and(|node| mentions(node, name));
        if !wanted.optional && !written {
            let kind = spelled(wanted.kind);
            problems.add(file.fields.key_at("connections"), format!("the adapter needs the connection `{name}` ({}); bind it to {kind} under `connections`", wanted.reason));
        }
    }
    bindings
}

fn binding(
    name: &str,
    bound: BoundConnection,
    wanted: &Connection,
    generic: bool,
    problems: &mut Problems,
) -> Binding {
    match bound.place {
        Place::Http {
            base,
            allow,
            credential,
            private,
            cookies,
        } => {
            if let (false, Some((at, _))) = (generic, allow.first()) {
                problems.add(*at, format!("connection `{name}`: `allow` can be declared only for a generic adapter; take it out"));
            }
            if generic && allow.is_empty() && wanted.allow.is_empty() {
                problems.add(bound.at, format!("connection `{name}`: `allow` is missing, so nothing could be sent; list requests such as `GET /orders/{{id}}`"));
            }
            let allow = wanted
                .allow
                .iter()
                .cloned()
                .chain(allow.into_iter().map(|(_, pattern)| pattern));
            let allow = allow.collect::<BTreeSet<_>>().into_iter().collect();
            Binding::Http(HttpBinding {
                base,
                allow,
                credential,
                private_network: private,
                keeps_cookies: cookies,
            })
        }
        Place::Broker { place, publish } => {
            if let (false, Some((at, _))) = (generic, publish.first()) {
                problems.add(*at, format!("connection `{name}`: `publish` can be declared only for a generic adapter; take it out"));
            }
            let publish = wanted
                .publish
                .iter()
                .cloned()
                .chain(publish.into_iter().map(|(_, topic)| topic));
            let publish = publish.collect::<BTreeSet<_>>().into_iter().collect();
            Binding::Broker(BrokerBinding { place, publish })
        }
        Place::Sql { place, statements } => {
            let of_manifest = wanted.statements.iter().map(|(name, statement)| {
                (
                    name.clone(),
                    SqlStatement {
                        effect: statement.effect,
                        text: statement.text.trim().to_owned(),
                    },
                )
            });
            let mut all: BTreeMap<_, _> = of_manifest.collect();
            for (statement, (at, declared)) in statements {
                if !generic {
                    problems.add(at, format!("connection `{name}`: `statements` can be declared only for a generic adapter; take them out"));
                } else if all.insert(statement.clone(), declared).is_some() {
                    problems.add(
                        at,
                        format!(
                            "statement `{statement}` is the adapter's own; give yours another name"
                        ),
                    );
                }
            }
            let binding = SqlBinding {
                place,
                statements: all,
            };
            // What will not run is not put before a reviewer.
            for problem in sql::review(&binding).err().into_iter().flatten() {
                problems.add(bound.at, format!("connection `{name}`: {problem}"));
            }
            Binding::Sql(binding)
        }
    }
}

fn keys(
    file: &SystemFile<'_>,
    manifest: &Manifest,
    secrets: &mut Vec<SecretWish>,
    problems: &mut Problems,
) -> BTreeMap<String, KeyBinding> {
    let mut bindings = BTreeMap::new();
    for (name, bound) in &file.keys {
        let Some(wanted) = manifest.keys.get(name) else {
            let near = did_you_mean(name, manifest.keys.keys().map(String::as_str));
            problems.add(
                bound.at,
                format!(
                    "the adapter has no key {}; {}{near}",
                    quoted(name),
                    asks_for("keys", manifest.keys.keys())
                ),
            );
            continue;
        };
        let wish = SecretWish {
            slot: SecretSlot::Key(name.clone()),
            references: bound.references.clone(),
            join: bound.join.clone(),
            at: bound.at,
        };
        secrets.push(wish);
        bindings.insert(
            name.clone(),
            KeyBinding {
                secret: no_secret(),
                uses: wanted.uses.clone(),
                derive: wanted.derive.clone(),
            },
        );
    }
    for (name, wanted) in &manifest.keys {
        let written = file
            .fields
            .get("keys")
            .is_some_and(|node| mentions(node, name));
        if !wanted.optional && !written {
            problems.add(
                file.fields.key_at("keys"),
                format!(
                    "the adapter needs the key `{name}` ({}); bind it to a secret under `keys`",
                    wanted.reason
                ),
            );
        }
    }
    bindings
}

fn actions(
    file: &mut SystemFile<'_>,
    manifest: &Manifest,
    problems: &mut Problems,
) -> BTreeMap<String, ActionOffer> {
    let of_manifest = manifest.actions.iter().map(|(name, action)| {
        let offer = ActionOffer {
            effect: action.effect,
            summary: action.summary.clone(),
            input: action.input.clone(),
            output: action.output.clone(),
        };
        (name.clone(), offer)
    });
    let mut actions: BTreeMap<_, _> = of_manifest.collect();
    for (name, (at, offer, _)) in std::mem::take(&mut file.declared.actions) {
        if actions.insert(name.clone(), offer).is_some() {
            problems.add(
                at,
                format!("action `{name}` is the adapter's own; give yours another name"),
            );
        }
    }
    actions
}

/// The adapter's feeds and the operator's. An entry without `do` only says when one of the adapter's is read.
fn feeds(file: &SystemFile<'_>, manifest: &Manifest, problems: &mut Problems) -> BTreeSet<String> {
    let mut feeds: BTreeSet<String> = manifest.feeds.keys().cloned().collect();
    for (name, feed) in &file.declared.feeds {
        match (&feed.task, manifest.feeds.contains_key(name)) {
            (Some(_), true) => problems.add(
                feed.at,
                format!("feed `{name}` is the adapter's own; give yours another name"),
            ),
            (Some(_), false) => {
                feeds.insert(name.clone());
            }
            (None, true) => {}
            (None, false) if manifest.adapter.generic => problems.add(
                feed.at,
                format!(
                    "feed `{name}` needs `do`, found none; the adapter's README tells its keys"
                ),
            ),
            (None, false) => {
                let near = did_you_mean(name, manifest.feeds.keys().map(String::as_str));
                problems.add(
                    feed.at,
                    format!(
                        "the adapter has no feed {}; {}{near}",
                        quoted(name),
                        has("feeds", manifest.feeds.keys())
                    ),
                );
            }
        }
    }
    feeds
}

fn names<'m, T>(
    of_manifest: impl Iterator<Item = &'m String>,
    declared: &BTreeMap<String, (super::fields::At, T)>,
    what: &str,
    problems: &mut Problems,
) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = of_manifest.cloned().collect();
    for (name, (at, _)) in declared {
        if !names.insert(name.clone()) {
            problems.add(
                *at,
                format!("{what} `{name}` is the adapter's own; give yours another name"),
            );
        }
    }
    names
}

/// What `settings.get` answers in the guest.
fn settings(name: &str, file: &SystemFile<'_>, problems: &mut Problems) -> Arc<str> {
    let actions: serde_json::Map<_, _> = file
        .declared
        .actions
        .iter()
        .map(|(name, (_, _, task))| (name.clone(), task.clone()))
        .collect();
    let of = |offers: &BTreeMap<String, (super::fields::At, serde_json::Value)>| {
        offers
            .iter()
            .map(|(name, (_, task))| (name.clone(), task.clone()))
            .collect::<serde_json::Map<_, _>>()
    };
    let whole = json!({
        "system": name,
        "settings": file.settings,
        "actions": actions,
        "hooks": of(&file.declared.hooks),
        "feeds": file
            .declared
            .feeds
            .iter()
            .filter_map(|(name, feed)| Some((name.clone(), feed.task.clone()?)))
            .collect::<serde_json::Map<_, _>>(),
    });
    let text = whole.to_string();
    if text.len() > JSON_BYTES {
        let found = text.len() >> 10;
        problems.add(
            file.fields.at,
            format!(
                "settings, actions, hooks and feeds come to {found} KiB, expected at most {} KiB",
                JSON_BYTES >> 10
            ),
        );
    }
    Arc::from(text)
}

fn mentions(node: &tombolo_flow::yaml::Node, name: &str) -> bool {
    matches!(&node.value, tombolo_flow::yaml::Value::Map(entries) if entries.iter().any(|(key, _)| key.text == name))
}

fn asks_for<'m>(what: &str, names: impl Iterator<Item = &'m String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        format!("it asks for no {what}")
    } else {
        format!("it asks for {}", names.join(", "))
    }
}

fn has<'m>(what: &str, names: impl Iterator<Item = &'m String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        format!("it has no {what}")
    } else {
        format!("it has {}", names.join(", "))
    }
}

fn spelled(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Http => "a server (`http:`)",
        ConnectionKind::Broker => "a broker (`mqtt:`, `amqp:` or `nats:`)",
        ConnectionKind::Sql => "a database (`sqlite:`, `postgres:` or `mysql:`)",
    }
}
