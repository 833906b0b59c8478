//! How often each item of a grant in force allowed something: what a reviewer needs to know to give less.
//!
//! The check itself counts, in place: no lock, no clock, no allocation. Whoever reads the counts from time to time
//! learns when an item was used last, as exactly as it looks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Item;

/// Counts of one grant, from when it came into force.
#[derive(Debug, Default)]
pub struct Uses {
    items: Vec<(Item, AtomicU64)>,
}

impl Uses {
    /// None of these was used yet.
    pub(super) fn none_of(items: &[Item]) -> Self {
        let items = items.iter().map(|item| (item.clone(), AtomicU64::new(0)));
        Self {
            items: items.collect(),
        }
    }

    /// The item at this place allowed something.
    pub(super) fn count(&self, place: usize) {
        if let Some((_, count)) = self.items.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every item that is in force, and how often it allowed something.
    pub fn counts(&self) -> impl Iterator<Item = (&Item, u64)> {
        let counted = self.items.iter();
        counted.map(|(item, count)| (item, count.load(Ordering::Relaxed)))
    }
}

impl Item {
    /// Whether its uses are counted: limits and what is kept back are in force all the time, and so is what is taken
    /// from a broker.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        !self.is_restriction() && !matches!(self, Self::Limits { .. } | Self::Subscribe { .. })
    }
}
