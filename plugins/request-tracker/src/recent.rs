//! Which tickets were told of lately, and up to which version: the Scrip's posts overtake each other, and what is older
//! than what was told already would tell of a state that is over. Bounded: a post is late by seconds, not by hours.

use tombolo_sdk::{Failure, store, to_json};

/// Lists, by the ticket's number, so that posts of different tickets seldom meet in one.
const LISTS: u64 = 64;
/// Tickets of one list; the one that was told of longest ago goes first.
const KEPT: usize = 64;
/// Attempts to write a list that others write, too.
const TRIES: usize = 8;

/// Whether a newer version of the ticket was told already; if not, this one is noted.
///
/// # Errors
/// Those of the store.
pub(crate) fn is_stale(ticket: u64, version: u64) -> Result<bool, Failure> {
    let key = format!("recent/{:02}", ticket % LISTS);
    for _ in 0..TRIES {
        let before = store::get(&key)?;
        let mut told: Vec<(u64, u64)> = before
            .as_deref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        if let Some(index) = told.iter().position(|(known, _)| *known == ticket) {
            let (_, newest) = told.remove(index);
            if newest >= version {
                return Ok(newest > version);
            }
        }
        if told.len() >= KEPT {
            told.remove(0);
        }
        told.push((ticket, version));
        match store::compare_and_set(&key, before.as_deref(), to_json(&told)?.as_bytes()) {
            Ok(()) => return Ok(false),
            Err(store::Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Told once too often rather than not at all.
    Ok(false)
}
