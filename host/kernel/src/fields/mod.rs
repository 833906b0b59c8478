//! Which fields of a company's data do not reach an adapter: hidden ones are taken out, masked ones changed, before
//! anything enters guest memory. Pure: JSON text in, JSON text out; numbers and order stay as they came.
//!
//! - [`FieldRules`]: what the operator wrote and the reviewer approved
//! - [`FieldFilter`]: the same made ready, used on every input and on every answer of another system
//! - [`Withheld`]: the values that were kept back, to find them again under another name
//! - [`Gathered`]: the same with the rules that kept them back, for a call that waits while rules change

mod filter;
mod mask;
#[cfg(test)]
mod tests;
mod withheld;

pub use filter::{FieldFilter, FieldsError};
pub use mask::Mask;
pub use withheld::{Gathered, Leak, Withheld};

use std::collections::{BTreeMap, BTreeSet};

/// What is kept back from one system.
///
/// A path is one or more names joined by `.`; it means every place whose last names are these, at any depth, through
/// arrays. `*` is any one name. Names are compared without regard to case, `_` and `-`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldRules {
    /// Paths that are taken out.
    pub hide: BTreeSet<String>,
    /// Paths that are masked, and how.
    pub mask: BTreeMap<String, Mask>,
    /// Regular expressions; what they match in any text or number is masked.
    pub mask_matching: BTreeSet<String>,
}

impl FieldRules {
    /// Nothing is kept back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hide.is_empty() && self.mask.is_empty() && self.mask_matching.is_empty()
    }

    /// One more mask. Where a path has one already that differs, nothing of it stays.
    pub fn add_mask(&mut self, path: &str, mask: Mask) {
        let present = self.mask.entry(path.to_owned()).or_insert(mask);
        if *present != mask {
            *present = Mask::All;
        }
    }
}
