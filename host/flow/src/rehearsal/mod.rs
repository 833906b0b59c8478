//! `tombolo flow test`: flows rehearsed offline, by the real state machine, with scripted systems, people and time.
//! Nothing is sent and nothing is kept.

mod compare;
mod script;
mod stage;

pub use script::{Expected, Happening, Rehearsal, Reply};

use crate::definition::FlowSet;
use stage::Stage;

/// What came of one test.
#[derive(Debug)]
pub struct Outcome {
    /// The test's sentence.
    pub test: String,
    /// Where it begins in its file, from 1.
    pub line: u32,
    /// What differs from what was expected; empty: it passed.
    pub differences: Vec<String>,
}

/// Plays a test of one flow and compares.
#[must_use]
pub fn rehearse(flows: &FlowSet, flow: &str, rehearsal: &Rehearsal) -> Outcome {
    let mut stage = Stage::new(flows, flow, rehearsal);
    let differences = match rehearsal
        .happenings
        .iter()
        .try_for_each(|one| stage.play(one))
    {
        Ok(()) => compare::differences(&rehearsal.expected, &stage),
        Err(problem) => vec![problem],
    };
    Outcome {
        test: rehearsal.test.clone(),
        line: rehearsal.place.line,
        differences,
    }
}

#[cfg(test)]
mod tests;
