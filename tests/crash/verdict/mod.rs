//! The comparison of the three records: what was acknowledged (the journal), what became of it (the store), what arrived
//! (the sink and the broker).

mod arrived;
mod log;
pub(crate) mod settling;

use std::path::Path;

use crate::journal::Entry;
use crate::record::Arrival;

/// Problems that are printed.
const SHOWN: usize = 20;

/// What came of it.
#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) acked: usize,
    pub(crate) lost: usize,
    pub(crate) reordered: usize,
    /// Arrivals of what had been taken before, each after a kill.
    pub(crate) duplicates: usize,
    /// Other promises that were broken.
    pub(crate) broken: usize,
    pub(crate) problems: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost == 0 && self.reordered == 0 && self.broken == 0
    }

    /// One more.
    pub(crate) fn add(&mut self, other: Self) {
        self.acked += other.acked;
        self.lost += other.lost;
        self.reordered += other.reordered;
        self.duplicates += other.duplicates;
        self.broken += other.broken;
        other
            .problems
            .into_iter()
            .for_each(|problem| self.say(problem));
    }

    /// What could not be judged counts as broken.
    pub(crate) fn give_up(&mut self, why: String) {
        self.break_off(why);
    }

    fn lose(&mut self, what: String) {
        self.lost += 1;
        self.say(what);
    }

    fn reorder(&mut self, what: String) {
        self.reordered += 1;
        self.say(what);
    }

    fn break_off(&mut self, what: String) {
        self.broken += 1;
        self.say(what);
    }

    fn say(&mut self, problem: String) {
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        }
    }
}

/// Compares, after everything has settled and the host has ended.
pub(crate) fn judge(
    store: &Path,
    acked: &[Entry],
    arrivals: &[Arrival],
) -> anyhow::Result<Verdict> {
    let store = log::open(store)?;
    let mut verdict = Verdict {
        acked: acked.len(),
        ..Verdict::default()
    };
    log::is_sound(&mut verdict, &store)?;
    let runs = log::runs(&store)?;
    let arrived = arrived::Arrived::of(arrivals);
    arrived.is_complete(&mut verdict, acked, &runs);
    arrived.is_taken_back(&mut verdict, &runs);
    arrived.is_told(&mut verdict, &log::dead_letters(&store)?);
    arrived::one_branch(&mut verdict, arrivals);
    arrived::in_order(&mut verdict, arrivals);
    arrived::under_one_key(&mut verdict, arrivals);
    arrived::only_in_flight_again(&mut verdict, arrivals);
    Ok(verdict)
}
