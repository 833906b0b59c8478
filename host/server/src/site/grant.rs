//! `grants/SYSTEM.yaml`, item by item, so that each bad one is named at its place.

use tombolo_flow::yaml::{Node, Value};
use tombolo_kernel::grant::{Approval, FORMAT, Grant, GrantedAdapter, Item};

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
        &[
            "format", "system", "adapter", "approved", "expires", "revoked", "items", "refused",
        ],
        problems,
    )?;
    let format = format(fields, problems);
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
        .map(|node| approvals(node, problems));
    let expires = fields
        .get("expires")
        .and_then(|node| moment(node, problems));
    let revoked = fields
        .get("revoked")
        .and_then(|node| approval(node, problems));
    let given = fields
        .need("items", problems)
        .map(|node| items(node, "items", problems));
    let refused = fields
        .get("refused")
        .map(|node| items(node, "refused", problems));
    let Some((Some(name), Some(version), Some(digest))) = adapter else {
        return None;
    };
    Some(Grant {
        format,
        system: named?,
        adapter: GrantedAdapter {
            name,
            version,
            digest,
        },
        approved: approved?,
        expires,
        revoked,
        items: given?,
        refused: refused.unwrap_or_default(),
    })
}

fn format(fields: Fields<'_>, problems: &mut Problems) -> u32 {
    let newest = u64::from(FORMAT);
    let found = fields
        .get("format")
        .and_then(|node| fields::whole(node, "format", 1..=newest, problems));
    found
        .and_then(|found| u32::try_from(found).ok())
        .unwrap_or(1)
}

/// One approval, or a list of several.
fn approvals(node: &Node, problems: &mut Problems) -> Vec<Approval> {
    let list = match &node.value {
        Value::List(list) if list.is_empty() => {
            problems.unexpected(node, "approved", "at least one approval");
            return Vec::new();
        }
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    list.iter()
        .filter_map(|node| approval(node, problems))
        .collect()
}

fn approval(node: &Node, problems: &mut Problems) -> Option<Approval> {
    let fields = Fields::known(
        node,
        "approved",
        &["by", "at", "reason", "signature"],
        problems,
    )?;
    let by = needed(fields, "by", problems);
    let at = needed(fields, "at", problems);
    let reason = needed(fields, "reason", problems);
    let signature = fields
        .get("signature")
        .and_then(|node| fields::text(node, "signature", problems));
    Some(Approval {
        by: by?,
        at: at?,
        reason: reason?,
        signature: signature.map(str::to_owned),
    })
}

fn moment(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = fields::text(node, "expires", problems)?;
    if text.parse::<jiff::Timestamp>().is_err() {
        problems.unexpected(node, "expires", "a time as 2026-11-22T13:05:00Z");
    }
    Some(text.to_owned())
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

fn items(node: &Node, what: &'static str, problems: &mut Problems) -> Vec<Item> {
    let mut items = Vec::new();
    for item in fields::list(node, what, problems).unwrap_or_default() {
        match serde_json::from_value::<Item>(json(item)) {
            Ok(item) => items.push(item),
            Err(error) => problems.add(item.place, format!("this is no capability: {error}")),
        }
    }
    items
}
