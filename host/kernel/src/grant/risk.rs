//! Risks that lie in what is granted together, each with a name that stays the same and a plain sentence. Pure.
//!
//! Judged by what an item lets through, not by what it is said to be for: a POST may read, a GET may carry anything away
//! in its query, a statement may answer whatever its effect is said to be. What is bound to one server alone is no way
//! out, and neither is a server that can only be inside: an address of this machine or of a private network.

use std::collections::BTreeSet;

use serde::Serialize;
use tombolo_manifest::Effect;

use super::place::{is_inside, is_this_machine, server};
use super::{Item, printable};

/// Places and names that a sentence spells out; the items are all named.
const TOLD: usize = 3;

/// The kinds of risk, as `tombolo.yaml` and reviews name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    /// Reads in one place and can send to another.
    ReadsAndSends,
    /// Changes a database.
    WritesDatabase,
    /// Destroys what cannot be brought back.
    Destroys,
    /// Has another system act, with that system's rights.
    CallsOtherSystems,
    /// Signs or encrypts with a key, and has somewhere to send that.
    SignsAndSends,
    /// Can find out a key.
    LearnsKey,
    /// Everything on a server, with a credential.
    WholeServer,
    /// May reach private addresses.
    PrivateNetwork,
    /// Speaks to another machine in plain text.
    Unencrypted,
}

impl RiskKind {
    /// Every kind by its name.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("reads-and-sends", Self::ReadsAndSends),
        ("writes-database", Self::WritesDatabase),
        ("destroys", Self::Destroys),
        ("calls-other-systems", Self::CallsOtherSystems),
        ("signs-and-sends", Self::SignsAndSends),
        ("learns-key", Self::LearnsKey),
        ("whole-server", Self::WholeServer),
        ("private-network", Self::PrivateNetwork),
        ("unencrypted", Self::Unencrypted),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(name, _)| name)
    }
}

/// One risk of a list of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Which.
    pub name: RiskKind,
    /// What it means here.
    pub sentence: String,
    /// The ids of the items that make it, sorted.
    pub items: Vec<String>,
}

/// An item and what is said of it.
type Found<'i> = (&'i Item, String);

