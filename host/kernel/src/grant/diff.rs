//! What changed between an approval and what a system asks for now: all that a reviewer has to look at again.

use serde::Serialize;

use super::{Grant, Item, Wishes};

/// The difference between a grant and the wishes of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantDiff {
    /// Asked for and not covered by the grant.
    pub added: Vec<Item>,
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

/// Compares a grant with what is asked for now. A smaller quota or limit is no difference.
#[must_use]
pub fn diff(old: &Grant, wishes: &Wishes) -> GrantDiff {
    let uncovered = |from: &[Item], by: &dyn Fn(&Item) -> bool| {
        let mut items: Vec<Item> = from.iter().filter(|item| !by(item)).cloned().collect();
        items.sort();
        items.dedup();
        items
    };
    let added = uncovered(&wishes.items, &|wish| {
        old.items.iter().any(|item| item.covers(wish))
    });
    let removed = uncovered(&old.items, &|item| {
        wishes.items.iter().any(|wish| item.covers(wish))
    });
    GrantDiff {
        added,
        removed,
        code_changed: old.adapter.digest != wishes.adapter.digest,
    }
}
