//! What changed between an approval and what a system asks for now: all that a reviewer has to look at again.

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
        self.added.is_empty() && self.removed.is_empty() && !self.code_changed
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
