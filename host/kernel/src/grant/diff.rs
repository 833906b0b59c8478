//! What changed between an approval and what a system asks for now: all that a reviewer has to look at again, and what
//! each item was before. Pure.

use serde::Serialize;

use super::{Grant, Item, Wishes};

/// The difference between a grant and the wishes of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantDiff {
    /// Asked for, and neither covered by the grant nor refused by it.
    pub added: Vec<Item>,
    /// Asked for and refused; what is given in its place is among the grant's items.
    pub refused: Vec<Item>,
    /// Granted and not asked for any more.
    pub removed: Vec<Item>,
    /// The adapter's digest is another one.
    pub code_changed: bool,
}

impl GrantDiff {
    /// Nothing to review.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_same_wishes() && !self.code_changed
    }

    /// Nothing but the code is another, if that.
    #[must_use]
    pub fn is_same_wishes(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// How an item stands to the grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", content = "was", rename_all = "kebab-case")]
pub enum Standing {
    /// Given and asked for.
    Granted,
    /// Asked for, and nothing like it was given.
    New,
    /// More is asked for than this, which was given.
    Widened(Item),
    /// Less is asked for than this, which was given; needs no approval.
    Narrowed(Item),
    /// The same by name at another place, with another text or credential.
    Changed(Item),
    /// Asked for and refused.
    Refused,
    /// Given and no longer asked for.
    NoLongerAsked,
}

impl Standing {
    /// In one word, as it is written for machines.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::New => "new",
            Self::Widened(_) => "widened",
            Self::Narrowed(_) => "narrowed",
            Self::Changed(_) => "changed",
            Self::Refused => "refused",
            Self::NoLongerAsked => "no-longer-asked",
        }
    }

    /// What was given under this name before, where that differs.
    #[must_use]
    pub fn was(&self) -> Option<&Item> {
        match self {
            Self::Widened(was) | Self::Narrowed(was) | Self::Changed(was) => Some(was),
            _ => None,
        }
    }
}

/// Compares a grant with what is asked for now. A smaller quota, limit or pattern is no difference.
#[must_use]
pub fn diff(old: &Grant, wishes: &Wishes) -> GrantDiff {
    let uncovered = |from: &[Item], by: &dyn Fn(&Item) -> bool| {
        let mut items: Vec<Item> = from.iter().filter(|item| !by(item)).cloned().collect();
        items.sort();
        items.dedup();
        items
    };
    let added = uncovered(&wishes.items, &|wish| old.answers(wish));
    let refused = uncovered(&wishes.items, &|wish| {
        !old.refused.contains(wish) || old.items.iter().any(|item| item.covers(wish))
    });
    let removed = uncovered(&old.items, &|item| {
        let meets = |wish: &Item| item.covers(wish) || wish.covers(item);
        wishes.items.iter().any(meets)
    });
    GrantDiff {
        added,
        refused,
        removed,
        code_changed: old.adapter.digest != wishes.adapter.digest,
    }
}

/// Every wish with how it stands, each refused one followed by what is granted in its place, then what is granted and no
/// longer asked for.
#[must_use]
pub fn standings(wishes: &Wishes, present: Option<&Grant>) -> Vec<(Standing, Item)> {
    let Some(present) = present else {
        let new = wishes.items.iter();
        return new.map(|item| (Standing::New, item.clone())).collect();
    };
    let GrantDiff {
        added,
        refused,
        mut removed,
        ..
    } = diff(present, wishes);
    let mut all = Vec::new();
    for wish in &wishes.items {
        if added.contains(wish) {
            let standing = before(wish, present, &removed);
            if let Some(was) = standing.was() {
                removed.retain(|item| item != was);
            }
            all.push((standing, wish.clone()));
        } else if refused.contains(wish) {
            all.push((Standing::Refused, wish.clone()));
            let instead = present.items.iter().filter(|item| wish.covers(item));
            all.extend(instead.map(|item| (Standing::Granted, item.clone())));
        } else if present.items.contains(wish) {
            all.push((Standing::Granted, wish.clone()));
        } else {
            let wider = present.items.iter().find(|item| item.covers(wish));
            let standing = wider.map_or(Standing::Granted, |was| Standing::Narrowed(was.clone()));
            all.push((standing, wish.clone()));
        }
    }
    all.extend(
        removed
            .into_iter()
            .map(|item| (Standing::NoLongerAsked, item)),
    );
    all
}

/// What an uncovered wish was before, if anything.
fn before(wish: &Item, present: &Grant, removed: &[Item]) -> Standing {
    let narrower = present.items.iter().find(|item| wish.covers(item));
    let limits = matches!(wish, Item::Limits { .. });
    let narrower = narrower.or_else(|| {
        present
            .items
            .iter()
            .find(|item| limits && item.subject() == wish.subject())
    });
    if let Some(was) = narrower {
        return Standing::Widened(was.clone());
    }
    let same = removed.iter().find(|item| item.subject() == wish.subject());
    same.map_or(Standing::New, |was| Standing::Changed(was.clone()))
}

impl Item {
    /// What it is about, whatever it says of it.
    fn subject(&self) -> (&'static str, &str, &str) {
        let (name, more) = match self {
            Self::Http {
                connection, allow, ..
            } => (connection.as_str(), allow.as_str()),
            Self::Sql {
                connection,
                statement,
                ..
            } => (connection.as_str(), statement.as_str()),
            Self::Publish {
                connection, topic, ..
            } => (connection.as_str(), topic.as_str()),
            Self::Subscribe {
                connection, hook, ..
            } => (connection.as_str(), hook.as_str()),
            Self::Key { key, r#use, .. } => (key.as_str(), r#use.as_str()),
            Self::Action { system, action } => (system.as_str(), action.as_str()),
            Self::Emit { event: name }
            | Self::Hide { field: name }
            | Self::Mask { field: name, .. }
            | Self::MaskMatching { pattern: name } => (name.as_str(), ""),
            Self::Store { .. } | Self::Limits { .. } => ("", ""),
        };
        (self.kind(), name, more)
    }
}

#[cfg(test)]
mod tests;
