//! What the adapter may do in a test: its manifest and, for a generic adapter, the operator's declarations.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_manifest::pattern::{HttpPattern, TopicPattern, check_topic};
use tombolo_manifest::quantity::parse_size;
use tombolo_manifest::{ConnectionKind, Key, Manifest, Statement};

use super::refuse;

/// Manifest and declarations together.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) manifest: Manifest,
    pub(super) system: System,
}

/// The parts of a system file that matter in memory; the rest of it (addresses, credentials) is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct System {
    pub(super) connections: BTreeMap<String, Bound>,
    settings: Option<Value>,
    actions: BTreeMap<String, Offer>,
    hooks: BTreeMap<String, Offer>,
    feeds: BTreeMap<String, Offer>,
    emits: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bound {
    allow: Vec<String>,
    publish: Vec<String>,
    statements: BTreeMap<String, Statement>,
}

#[derive(Debug, Deserialize)]
struct Offer {
    #[serde(default)]
    r#do: Value,
}

impl Declared {
    pub(super) fn new(manifest: &str) -> Self {
        match Manifest::parse(manifest) {
            Ok(manifest) => Self {
                manifest,
                system: System::default(),
            },
            Err(problems) => {
                let problems: Vec<String> = problems
                    .iter()
                    .map(|problem| format!("adapter.toml:{problem}"))
                    .collect();
                refuse(problems.join("\n"))
            }
        }
    }

    pub(super) fn set_system(&mut self, system: Value) {
        self.system = match serde_json::from_value(system) {
            Ok(system) => system,
            Err(error) => refuse(format!("the test's system: {error}")),
        };
        let declares = !(self.system.actions.is_empty()
            && self.system.hooks.is_empty()
            && self.system.feeds.is_empty());
        if declares && !self.manifest.adapter.generic {
            refuse(
                "the test's system declares actions, hooks or feeds, which only a generic adapter takes; set `generic = true` in adapter.toml or leave them out",
            );
        }
    }

    pub(super) fn set_settings(&mut self, settings: Value) {
        self.system.settings = Some(settings);
    }

