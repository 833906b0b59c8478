//! What grants are used for, over restarts, swaps and new approvals: by system and item how often it allowed something,
//! when last, and since when it is counted. Gathered every few seconds and written into one file in the data folder; a
//! kill loses what came since. Nothing is decided by it: people read it before they give less.

mod book;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tombolo_kernel::grant::{Item, Uses};

pub(crate) use self::book::Used;
use self::book::UsesBook;
use crate::core::Core;
use crate::host::told_to_stop;

/// How exactly a last use is known.
const EVERY: Duration = Duration::from_secs(5);
/// Gatherings between two writes.
const WRITTEN_EVERY: u32 = 6;

/// The counts of all grants.
#[derive(Default)]
pub(crate) struct GrantUses {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    book: UsesBook,
    /// Counts of grants in force, and of those before them whose last calls may be under way, as read last.
    read: Vec<(String, Arc<Uses>, Vec<u64>)>,
}

impl GrantUses {
    /// What was written before. A file that cannot be read is begun anew: then nothing has been counted for long, and
    /// nothing is proposed because of it.
    pub(crate) fn of(data: &std::path::Path) -> Self {
        let book = UsesBook::read(data).unwrap_or_else(|problem| {
            tracing::warn!(%problem, "what grants were used for is counted anew");
            UsesBook::default()
        });
        Self {
            inner: Mutex::new(Inner {
                book,
                read: Vec::new(),
            }),
        }
    }

    /// What is counted of these items of a system, in their order.
    pub(crate) fn of_items(&self, system: &str, items: &[Item]) -> Vec<Option<Used>> {
        let inner = self.inner.lock();
        let counted = inner.book.systems.get(system);
        let used = |item: &Item| counted.and_then(|counted| counted.get(&item.id()).cloned());
        items.iter().map(used).collect()
    }

    /// Adds what came since the last time; `running` are the grants in force.
    pub(crate) fn gather(&self, running: Vec<(String, Arc<Uses>)>, now_ms: u64) {
        let Inner { book, read } = &mut *self.inner.lock();
        for (system, uses) in running {
            if !read.iter().any(|(_, known, _)| Arc::ptr_eq(known, &uses)) {
                book.begin(&system, uses.counts().map(|(item, _)| item), now_ms);
                let none = vec![0; uses.counts().count()];
                read.push((system, uses, none));
            }
        }
        read.retain_mut(|(system, uses, before)| {
            for ((item, count), before) in uses.counts().zip(before) {
                book.add(system, item, count.saturating_sub(*before), now_ms);
                *before = count;
            }
            // Nobody else has it: it is out of force, and its last call has ended.
            Arc::strong_count(uses) > 1
        });
    }

    fn changed(&self, systems: &[String]) -> Option<Vec<u8>> {
        self.inner.lock().book.changed(systems)
    }
}

impl Core {
    /// Brings what is known of grants' uses up to now.
    pub(crate) fn gather_uses(&self) {
        self.uses
            .gather(self.systems.all_uses(), self.clock.now_ms());
    }

    /// Writes what is known, if it changed.
    pub(crate) async fn write_uses(&self) {
        let known: Vec<String> = self.status().into_iter().map(|one| one.system).collect();
        let Some(text) = self.uses.changed(&known) else {
            return;
        };
        let data = self.data.clone();
        let written = tokio::task::spawn_blocking(move || book::write(&data, &text)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "what grants are used for cannot be written; it is tried again");
        }
    }
}

/// Gathers and writes until the host stops, which does both a last time when the last call has ended.
pub(crate) async fn run(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    for round in 1_u32.. {
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        core.gather_uses();
        if round.is_multiple_of(WRITTEN_EVERY) {
            core.write_uses().await;
        }
    }
}

/// By item.
pub(crate) type Counted = BTreeMap<String, Used>;

#[cfg(test)]
mod tests;
