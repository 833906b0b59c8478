//! `grants/SYSTEM.yaml`, item by item, so that each bad one is named at its place.

use tombolo_flow::yaml::Node;
use tombolo_kernel::grant::{Approval, Grant, GrantedAdapter, Item};

use super::fields::{self, Fields, Problems, json, quoted};

/// Reads the grant of `system`.
pub(crate) fn read(node: &Node, system: &str, problems: &mut Problems) -> Option<Grant> {
    let before = problems.count();
    let grant = whole(node, system, problems);
    if problems.count() > before {
        let advice = format!(
            "this grant is not as it was approved; write it anew with `tombolo grant approve {system}`"
        );
        problems.add(node.place, advice);
        return None;
    }
    grant
}

fn whole(node: &Node, system: &str, problems: &mut Problems) -> Option<Grant> {
    let fields = Fields::known(
        node,
        "a grant",
        &["system", "adapter", "approved", "items"],
        problems,
    )?;
    let named = needed(fields, "system", problems);
    if let Some(named) = &named
        && named != system
    {
        problems.add(
            fields.key_at("system"),
            format!(
                "found the system {}, expected `{system}`, which the file is named after",
                quoted(named)
            ),
        );
    }
    let adapter = fields
        .need("adapter", problems)
        .and_then(|node| Fields::known(node, "adapter", &["name", "version", "digest"], problems))
        .map(|adapter| {
            (
                needed(adapter, "name", problems),
                needed(adapter, "version", problems),
                digest(adapter, problems),
            )
        });
    let approved = fields
        .need("approved", problems)
        .and_then(|node| Fields::known(node, "approved", &["by", "at", "reason"], problems))
        .map(|approved| {
            (
                needed(approved, "by", problems),
                needed(approved, "at", problems),
                needed(approved, "reason", problems),
            )
        });
    let items = fields
        .need("items", problems)
        .map(|node| items(node, problems));
    let (Some((Some(name), Some(version), Some(digest))), Some((Some(by), Some(at), Some(reason)))) =
        (adapter, approved)
    else {
        return None;
    };
    Some(Grant {
        system: named?,
        adapter: GrantedAdapter {
            name,
            version,
            digest,
        },
        approved: Approval { by, at, reason },
        items: items?,
    })
}

fn needed(fields: Fields<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    fields
        .need(name, problems)
        .and_then(|node| fields::text(node, name, problems))
        .map(str::to_owned)
}

fn digest(fields: Fields<'_>, problems: &mut Problems) -> Option<String> {
    let node = fields.need("digest", problems)?;
    let digest = fields::text(node, "digest", problems)?;
    let good = digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    if !good {
        problems.unexpected(node, "digest", "`sha256:` and 64 hex digits");
    }
    Some(digest.to_owned())
}

fn items(node: &Node, problems: &mut Problems) -> Vec<Item> {
    let mut items = Vec::new();
    for item in fields::list(node, "items", problems).unwrap_or_default() {
        match serde_json::from_value::<Item>(json(item)) {
            Ok(item) => items.push(item),
            Err(error) => problems.add(item.place, format!("this is no capability: {error}")),
        }
    }
    items
}
