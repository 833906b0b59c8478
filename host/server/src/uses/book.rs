//! The file `grant-uses.json` in the data folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tombolo_kernel::grant::Item;
use tombolo_kernel::limits;

use super::Counted;
use crate::whole;

/// What is known of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Used {
    /// Since when it is counted, milliseconds since the epoch.
    pub(crate) since_ms: u64,
    /// How often it allowed something.
    pub(crate) count: u64,
    /// When last, a few seconds more or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_ms: Option<u64>,
}

/// All that is known, by system and item.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsesBook {
    pub(super) systems: BTreeMap<String, Counted>,
    #[serde(skip)]
    changed: bool,
}

impl UsesBook {
    /// Reads it; nothing where there is none.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn read(data: &Path) -> Result<Self, String> {
        let file = file(data);
        let wrong = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| wrong(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(&error)),
        }
    }

    /// Items of a grant that came into force: those that were not counted before are from now on.
    pub(super) fn begin<'i>(
        &mut self,
        system: &str,
        items: impl Iterator<Item = &'i Item>,
        now_ms: u64,
    ) {
        let counted = self.systems.entry(system.to_owned()).or_default();
        for item in items.filter(|item| item.is_counted()) {
            self.changed |= !counted.contains_key(&item.id());
            counted.entry(item.id()).or_insert_with(|| Used {
                since_ms: now_ms,
                ..Used::default()
            });
        }
        // Of items that are granted no more, those used longest ago go first.
        while counted.len() > limits::COUNTED_ITEMS {
            let oldest = counted
                .iter()
                .min_by_key(|(_, used)| used.last_ms.unwrap_or(used.since_ms))
                .map(|(id, _)| id.clone());
            counted.remove(&oldest.unwrap_or_default());
        }
    }

    /// An item allowed so much more.
    pub(super) fn add(&mut self, system: &str, item: &Item, more: u64, now_ms: u64) {
        if more == 0 || !item.is_counted() {
            return;
        }
        let counted = self.systems.entry(system.to_owned()).or_default();
        let used = counted.entry(item.id()).or_insert_with(|| Used {
            since_ms: now_ms,
            ..Used::default()
        });
        used.count = used.count.saturating_add(more);
        used.last_ms = Some(now_ms);
        self.changed = true;
    }

    /// Its text if it changed since the last time, without systems that the site no longer has.
    pub(super) fn changed(&mut self, systems: &[String]) -> Option<Vec<u8>> {
        let before = self.systems.len();
        self.systems.retain(|name, _| systems.contains(name));
        let changed = std::mem::take(&mut self.changed) || self.systems.len() != before;
        // Its own types: it can always be written.
        changed.then(|| serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Puts it in the place of the old one, whole.
///
/// # Errors
/// The disk's.
pub(super) fn write(data: &Path, text: &[u8]) -> std::io::Result<()> {
    whole::replace(&file(data), text, whole::PRIVATE)
}

fn file(data: &Path) -> PathBuf {
    data.join("grant-uses.json")
}
