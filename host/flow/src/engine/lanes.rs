//! Lanes: of runs of one flow with one key, one is carried out at a time, in the order of their events. Behind a run
//! that waits, or when many are behind, the rest is put into the store; memory stays bounded.
//!
//! The order of a lane is: its head, rows taken from the store, rows in the store, a batch being written, memory.

use std::collections::{HashMap, VecDeque};

use tombolo_kernel::limits;
use tombolo_store::RunRow;

use super::Run;

/// All lanes that have a run. A million may wait for a system that is down: one whose runs are all in the store, behind a
/// head that waits there too, is only a name here.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<Box<str>, Option<Box<Lane>>>,
}

#[derive(Default)]
struct Lane {
    head: Head,
    taken: VecDeque<RunRow>,
    /// The store may have more rows of it.
    stored: bool,
    /// Counts batches written: a reading that began before one may not know it.
    batches: u64,
    /// A batch is being written.
    spilling: bool,
    memory: VecDeque<Run>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// A task carries it out, or looks for it.
    #[default]
    Running,
    /// It waits in the store.
    Waiting,
    /// There is none until a batch is written.
    Between,
}

/// What to do with a run that came.
pub(super) enum Admitted {
    /// It is the head: carry it out.
    Start(Run),
    /// It waits in memory.
    Behind,
    /// Write these into the store.
    Spill(Vec<Run>),
}

/// What to do when a head ended.
pub(super) enum Next {
    /// Carry this out.
    Run(Run),
    /// Carry this row out.
    Row(Box<RunRow>),
    /// Read the store; say which batches were written before with [`Lanes::loaded`].
    Load(u64),
    /// Nothing is behind, or a batch's writer will go on.
    Nothing,
}

/// The name of a lane; a flow's name has no line feed.
pub(super) fn name(flow: &str, key: &str) -> String {
    [flow, "\n", key].concat()
}

/// Flow and key of a lane.
pub(super) fn parts(name: &str) -> (&str, &str) {
    name.split_once('\n').unwrap_or((name, ""))
}

impl Lanes {
    /// A lane known from the store.
    pub(super) fn restore(&mut self, name: String, waiting: bool) {
        let lane = (!waiting).then(|| Box::new(Lane::in_store(Head::Running)));
        self.lanes.insert(name.into(), lane);
    }

    /// A lane that has a run.
    fn lane(&mut self, name: &str) -> Option<&mut Lane> {
        let slot = self.lanes.get_mut(name)?;
        Some(slot.get_or_insert_with(|| Box::new(Lane::in_store(Head::Waiting))))
    }

    /// Forgets all but the name where the store knows the rest.
    fn shrink(&mut self, name: &str) {
        if let Some(slot) = self.lanes.get_mut(name)
            && slot.as_ref().is_some_and(|lane| lane.is_in_store())
        {
            *slot = None;
        }
    }

    /// A row of this lane was written beside what is under way. True: nobody knew the lane, its head must be looked
    /// for.
    pub(super) fn know(&mut self, name: &str) -> bool {
        match self.lane(name) {
            Some(lane) => {
                lane.stored = true;
                // A reading under way may not know it.
                lane.batches += 1;
                false
            }
            None => {
                self.restore(name.to_owned(), false);
                true
            }
        }
    }

    /// A run came.
    pub(super) fn admit(&mut self, run: Run) -> Admitted {
        match self.lane(&run.lane) {
            None => {
                self.lanes
                    .insert(run.lane.as_str().into(), Some(Box::default()));
                Admitted::Start(run)
            }
            Some(lane) => {
                lane.memory.push_back(run);
                lane.batch().map_or(Admitted::Behind, Admitted::Spill)
            }
        }
    }

    /// The head waits in the store now. Returns what must be written because of it.
    pub(super) fn park(&mut self, name: &str) -> Option<Vec<Run>> {
        let lane = self.lane(name)?;
        lane.head = Head::Waiting;
        // What was behind it in memory is in the store, or goes there now; a new run may come to the store at any time.
        lane.taken.clear();
        lane.stored = true;
        let batch = lane.batch();
        self.shrink(name);
        batch
    }

    /// A run of the store is carried out again, as the head.
    pub(super) fn resume(&mut self, name: &str) {
        let slot = self.lanes.entry(name.into()).or_default();
        slot.get_or_insert_with(|| Box::new(Lane::in_store(Head::Running)))
            .head = Head::Running;
    }

    /// The head ended, or a reading found nothing.
    pub(super) fn next(&mut self, name: &str) -> Next {
        let Some(lane) = self.lane(name) else {
            return Next::Nothing;
        };
        if let Some(row) = lane.taken.pop_front() {
            return Next::Row(Box::new(row));
        }
        if lane.stored {
            return Next::Load(lane.batches);
        }
        if lane.spilling {
            lane.head = Head::Between;
            return Next::Nothing;
        }
        if let Some(run) = lane.memory.pop_front() {
            return Next::Run(run);
        }
        self.lanes.remove(name);
        Next::Nothing
    }

    /// Rows were read; `all` that there were when the reading began, after `batches`.
    pub(super) fn loaded(&mut self, name: &str, rows: Vec<RunRow>, all: bool, batches: u64) {
        if let Some(lane) = self.lane(name) {
            lane.taken.extend(rows);
            if all && lane.batches == batches {
                lane.stored = false;
            }
        }
    }

    /// Lanes with runs in memory behind their head: name, how many, and since when the first of them is there.
    pub(super) fn behind(&self) -> Vec<(String, u64, u64)> {
        let whole = self.lanes.iter();
        let whole = whole.filter_map(|(name, lane)| Some((name, lane.as_ref()?)));
        whole
            .filter_map(|(name, lane)| {
                let first = lane.memory.front()?;
                Some((name.to_string(), lane.memory.len() as u64, first.started_ms))
            })
            .collect()
    }

    /// A batch was written. Returns whether the writer must look for the next head, and what else to write.
    pub(super) fn spilled(&mut self, name: &str) -> (bool, Option<Vec<Run>>) {
        let Some(lane) = self.lane(name) else {
            return (false, None);
        };
        lane.spilling = false;
        lane.stored = true;
        lane.batches += 1;
        let between = lane.head == Head::Between;
        if between {
            lane.head = Head::Running;
        }
        let batch = lane.batch();
        self.shrink(name);
        (between, batch)
    }
}

#[cfg(test)]
impl Lanes {
    pub(super) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// Those that are more than a name.
    pub(super) fn whole(&self) -> usize {
        self.lanes.values().flatten().count()
    }
}

impl Lane {
    /// Its runs are in the store.
    fn in_store(head: Head) -> Self {
        Self {
            head,
            stored: true,
            ..Self::default()
        }
    }

    /// Whether the store knows all there is to know of it.
    fn is_in_store(&self) -> bool {
        self.head == Head::Waiting
            && self.stored
            && !self.spilling
            && self.memory.is_empty()
            && self.taken.is_empty()
    }

    fn batch(&mut self) -> Option<Vec<Run>> {
        let due = match self.head {
            Head::Waiting => !self.memory.is_empty(),
            Head::Running | Head::Between => self.memory.len() > limits::LANE_IN_MEMORY,
        };
        if !due || self.spilling {
            return None;
        }
        self.spilling = true;
        let most = limits::LANE_IN_MEMORY.min(self.memory.len());
        Some(self.memory.drain(..most).collect())
    }
}
