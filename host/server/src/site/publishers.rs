//! `publishers` of `tombolo.yaml`: whose signatures count for which adapters.

use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::limits;
use tombolo_kernel::package::Publishers;
use tombolo_kernel::package::signature::{PublisherKey, is_adapter_pattern};

use super::fields::{self, Fields, Problems, quoted};

/// Reads `{ "acme/*": KEY, acme/shop: [KEY, KEY] }`.
pub(crate) fn read(node: &Node, problems: &mut Problems) -> Publishers {
    let mut publishers = Publishers::default();
    let Some(fields) = Fields::any(node, "publishers", problems) else {
        return publishers;
    };
    let found = fields.entries().count();
    if found > limits::PUBLISHERS {
        problems.add(
            node.place,
            format!(
                "found {found} publishers, expected at most {}; `vendor/*` trusts one for all its adapters",
                limits::PUBLISHERS
            ),
        );
        return publishers;
    }
    for (key, node) in fields.entries() {
        if !is_adapter_pattern(&key.text) {
            problems.add(
                key.place,
                format!(
                    "publisher of {}: expected `vendor/name` of one adapter or `vendor/*` of all of a vendor, in lower case letters, digits and `-`",
                    quoted(&key.text)
                ),
            );
        }
        publishers.trust(&key.text, keys(node, problems));
    }
    publishers
}

/// One key, or a list of them.
fn keys(node: &Node, problems: &mut Problems) -> Vec<PublisherKey> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if nodes.is_empty() || nodes.len() > limits::PUBLISHER_KEYS {
        let expected = format!("from 1 to {} keys", limits::PUBLISHER_KEYS);
        problems.unexpected(node, "a publisher", &expected);
        return Vec::new();
    }
    let mut keys = Vec::new();
    for node in nodes {
        let Some(text) = fields::text(node, "a publisher's key", problems) else {
            continue;
        };
        match PublisherKey::parse(text) {
            Ok(key) => keys.push(key),
            // The secret half looks alike: never repeat what was found.
            Err(error) => problems.add(node.place, format!("a publisher's key: {error}")),
        }
    }
    keys
}
