//! `systems/NAME.yaml` as the operator wrote it, before it is held against its adapter's manifest.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use tombolo_flow::delivery::Delivery;
use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::fields::FieldRules;

use super::canary::{self, CanaryPlan};
use super::connection::{self, BoundConnection};
use super::delivery;
use super::fields::{self, At, Fields, Problems, json};
use super::offers::Declared;
use super::place::{self, AdapterPlace};
use super::settings::reference;
use super::withheld;
use crate::secrets::SecretReference;

/// A system file.
pub(crate) struct SystemFile<'n> {
    /// Where it is named, where it lies, and how that is written.
    pub(crate) adapter: (At, AdapterPlace, &'n str),
    /// Whether it may run without a trusted publisher's signature.
    pub(crate) unsigned: bool,
    /// By name.
    pub(crate) connections: BTreeMap<String, BoundConnection>,
    /// By name.
    pub(crate) keys: BTreeMap<String, BoundKey>,
    /// For the adapter.
    pub(crate) settings: Json,
    /// Only for generic adapters.
    pub(crate) declared: Declared,
    /// Fields that do not reach it.
    pub(crate) withheld: FieldRules,
    /// How calls go out to it.
    pub(crate) delivery: Delivery,
    /// How a new version is tried.
    pub(crate) canary: Option<CanaryPlan>,
    /// Narrower limits.
    pub(crate) limits: Option<&'n Node>,
    /// All keys, for places.
    pub(crate) fields: Fields<'n>,
}

/// A key as the operator bound it.
pub(crate) struct BoundKey {
    /// Where its name stands.
    pub(crate) at: At,
    /// One, or several that are joined.
    pub(crate) references: Vec<SecretReference>,
    /// What is put between several.
    pub(crate) join: String,
}

/// Reads the tree of a system file. Without an adapter there is nothing to hold it against.
pub(crate) fn read<'n>(
    node: &'n Node,
    folder: &Path,
    problems: &mut Problems,
) -> Option<SystemFile<'n>> {
    let known = [
        "adapter",
        "digest",
        "unsigned",
        "connections",
        "keys",
        "settings",
        "profiles",
        "actions",
        "hooks",
        "feeds",
        "emits",
        "fields",
        "limits",
        "rate",
        "concurrency",
        "delivery",
        "canary",
    ];
    let fields = Fields::known(node, "a system", &known, problems)?;
    let adapter = place::read(fields, folder, problems);
    let unsigned = fields
        .get("unsigned")
        .is_some_and(|node| unsigned(node, problems));
    let connections = connections(fields, folder, problems);
    let keys = keys(fields, problems);
    let settings = settings(fields, problems);
    let declared = Declared::read(fields, problems);
    let delivery = delivery::read(fields, problems);
    Some(SystemFile {
        adapter: adapter?,
        unsigned,
        connections,
        keys,
        settings,
        declared,
        withheld: fields
            .get("fields")
            .map(|node| withheld::read(node, problems))
            .unwrap_or_default(),
        delivery,
        canary: canary::read(fields, problems),
        limits: fields.get("limits"),
        fields,
    })
}

/// Only the word `allow` allows: no `yes` or `true` that slipped in.
pub(crate) fn unsigned(node: &Node, problems: &mut Problems) -> bool {
    let allows = matches!(&node.value, Value::Text(text) if text == "allow");
    if !allows {
        problems.unexpected(
            node,
            "unsigned",
            "`allow`, or no such key: an adapter runs only if a publisher named in tombolo.yaml signed it",
        );
    }
    allows
}

fn connections(
    file: Fields<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> BTreeMap<String, BoundConnection> {
    let Some(fields) = file
        .get("connections")
        .and_then(|node| Fields::any(node, "connections", problems))
    else {
        return BTreeMap::new();
    };
    fields
        .entries()
        .filter_map(|(key, node)| {
            connection::read(key.place, node, folder, problems)
                .map(|bound| (key.text.clone(), bound))
        })
        .collect()
}

fn keys(file: Fields<'_>, problems: &mut Problems) -> BTreeMap<String, BoundKey> {
    let Some(fields) = file
        .get("keys")
        .and_then(|node| Fields::any(node, "keys", problems))
    else {
        return BTreeMap::new();
    };
    fields
        .entries()
        .filter_map(|(key, node)| {
            bound_key(key.place, node, problems).map(|bound| (key.text.clone(), bound))
        })
        .collect()
}

/// A reference, or `{ secrets: [..], join: "&" }`.
fn bound_key(at: At, node: &Node, problems: &mut Problems) -> Option<BoundKey> {
    if !matches!(node.value, Value::Map(_)) {
        let reference = reference(node, "a key", problems)?;
        return Some(BoundKey {
            at,
            references: vec![reference],
            join: String::new(),
        });
    }
    let fields = Fields::known(node, "a key", &["secrets", "join"], problems)?;
    let list = fields.need("secrets", problems)?;
    let items = fields::list(list, "secrets", problems)?;
    if items.is_empty() {
        problems.add(
            list.place,
            "secrets: found none, expected at least one reference",
        );
        return None;
    }
    let references: Vec<_> = items
        .iter()
        .filter_map(|item| reference(item, "a key", problems))
        .collect();
    let join = match fields.get("join").map(|node| (&node.value, node)) {
        None => String::new(),
        Some((Value::Text(text), _)) => text.clone(),
        Some((_, node)) => {
            problems.unexpected(node, "join", "a text such as \"&\"");
            String::new()
        }
    };
    (references.len() == items.len()).then_some(BoundKey {
        at,
        references,
        join,
    })
}

fn settings(file: Fields<'_>, problems: &mut Problems) -> Json {
    match file.get("settings") {
        None => Json::Object(serde_json::Map::new()),
        Some(node) if matches!(node.value, Value::Map(_)) => json(node),
        Some(node) => {
            problems.unexpected(node, "settings", "a mapping");
            Json::Object(serde_json::Map::new())
        }
    }
}
