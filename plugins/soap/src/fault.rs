//! What a fault means, of either version.

use std::collections::BTreeMap;

use tombolo_sdk::Failure;

use crate::options::FaultKind;
use crate::xml::Element;

/// Characters of the system's own words that are kept.
const WORDS: usize = 500;

/// The failure of a `Fault`. Without a word of the operator, what the sender did wrong is `rejected`, and what went wrong
/// at the system's side may pass.
pub(crate) fn failure(fault: &Element, faults: &BTreeMap<String, FaultKind>) -> Failure {
    let code = fault
        .child("faultcode")
        .or_else(|| fault.child("Code").and_then(|code| code.child("Value")))
        .map_or("", Element::words);
    let subcode = fault
        .child("Code")
        .and_then(|code| code.child("Subcode")?.child("Value"))
        .map(Element::words);
    let detail = fault
        .child("detail")
        .or_else(|| fault.child("Detail"))
        .and_then(|detail| detail.children.first())
        .map(|element| element.local.as_str());
    let said = fault
        .child("faultstring")
        .or_else(|| {
            fault
                .child("Reason")
                .and_then(|reason| reason.child("Text"))
        })
        .map_or("", Element::words);
    let code = local(code);
    // The most exact first.
    let names = [detail, subcode.map(local), Some(code)];
    let told = names
        .into_iter()
        .flatten()
        .find_map(|name| faults.get(name).copied());
    // Some write `Client.Order.Unknown`.
    let kind = told.unwrap_or(match code.split('.').next().unwrap_or_default() {
        "Server" | "Receiver" => FaultKind::Unavailable,
        _ => FaultKind::Rejected,
    });
    let name = names.into_iter().flatten().find(|name| !name.is_empty());
    of_kind(kind, name.unwrap_or_default(), said)
}

/// A failure with the system's name for it and its words.
pub(crate) fn of_kind(kind: FaultKind, name: &str, said: &str) -> Failure {
    let words: String = said
        .chars()
        .take(WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words = if words.is_empty() {
        "the system answered with a fault and no word".to_owned()
    } else {
        words
    };
    match kind {
        FaultKind::NotFound => Failure::not_found(words),
        FaultKind::Conflict => Failure::conflict(words),
        FaultKind::Unauthorized => Failure::unauthorized(words),
        FaultKind::Unavailable => Failure::unavailable(words, None),
        FaultKind::Rejected => Failure::rejected(name, words),
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}
