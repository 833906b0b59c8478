//! What a reviewer will read of an adapter, in the sentences of `tombolo grant review`, as far as its file alone says it: with
//! `SERVER`, `DATABASE` and `BROKER` where a site has real places, which no table for others should tell.

use std::time::Duration;

use tombolo_kernel::grant::{self, Item};
use tombolo_kernel::package::Package;
use tombolo_manifest::{Connection, ConnectionKind, Manifest, parse_size};

use super::{Finding, Verdict};
use crate::site;

/// The part of these findings.
const PART: &str = "review";
/// Where the manifest says nothing of a credential.
const ANY: &str = "whichever the operator binds";

/// The reasons for what it asks, and what it asks, one sentence each. Nothing here passes or fails: that is for people.
pub(super) fn review(package: &Package) -> Vec<Finding> {
    let manifest = &package.manifest;
    let reasons = reasons(manifest)
        .into_iter()
        .map(|(name, reason)| (format!("why {name}"), reason));
    let asks = asks(manifest)
        .into_iter()
        .map(|(name, item)| (name, grant::sentence(&item)));
    reasons
        .chain(asks)
        .map(|(what, note)| Finding::new(PART, what, Verdict::Noted, note))
        .collect()
}

/// The vendor's words by the name of what is asked for.
fn reasons(manifest: &Manifest) -> Vec<(String, String)> {
    let declared = |connection: &Connection| {
        if manifest.adapter.generic {
            let file = "what it may do there the operator declares in the system's file, where the reviewer reads it";
            format!("{}; {file}", connection.reason)
        } else {
            connection.reason.clone()
        }
    };
    let connections = manifest.connections.iter();
    let connections = connections.map(|(name, connection)| (name.clone(), declared(connection)));
    let keys = manifest.keys.iter();
    let keys = keys.map(|(name, key)| (name.clone(), key.reason.clone()));
    let calls = manifest.calls.clone();
    let store = manifest.store.iter();
    let store = store.map(|store| ("store".to_owned(), store.reason.clone()));
    connections.chain(keys).chain(calls).chain(store).collect()
}

/// What a grant of all of it would hold, by the name of what it is about.
fn asks(manifest: &Manifest) -> Vec<(String, Item)> {
    let mut asks = Vec::new();
    for (name, connection) in &manifest.connections {
        let items = on_connection(name, connection);
        asks.extend(items.into_iter().map(|item| (name.clone(), item)));
    }
    for (name, key) in &manifest.keys {
        asks.extend(key.uses.iter().map(|key_use| {
            let item = Item::Key {
                key: name.clone(),
                r#use: key_use.clone(),
                derive: key.derive.clone(),
            };
            (name.clone(), item)
        }));
    }
    asks.extend(manifest.events.emits.keys().map(|event| {
        let event = event.clone();
        (event.clone(), Item::Emit { event })
    }));
    let quota = manifest.store.as_ref().map(|wish| parse_size(&wish.quota));
    if let Some(Ok(quota)) = quota {
        asks.push(("store".to_owned(), Item::Store { quota }));
    }
    asks.extend(manifest.calls.keys().filter_map(|call| {
        let (system, action) = call.split_once('.')?;
        let (system, action) = (system.to_owned(), action.to_owned());
        Some((call.clone(), Item::Action { system, action }))
    }));
    let limits = site::limits_of(&manifest.limits);
    let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let item = Item::Limits {
        memory: limits.memory,
        cpu_ms: whole(limits.cpu),
        deadline_ms: whole(limits.deadline),
    };
    asks.push(("limits".to_owned(), item));
    asks
}

fn on_connection(name: &str, asked: &Connection) -> Vec<Item> {
    let connection = name.to_owned();
    match asked.kind {
        ConnectionKind::Http => {
            let item = |allow: &String| Item::Http {
                connection: connection.clone(),
                place: "https://SERVER".to_owned(),
                allow: allow.clone(),
                credential: asked.credential.clone().unwrap_or_else(|| ANY.to_owned()),
                private_network: false,
            };
            asked.allow.iter().map(item).collect()
        }
        ConnectionKind::Sql => {
            let item = |(name, statement): (&String, &tombolo_manifest::Statement)| Item::Sql {
                connection: connection.clone(),
                place: "DATABASE".to_owned(),
                statement: name.clone(),
                effect: statement.effect,
                text: statement.text.clone(),
            };
            asked.statements.iter().map(item).collect()
        }
        ConnectionKind::Broker => {
            let item = |topic: &String| Item::Publish {
                connection: connection.clone(),
                place: "BROKER".to_owned(),
                topic: topic.clone(),
            };
            asked.publish.iter().map(item).collect()
        }
    }
}
