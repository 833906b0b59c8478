//! How many events came of one from outside, however deep. With the bounds of a run alone, flows that emit ten events each
//! in a circle make 10^16; what comes of one event ends at [`limits::DESCENDANTS`].
//!
//! Runs that may emit share the count of their event's chain while any of them is in memory. Where it does not begin with
//! the chain, what the store has is added before the first of them moves, so what a crash took is not counted. Room is taken
//! before an event is made, and given back where none came of it: two runs never take the last room both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tombolo_kernel::limits;

use super::{Engine, Run};

/// The chains that runs in memory belong to, by the places of their first events. Those that nobody holds go before the
/// map grows, so it has few more.
#[derive(Default)]
pub(super) struct Descendants(Mutex<HashMap<i64, Weak<Count>>>);

/// Of one chain.
pub(super) struct Count {
    root: i64,
    /// Set when what the store has is counted.
    known: OnceCell<()>,
    events: AtomicU32,
}

impl Descendants {
    /// The count of the chain that begins with this event.
    pub(super) fn of(&self, root: i64) -> Arc<Count> {
        let mut counts = self.0.lock();
        if let Some(count) = counts.get(&root).and_then(Weak::upgrade) {
            return count;
        }
        if counts.len() == counts.capacity() {
            counts.retain(|_, count| count.strong_count() > 0);
            let more = counts.len() + 1;
            counts.reserve(more);
        }
        let count = Arc::new(Count {
            root,
            known: OnceCell::new(),
            events: AtomicU32::new(0),
        });
        counts.insert(root, Arc::downgrade(&count));
        count
    }

    /// The same, if anybody holds it.
    fn find(&self, root: i64) -> Option<Arc<Count>> {
        self.0.lock().get(&root).and_then(Weak::upgrade)
    }
}

impl Count {
    /// The chain begins now: nothing has come of its event.
    pub(super) fn begin(&self) {
        // Where it is set already, more is known.
        let _ = self.known.set(());
    }

    /// Takes room for one event where fewer than `most` came of the first.
    pub(super) fn take(&self, most: u32) -> bool {
        let one_more = |events| (events < most).then_some(events + 1);
        let relaxed = Ordering::Relaxed;
        self.events.fetch_update(relaxed, relaxed, one_more).is_ok()
    }

    /// Events for which room was taken were not made, or are in the log already.
    pub(super) fn give_back(&self, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.events.fetch_sub(events, Ordering::Relaxed);
    }

    fn add(&self, events: u32) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }
}

impl Engine {
    /// Makes sure that what the store has of a chain is counted. `None`: the engine stops before it is.
    pub(super) async fn know(&self, count: &Count) -> Option<()> {
        let most = limits::DESCENDANTS + limits::DESCENDANTS_DEAD;
        let ask = || self.parts.store.descendants(count.root, most);
        let read = || async {
            let found = self.insist("counting what came of an event", ask).await;
            found.map(|found| count.add(found)).ok_or(())
        };
        count.known.get_or_try_init(read).await.ok().copied()
    }

    /// Questions of a run are told of whatever came of its event before: who waits for people makes no storm.
    pub(super) fn count_questions(&self, run: &Run, questions: usize) {
        if questions > 0
            && let Some(count) = self.descendants.find(run.event.root())
        {
            count.add(u32::try_from(questions).unwrap_or(u32::MAX));
        }
    }

    /// Whether an event tells that a run is dead: where a storm has ended, of the first runs only. What reacts to it counts
    /// as what came of the run's event. `None`: the engine stops before it is known.
    pub(super) async fn tells_dead(&self, run: &Run) -> Option<bool> {
        let count = match &run.count {
            Some(count) => Arc::clone(count),
            None => self.descendants.of(run.event.root()),
        };
        // The runs of an event from outside are as few as the flows.
        if run.event.event.root.is_some() {
            self.know(&count).await?;
        }
        Some(count.take(limits::DESCENDANTS + limits::DESCENDANTS_DEAD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_nobody_holds_are_forgotten() {
        let descendants = Descendants::default();
        let held: Vec<Arc<Count>> = (0..100).map(|root| descendants.of(root)).collect();
        for root in 100..100_000 {
            descendants.of(root);
        }
        assert!(descendants.0.lock().capacity() < 1_000);
        for count in held {
            assert!(Arc::ptr_eq(&count, &descendants.of(count.root)));
        }
    }

    #[test]
    fn whoever_asks_at_once_gets_what_there_is_and_no_more() {
        let count = Descendants::default().of(1);
        let takes = || (0..10_000).filter(|_| count.take(10_000)).count();
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(takes)).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .sum()
        });
        assert_eq!(taken, 10_000);
    }
}
