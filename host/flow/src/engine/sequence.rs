//! The order of the log, kept while many tasks work on it: runs with a lane are admitted in the order of their events,
//! whichever publisher wakes first, and the checkpoint follows the last event whose runs all have a row.

use std::collections::VecDeque;

/// What is under way between the checkpoint and the end of the log.
#[derive(Debug)]
pub(super) struct Sequence<R> {
    /// The event of the front slot.
    base: i64,
    slots: VecDeque<Slot<R>>,
    /// How many slots from the front are admitted.
    admitted: usize,
}

#[derive(Debug)]
struct Slot<R> {
    /// Somebody dispatches it.
    begun: bool,
    /// Its flows were looked at.
    seen: bool,
    /// Runs without a row.
    open: u32,
    /// Runs that wait until all events before are admitted.
    keyed: Option<Box<[R]>>,
}

impl<R> Sequence<R> {
    /// Begins after an event.
    pub(super) fn after(checkpoint: i64) -> Self {
        Self {
            base: checkpoint + 1,
            slots: VecDeque::new(),
            admitted: 0,
        }
    }

    fn slot(&mut self, seq: i64) -> Option<&mut Slot<R>> {
        let at = usize::try_from(seq.checked_sub(self.base)?).ok()?;
        while self.slots.len() <= at {
            self.slots.push_back(Slot {
                begun: false,
                seen: false,
                open: 0,
                keyed: None,
            });
        }
        self.slots.get_mut(at)
    }

    /// Whether an event is the caller's to dispatch: it is, once.
    pub(super) fn begin(&mut self, seq: i64) -> bool {
        self.slot(seq)
            .is_some_and(|slot| !std::mem::replace(&mut slot.begun, true))
    }

    /// An event was looked at: `open` runs came of it, of which `keyed` have a lane. Returns the runs that are now in
    /// order, this event's or later ones'.
    pub(super) fn admit(&mut self, seq: i64, open: u32, keyed: Vec<R>) -> Vec<R> {
        let Some(slot) = self.slot(seq) else {
            return keyed;
        };
        slot.begun = true;
        slot.seen = true;
        slot.open += open;
        if !keyed.is_empty() {
            slot.keyed = Some(keyed.into());
        }
        let mut ready = Vec::new();
        while let Some(slot) = self.slots.get_mut(self.admitted).filter(|slot| slot.seen) {
            if let Some(runs) = slot.keyed.take() {
                ready.extend(runs);
            }
            self.admitted += 1;
        }
        ready
    }

    /// A run of an event has its row.
    pub(super) fn written(&mut self, seq: i64) {
        if seq >= self.base
            && let Some(slot) = self.slot(seq)
        {
            slot.open = slot.open.saturating_sub(1);
        }
    }

    /// The new checkpoint, where it moved.
    pub(super) fn settle(&mut self) -> Option<i64> {
        let before = self.base;
        while self
            .slots
            .front()
            .is_some_and(|slot| slot.seen && slot.open == 0)
        {
            self.slots.pop_front();
            self.base += 1;
            self.admitted = self.admitted.saturating_sub(1);
        }
        (self.base > before).then_some(self.base - 1)
    }

    /// Up to here every event's runs have a row.
    pub(super) fn settled(&self) -> i64 {
        self.base - 1
    }

    /// Events that were never reported while later ones were: from and to, both included.
    pub(super) fn gap(&self) -> Option<(i64, i64)> {
        let unseen = self
            .slots
            .iter()
            .skip(self.admitted)
            .take_while(|slot| !slot.seen)
            .count();
        let from = self.base + i64::try_from(self.admitted).ok()?;
        (unseen > 0 && self.admitted + unseen < self.slots.len())
            .then(|| (from, from + i64::try_from(unseen).unwrap_or(1) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_with_a_lane_wait_for_the_events_before_them() {
        let mut sequence = Sequence::after(10);
        assert!(sequence.admit(12, 1, vec!["12"]).is_empty());
        assert_eq!(sequence.gap(), Some((11, 11)));
        assert!(sequence.admit(14, 1, vec!["14"]).is_empty());
        assert_eq!(sequence.admit(11, 0, vec![]), ["12"]);
        assert_eq!(sequence.gap(), Some((13, 13)));
        assert_eq!(
            sequence.admit(13, 2, vec!["13a", "13b"]),
            ["13a", "13b", "14"]
        );
        assert_eq!(sequence.gap(), None);
    }

    #[test]
    fn an_event_is_dispatched_once_whoever_comes_first() {
        let mut sequence = Sequence::after(10);
        sequence.admit(12, 0, vec![()]);
        assert_eq!(sequence.gap(), Some((11, 11)));
        assert!(sequence.begin(11));
        assert!(!sequence.begin(11), "another looks after it");
        sequence.admit(11, 0, vec![()]);
        sequence.settle();
        for seq in 10..=12 {
            assert!(!sequence.begin(seq), "{seq} is done with");
        }
        assert!(sequence.begin(13));
    }

    #[test]
    fn the_checkpoint_follows_the_lowest_event_with_an_open_run() {
        let mut sequence: Sequence<()> = Sequence::after(0);
        sequence.admit(1, 1, vec![]);
        sequence.admit(2, 0, vec![]);
        sequence.admit(4, 0, vec![]);
        assert_eq!(sequence.settle(), None);
        sequence.written(1);
        assert_eq!(sequence.settle(), Some(2));
        sequence.admit(3, 2, vec![]);
        sequence.written(3);
        assert_eq!(sequence.settle(), None);
        sequence.written(3);
        assert_eq!(sequence.settle(), Some(4));
        sequence.written(1);
        assert_eq!(sequence.settle(), None);
    }
}