    /// What `settings.get` answers.
    pub(super) fn settings_text(&self) -> String {
        let settings = self.system.settings.clone().unwrap_or_else(|| json!({}));
        let dos = |offers: &BTreeMap<String, Offer>| -> Value {
            offers
                .iter()
                .map(|(name, offer)| (name.clone(), offer.r#do.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "system": "test",
            "settings": settings,
            "actions": dos(&self.system.actions),
            "hooks": dos(&self.system.hooks),
            "feeds": dos(&self.system.feeds),
        })
        .to_string()
    }

    // === what is offered ===

    pub(super) fn require_action(&self, name: &str) {
        if !self.manifest.actions.contains_key(name) && !self.system.actions.contains_key(name) {
            refuse(format!(
                "the test calls the action `{name}`, which neither the manifest nor the test's system declares"
            ));
        }
    }

    pub(super) fn require_hook(&self, name: &str) {
        if !self.manifest.hooks.contains_key(name) && !self.system.hooks.contains_key(name) {
            refuse(format!(
                "the test calls the hook `{name}`, which neither the manifest nor the test's system declares"
            ));
        }
    }

    pub(super) fn require_feed(&self, name: &str) {
        if !self.manifest.feeds.contains_key(name) && !self.system.feeds.contains_key(name) {
            refuse(format!(
                "the test reads the feed `{name}`, which neither the manifest nor the test's system declares"
            ));
        }
    }

    // === what is allowed ===

    pub(super) fn require_http(&self, connection: &str, method: &str, path: &str) {
        self.require_connection(connection, ConnectionKind::Http, "http");
        let manifest = self
            .manifest
            .connections
            .get(connection)
            .map(|wish| wish.allow.as_slice())
            .unwrap_or_default();
        let declared = self
            .system
            .connections
            .get(connection)
            .map(|bound| bound.allow.as_slice())
            .unwrap_or_default();
        if !manifest
            .iter()
            .chain(declared)
            .any(|allowed| allows(allowed, method, path))
        {
            refuse(format!(
                "the adapter sends `{method} {path}` over `{connection}`, which no `allow` of that connection covers; add the pattern or mend the path"
            ));
        }
    }

    pub(super) fn require_statement(&self, connection: &str, statement: &str) -> &Statement {
        self.require_connection(connection, ConnectionKind::Sql, "sql");
        let manifest = self
            .manifest
            .connections
            .get(connection)
            .and_then(|wish| wish.statements.get(statement));
        let declared = self
            .system
            .connections
            .get(connection)
            .and_then(|bound| bound.statements.get(statement));
        match manifest.or(declared) {
            Some(statement) => statement,
            None => refuse(format!(
                "the adapter runs the statement `{statement}` on `{connection}`, which that connection does not declare"
            )),
        }
    }

    pub(super) fn require_topic(&self, connection: &str, topic: &str) {
        self.require_connection(connection, ConnectionKind::Broker, "broker");
        if let Err(problem) = check_topic(topic) {
            refuse(format!("the adapter publishes to a {problem}"));
        }
        let manifest = self.manifest.connections.get(connection);
        let declared = self.system.connections.get(connection);
        let mut patterns = manifest
            .map(|wish| wish.publish.as_slice())
            .unwrap_or_default()
            .iter()
            .chain(
                declared
                    .map(|bound| bound.publish.as_slice())
                    .unwrap_or_default(),
            );
        let allows = |pattern: &String| match pattern.parse::<TopicPattern>() {
            Ok(pattern) => pattern.allows(topic),
            Err(problem) => refuse(format!("a `publish` of the connection: {problem}")),
        };
        if !patterns.any(allows) {
            refuse(format!(
                "the adapter publishes to `{topic}` on `{connection}`, which no `publish` of that connection covers; add the pattern or mend the topic"
            ));
        }
    }

    /// A generic adapter's connections may carry any name that the operator bound.
    fn require_connection(&self, name: &str, kind: ConnectionKind, spelled: &str) {
        match self.manifest.connections.get(name) {
            Some(wish) if wish.kind == kind => {}
            Some(_) => refuse(format!(
                "the adapter uses the connection `{name}` as {spelled}, but the manifest says another kind"
            )),
            None if self.manifest.adapter.generic && self.system.connections.contains_key(name) => {
            }
            None => refuse(format!(
                "the adapter uses the connection `{name}`, which is not declared"
            )),
        }
    }

    pub(super) fn require_key(&self, name: &str, wanted: &str) -> &Key {
        let Some(key) = self.manifest.keys.get(name) else {
            refuse(format!(
                "the adapter uses the key `{name}`, which the manifest does not declare"
            ));
        };
        if !key.uses.iter().any(|declared| declared == wanted) {
            refuse(format!(
                "the adapter uses the key `{name}` for `{wanted}`, which its `uses` in the manifest lacks"
            ));
        }
        key
    }

    pub(super) fn require_event(&self, event_type: &str) {
        if !self.manifest.events.emits.contains_key(event_type)
            && !self
                .system
                .emits
                .iter()
                .any(|emitted| emitted == event_type)
        {
            refuse(format!(
                "the adapter emits `{event_type}`, which neither the manifest's events nor the test's `emits` has"
            ));
        }
    }

    pub(super) fn require_call(&self, target: &str) {
        if !self.manifest.calls.contains_key(target) {
            refuse(format!(
                "the adapter calls `{target}`, which `[calls]` in the manifest lacks"
            ));
        }
    }

    /// Bytes of the store's quota.
    pub(super) fn require_store(&self) -> u64 {
        let Some(wish) = &self.manifest.store else {
            refuse(
                "the adapter uses the store, which the manifest does not ask for; add `[store]` with quota and reason",
            );
        };
        match parse_size(&wish.quota) {
            Ok(quota) => quota,
            Err(error) => refuse(format!("adapter.toml: the store's quota: {error}")),
        }
    }
}

/// The same matcher as the host's.
fn allows(pattern: &str, method: &str, path: &str) -> bool {
    match pattern.parse::<HttpPattern>() {
        Ok(pattern) => pattern.allows(method, path),
        Err(problem) => refuse(format!("an `allow` of the connection: {problem}")),
    }
}
