//! A conflict in plain words: both sides, who says so, and what each answer does.

use super::{Conflict, Entity, KEEP, Link, Maker, REPLACE, SystemId};

/// The question to the person who decides.
#[must_use]
pub fn question(link: &Link, conflict: &Conflict) -> String {
    let (wanted, displaced) = (and(&link.ids), displaced(conflict));
    format!(
        "{} `{KEEP}`: it stays so. `{REPLACE}`: {wanted} are linked instead{displaced}.",
        contradiction(link, conflict)
    )
}

/// What replacing would do besides: `, erp 10041 is then linked with nothing`.
#[must_use]
pub fn displaced(conflict: &Conflict) -> String {
    match conflict.displaced.as_slice() {
        [] => String::new(),
        [one] => format!(", {one} is then linked with nothing"),
        more => format!(", {} are then linked with nothing", and(more)),
    }
}

/// Both sides of it.
#[must_use]
pub fn contradiction(link: &Link, conflict: &Conflict) -> String {
    let kind = &link.kind;
    let wanted = and(&link.ids);
    let stands: Vec<String> = conflict
        .stands
        .iter()
        .map(|entity| stands(link, entity))
        .collect();
    let says = said(&link.maker).map_or_else(String::new, |who| format!(", says {who}"));
    format!(
        "{wanted} are one {kind}{says}. But {}.",
        stands.join(", and ")
    )
}

/// `crm C-7 is linked with erp 10041 (12.sync/known)`.
fn stands(link: &Link, entity: &Entity) -> String {
    let (named, others): (Vec<_>, Vec<_>) = entity
        .ids
        .iter()
        .partition(|linked| link.ids.contains(&linked.id));
    let ids = |all: &[&super::LinkedId]| -> Vec<SystemId> {
        all.iter().map(|linked| linked.id.clone()).collect()
    };
    let newest = entity.ids.iter().max_by_key(|linked| linked.at_ms);
    let who = newest
        .and_then(|linked| said(&linked.maker))
        .map_or_else(String::new, |who| format!(" ({who})"));
    let is = if named.len() > 1 { "are" } else { "is" };
    let (named, others) = (and(&ids(&named)), and(&ids(&others)));
    format!("{named} {is} linked with {others}{who}")
}

fn said(maker: &Maker) -> Option<String> {
    let parts: Vec<&str> = [maker.by.as_str(), maker.cause.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `a, b and c`.
fn and(ids: &[SystemId]) -> String {
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
