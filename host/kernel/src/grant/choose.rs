//! What a reviewer gives of what a system asks for: all of it, some of it, or narrower than asked. Pure.
//!
//! Unless said otherwise, what the present grant refuses word for word stays refused, what it gives instead stays given,
//! and what it keeps back stays kept back: an upgrade does not widen by itself.

use super::{Grant, Item, Wishes, printable};
use crate::fields::{FieldFilter, FieldRules};

/// What a reviewer says, by the items' ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Everything, whatever was refused or kept back before.
    pub all: bool,
    /// These alone, and the limits without which nothing runs; whatever was refused before.
    pub only: Vec<String>,
    /// Not these.
    pub without: Vec<String>,
    /// In place of an item a narrower pattern, topic or quota; several for one item are all given.
    pub allow: Vec<(String, String)>,
    /// Fields that do not reach it, beside those that its file keeps back.
    pub hide: Vec<String>,
}

/// What comes of it: the two lists of a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Given.
    pub items: Vec<Item>,
    /// Asked for and not given.
    pub refused: Vec<Item>,
}

/// A choice that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChoiceProblem(pub String);

/// What becomes of one wish.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Given,
    Refused,
    Narrowed(Vec<Item>),
}

/// Carries out a reviewer's choice among the wishes.
///
/// # Errors
/// An id that names no wish or two, a narrower text that is not inside its wish, limits that are refused, a refusal that
/// another item undoes, or a field that is none.
pub fn choose(
    wishes: &Wishes,
    present: Option<&Grant>,
    choice: &Choice,
) -> Result<Chosen, ChoiceProblem> {
    let only = choice
        .only
        .iter()
        .map(|name| find(&wishes.items, name))
        .collect::<Result<Vec<_>, _>>()?;
    let before = present.filter(|_| !choice.all && only.is_empty());
    let mut fates: Vec<Fate> = wishes
        .items
        .iter()
        .enumerate()
        .map(|(at, wish)| {
            let left_out = !only.is_empty() && !only.contains(&at);
            match before {
                Some(before) if before.refused.contains(wish) => as_before(before, wish),
                _ if left_out && !stays(wish) => Fate::Refused,
                _ => Fate::Given,
            }
        })
        .collect();
    for name in &choice.without {
        let at = find(&wishes.items, name)?;
        if stays(&wishes.items[at]) {
            return Err(ChoiceProblem(format!(
                "`{name}` is not for a reviewer to leave out: it is the limits, without which nothing runs, or takes something away from the system; see its file"
            )));
        }
        fates[at] = Fate::Refused;
    }
    narrow(&wishes.items, &choice.allow, &mut fates)?;
    let mut chosen = Chosen {
        items: kept_back(present.filter(|_| !choice.all), &choice.hide)?,
        refused: Vec::new(),
    };
    for (wish, fate) in wishes.items.iter().zip(fates) {
        match fate {
            Fate::Given => chosen.items.push(wish.clone()),
            Fate::Refused => chosen.refused.push(wish.clone()),
            Fate::Narrowed(items) => {
                chosen.items.extend(items);
                chosen.refused.push(wish.clone());
            }
        }
    }
    chosen.items.sort();
    chosen.items.dedup();
    match contradiction(&chosen.items, &chosen.refused) {
        None => Ok(chosen),
        Some((refused, by)) => Err(ChoiceProblem(format!(
            "`{}` cannot be refused alone: `{}` would still allow it; refuse or narrow that one too",
            refused.id(),
            by.id()
        ))),
    }
}

/// What the present grant keeps back, and these fields.
fn kept_back(present: Option<&Grant>, hide: &[String]) -> Result<Vec<Item>, ChoiceProblem> {
    let present = present.into_iter().flat_map(|present| &present.items);
    let before = present.filter(|item| item.is_restriction()).cloned();
    let mut items: Vec<Item> = before.collect();
    for field in hide {
        let mut rules = FieldRules::default();
        rules.hide.insert(field.clone());
        FieldFilter::new(&rules)
            .map_err(|problem| ChoiceProblem(format!("--hide {}: {problem}", printable(field))))?;
        items.push(Item::Hide {
            field: field.clone(),
        });
    }
    Ok(items)
}

/// A refused item that a given one allows.
pub(super) fn contradiction<'i>(
    items: &'i [Item],
    refused: &'i [Item],
) -> Option<(&'i Item, &'i Item)> {
    refused.iter().find_map(|refused| {
        let by = items.iter().find(|item| item.covers(refused))?;
        Some((refused, by))
    })
}

/// The limits are no matter of yes or no, and what takes something away is given with everything else.
fn stays(wish: &Item) -> bool {
    wish.is_restriction() || matches!(wish, Item::Limits { .. })
}

fn as_before(before: &Grant, wish: &Item) -> Fate {
    let narrower: Vec<Item> = before
        .items
        .iter()
        .filter(|item| wish.covers(item))
        .cloned()
        .collect();
    if narrower.is_empty() {
        Fate::Refused
    } else {
        Fate::Narrowed(narrower)
    }
}

fn narrow(
    wishes: &[Item],
    allow: &[(String, String)],
    fates: &mut [Fate],
) -> Result<(), ChoiceProblem> {
    let mut narrowed: Vec<(usize, Vec<Item>)> = Vec::new();
    for (name, text) in allow {
        let at = find(wishes, name)?;
        let narrower = wishes[at]
            .narrowed(text)
            .map_err(|problem| ChoiceProblem(format!("--allow {name}: {problem}")))?;
        match narrowed.iter_mut().find(|(other, _)| *other == at) {
            Some((_, items)) => items.push(narrower),
            None => narrowed.push((at, vec![narrower])),
        }
    }
    for (at, items) in narrowed {
        // All of it after all.
        fates[at] = if items.iter().any(|item| item.covers(&wishes[at])) {
            Fate::Given
        } else {
            Fate::Narrowed(items)
        };
    }
    Ok(())
}

/// Where the wish with this id is.
fn find(wishes: &[Item], name: &str) -> Result<usize, ChoiceProblem> {
    let found: Vec<usize> = wishes
        .iter()
        .enumerate()
        .filter(|(_, wish)| wish.is_named(name))
        .map(|(at, _)| at)
        .collect();
    match found[..] {
        [at] => Ok(at),
        [] => Err(ChoiceProblem(format!(
            "`{}` is the id of nothing that the system asks for now; `tombolo grant review` shows the ids",
            printable(name)
        ))),
        _ => {
            let whole: Vec<String> = found.iter().map(|at| wishes[*at].whole_id()).collect();
            Err(ChoiceProblem(format!(
                "`{}` means more than one item: {}",
                printable(name),
                whole.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests;
