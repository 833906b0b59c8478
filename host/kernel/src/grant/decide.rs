//! Whether a system may start: exactly this code, and nothing that was not approved.

use serde::Serialize;

use super::{ActiveGrant, Grant, Item, Wishes, printable, sentence};

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

/// Decides whether a system may start: the digest must be the grant's, and every wish covered by one of its items.
///
/// What comes back allows the wishes, not whatever else an older, wider approval may have had.
///
/// # Errors
/// Why it is held back.
pub fn decide(wishes: &Wishes, grant: Option<&Grant>) -> Result<ActiveGrant, HeldBack> {
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
    if grant.system != wishes.system {
        let why = format!(
            "system `{system}` is held back: its grant was approved for the system `{}`",
            printable(&grant.system)
        );
        return Err(held(why, wishes.items.clone()));
    }
    if grant.approved.by.trim().is_empty() || grant.approved.reason.trim().is_empty() {
        let why = format!(
            "system `{system}` is held back: its grant does not say who approved it and why"
        );
        return Err(held(why, Vec::new()));
    }
    let missing: Vec<Item> = wishes
        .items
        .iter()
        .filter(|wish| !wish.is_restriction() && !grant.items.iter().any(|item| item.covers(wish)))
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
    ActiveGrant::of_wishes(grant, &wishes.items).map_err(|denied| held(denied.0, Vec::new()))
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