/// The risks of these items together, in the order of [`RiskKind::NAMES`].
#[must_use]
pub fn risks(items: &[Item]) -> Vec<Risk> {
    let each = |kind: fn(&Item) -> Option<String>| -> Vec<Found<'_>> {
        let found = items.iter().filter_map(|item| Some((item, kind(item)?)));
        found.collect()
    };
    let sends = each(way_out);
    let keys = each(signing);
    let signs = if sends.is_empty() { &[][..] } else { &keys[..] };
    let table: [(RiskKind, &[Found<'_>], &str); 8] = [
        (
            RiskKind::WritesDatabase,
            &each(database_write),
            "Can change what is in a database: ",
        ),
        (
            RiskKind::Destroys,
            &each(destroys),
            "Can destroy what cannot be brought back: ",
        ),
        (
            RiskKind::CallsOtherSystems,
            &each(call),
            "Has other systems act, with their rights and not its own: ",
        ),
        (
            RiskKind::SignsAndSends,
            signs,
            "Can have whatever it makes up signed or encrypted by a key, and send it: ",
        ),
        (
            RiskKind::LearnsKey,
            &each(learns),
            "Can find out a key over many calls: ",
        ),
        (
            RiskKind::WholeServer,
            &each(whole_server),
            "Can use everything that a credential opens: ",
        ),
        (
            RiskKind::PrivateNetwork,
            &each(private),
            "May reach addresses of your private network or of this machine: ",
        ),
        (
            RiskKind::Unencrypted,
            &each(unencrypted),
            "Whoever is on the way can read and change what it sends: ",
        ),
    ];
    let alone = table.into_iter().filter(|(_, found, _)| !found.is_empty());
    let alone = alone.map(|(name, found, words)| Risk {
        name,
        sentence: format!(
            "{words}{}.",
            listed(found.iter().map(|(_, said)| said.clone()))
        ),
        items: ids(found.iter().map(|(item, _)| *item)),
    });
    reads_and_sends(items, &sends)
        .into_iter()
        .chain(alone)
        .collect()
}

/// What is read in one place, held against every way out to another.
fn reads_and_sends(items: &[Item], sends: &[Found<'_>]) -> Option<Risk> {
    let read_from: Vec<Found<'_>> = items
        .iter()
        .filter_map(|item| Some((item, source(item)?)))
        .collect();
    let outside = |to: &&Found<'_>| read_from.iter().any(|(_, from)| *from != to.1);
    let out: Vec<&Found<'_>> = sends
        .iter()
        .filter(|(_, to)| !is_inside(to))
        .filter(outside)
        .collect();
    let from: Vec<&Found<'_>> = read_from
        .iter()
        .filter(|(_, from)| out.iter().any(|(_, to)| to != from))
        .collect();
    if out.is_empty() {
        return None;
    }
    let said = |(item, place): &&Found<'_>| format!("{}{}", printable(place), by_connection(item));
    let sentence = format!(
        "Reads from {}, and can send what it read to {}, which may be anywhere on the internet.",
        listed(from.iter().map(said)),
        listed(out.iter().map(said))
    );
    let all = from.iter().chain(&out).map(|(item, _)| *item);
    Some(Risk {
        name: RiskKind::ReadsAndSends,
        sentence,
        items: ids(all),
    })
}

// === what one item is ===

/// Where it reads: a server, or another system.
fn source(item: &Item) -> Option<String> {
    match item {
        Item::Http { place, .. } | Item::Sql { place, .. } | Item::Subscribe { place, .. } => {
            Some(server(place).to_owned())
        }
        Item::Action { system, .. } => Some(format!("the system `{system}`")),
        _ => None,
    }
}

/// The server that it can send to.
fn way_out(item: &Item) -> Option<String> {
    match item {
        Item::Http { place, .. } | Item::Publish { place, .. } => Some(server(place).to_owned()),
        Item::Sql { place, effect, .. } if *effect != Effect::Read => {
            Some(server(place).to_owned())
        }
        _ => None,
    }
}

fn database_write(item: &Item) -> Option<String> {
    match item {
        Item::Sql {
            place,
            statement,
            effect,
            ..
        } if *effect != Effect::Read => Some(format!(
            "`{}` on {}",
            printable(statement),
            printable(place)
        )),
        _ => None,
    }
}

fn destroys(item: &Item) -> Option<String> {
    match item {
        Item::Sql {
            effect: Effect::Destructive,
            ..
        } => database_write(item),
        Item::Http { place, allow, .. }
            if allow.starts_with("DELETE ") || allow.starts_with("* ") =>
        {
            Some(format!("`{}` on {}", printable(allow), printable(place)))
        }
        _ => None,
    }
}

fn call(item: &Item) -> Option<String> {
    match item {
        Item::Action { system, action } => {
            Some(format!("`{}.{}`", printable(system), printable(action)))
        }
        _ => None,
    }
}

fn signing(item: &Item) -> Option<String> {
    match item {
        Item::Key { key, r#use, .. }
            if ["sign-", "hmac-", "digest-", "encrypt-"]
                .iter()
                .any(|made| r#use.starts_with(made)) =>
        {
            Some(format!("`{}` by {}", printable(key), printable(r#use)))
        }
        _ => None,
    }
}

fn learns(item: &Item) -> Option<String> {
    match item {
        Item::Key { key, r#use, .. } if r#use.starts_with("digest-sorted-") => {
            Some(format!("`{}` by {}", printable(key), printable(r#use)))
        }
        _ => None,
    }
}

fn whole_server(item: &Item) -> Option<String> {
    match item {
        Item::Http {
            place,
            allow,
            credential,
            ..
        } if allow.ends_with(" /*") && credential != "none" => Some(format!(
            "`{}` on {} with {}",
            printable(allow),
            printable(place),
            printable(credential)
        )),
        _ => None,
    }
}

fn private(item: &Item) -> Option<String> {
    match item {
        Item::Http {
            place,
            private_network: true,
            ..
        } => Some(format!("{}{}", printable(place), by_connection(item))),
        _ => None,
    }
}

fn unencrypted(item: &Item) -> Option<String> {
    let (Item::Http { place, .. } | Item::Publish { place, .. } | Item::Subscribe { place, .. }) =
        item
    else {
        return None;
    };
    let plain = ["http://", "mqtt://", "amqp://"]
        .iter()
        .any(|scheme| place.starts_with(scheme));
    (plain && !is_this_machine(server(place)))
        .then(|| format!("{}{}", printable(place), by_connection(item)))
}

fn by_connection(item: &Item) -> String {
    match item {
        Item::Http { connection, .. }
        | Item::Sql { connection, .. }
        | Item::Publish { connection, .. }
        | Item::Subscribe { connection, .. } => {
            format!(" (connection `{}`)", printable(connection))
        }
        _ => String::new(),
    }
}

// === words ===

/// The first few, each once, and how many there are beside.
fn listed(all: impl Iterator<Item = String>) -> String {
    let all: BTreeSet<String> = all.collect();
    let told: Vec<&str> = all.iter().take(TOLD).map(String::as_str).collect();
    match all.len().saturating_sub(TOLD) {
        0 => told.join(", "),
        rest => format!("{} and {rest} more", told.join(", ")),
    }
}

fn ids<'i>(items: impl Iterator<Item = &'i Item>) -> Vec<String> {
    let ids: BTreeSet<String> = items.map(Item::id).collect();
    ids.into_iter().collect()
}

#[cfg(test)]
mod tests;
