//! Whether a system may start: exactly this code, and nothing that was not approved.

use serde::Serialize;

use super::choose::contradiction;
use super::{ActiveGrant, Approval, FORMAT, Grant, Item, ReviewRules, Wishes, printable, sentence};
use crate::clock::Millis;

/// Missing items that a message spells out; `grant review` shows all.
const TOLD: usize = 3;

/// Why a system is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// One sentence with the command that mends it.
    pub message: String,
    /// Wishes that the grant does not cover.
    pub missing: Vec<Item>,
}

/// Decides whether a system may start: the digest must be the grant's, the grant in force `now`, and every wish covered
/// by one of its items or refused by name. Its approvals must be all that the site's `rules` ask for.
///
/// What comes back allows what is both asked for and given: not whatever else an older, wider approval may have had, and
/// of a refused wish only the narrower items given in its place.
///
/// # Errors
/// Why it is held back.
pub fn decide(
    wishes: &Wishes,
    grant: Option<&Grant>,
    rules: &ReviewRules,
    now: Millis,
) -> Result<ActiveGrant, HeldBack> {
    let system = printable(&wishes.system);
    let held = |why: String, missing: Vec<Item>| HeldBack {
        message: format!(
            "{why}. Read `tombolo grant review {system}`, then `tombolo grant approve {system} --by NAME --reason TEXT`"
        ),
        missing,
    };
    let Some(grant) = grant else {
        let why = format!("system `{system}` is held back: nobody has approved it yet");
        return Err(held(why, wishes.items.clone()));
    };
    if let Some(why) = unsound(grant, &wishes.system, rules, now) {
        return Err(held(
            format!("system `{system}` is held back: {why}"),
            Vec::new(),
        ));
    }
    let missing: Vec<Item> = wishes
        .items
        .iter()
        .filter(|wish| !wish.is_restriction() && !grant.answers(wish))
        .cloned()
        .collect();
    if grant.adapter.digest != wishes.adapter.digest {
        let wider = if missing.is_empty() {
            String::new()
        } else {
            format!(" {}", missing_words(&missing))
        };
        let why = format!(
            "system `{system}` is held back: approved is {} {} with digest {}, found {} {} with digest {}: new code waits for a review{wider}",
            printable(&grant.adapter.name),
            printable(&grant.adapter.version),
            printable(&grant.adapter.digest),
            printable(&wishes.adapter.name),
            printable(&wishes.adapter.version),
            printable(&wishes.adapter.digest),
        );
        return Err(held(why, missing));
    }
    if !missing.is_empty() {
        let why = format!("system `{system}` is held back {}", missing_words(&missing));
        return Err(held(why, missing));
    }
    let allowed = both(&wishes.items, &grant.items);
    ActiveGrant::of_items(grant, &allowed).map_err(|denied| held(denied.0, Vec::new()))
}

/// What is wrong with a grant, whatever the system asks for.
fn unsound(grant: &Grant, system: &str, rules: &ReviewRules, now: Millis) -> Option<String> {
    if grant.format > FORMAT {
        return Some(format!(
            "its grant has format {}, and this host reads formats up to {FORMAT}; run a newer host, or approve again with this one",
            grant.format
        ));
    }
    if grant.system != system {
        return Some(format!(
            "its grant was approved for the system `{}`",
            printable(&grant.system)
        ));
    }
    let says_all = |one: &Approval| !one.by.trim().is_empty() && !one.reason.trim().is_empty();
    if grant.approved.is_empty() || !grant.approved.iter().all(says_all) {
        return Some("its grant does not say who approved it and why".into());
    }
    match grant.over(now) {
        Err(why) | Ok(Some(why)) => return Some(why),
        Ok(None) => {}
    }
    if let Some(why) = rules.unmet(grant) {
        return Some(why);
    }
    contradiction(&grant.items, &grant.refused).map(|(refused, by)| {
        format!(
            "its grant refuses `{}` and allows it by `{}`",
            refused.id(),
            by.id()
        )
    })
}

/// What is inside of both lists: the narrower one of every two of which one covers the other.
fn both(wishes: &[Item], given: &[Item]) -> Vec<Item> {
    let mut allowed = Vec::new();
    for wish in wishes {
        if wish.is_restriction() || given.iter().any(|item| item.covers(wish)) {
            allowed.push(wish.clone());
        } else {
            allowed.extend(given.iter().filter(|item| wish.covers(item)).cloned());
        }
    }
    allowed
}

fn missing_words(missing: &[Item]) -> String {
    let told: Vec<String> = missing
        .iter()
        .take(TOLD)
        .map(|item| format!("\"{}\"", sentence(item).trim_end_matches('.')))
        .collect();
    let more = match missing.len().saturating_sub(TOLD) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!(
        "because it asks for more than was approved: {}{more}",
        told.join("; ")
    )
}
