//! Kills at syncs: from outside the host, by a library that is loaded before the system's own and counts `fsync` and
//! `fdatasync`. The jobs walk through all positions first, each before and after, in an order drawn from the seed; then
//! positions come from a shuffled deck.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::round::Order;

/// Syncs of one life at which it may end. The first ten are the start's and the first events'; a life of the host has
/// some hundred.
const POSITIONS: i64 = 60;
/// The first ones lie in the deck this many times.
const EARLY: (i64, usize) = (12, 3);

/// The library, and what to draw from.
pub(crate) struct Syncs {
    library: PathBuf,
    deck: Vec<i64>,
    /// Cards of the walk that are left.
    walk: usize,
    /// Every position that was drawn, and whether the host ended there.
    drawn: BTreeMap<i64, bool>,
    random: fastrand::Rng,
}

/// Before and after each.
pub(crate) fn places() -> Vec<i64> {
    (1..=POSITIONS).flat_map(|at| [at, -at]).collect()
}

impl Syncs {
    /// Compiles it into a folder. All jobs of a round shuffle the walk alike, and each goes its share of it.
    pub(crate) fn build(folder: &Path, order: &Order) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("syncs.c"), folder.join("syncs.so"));
        std::fs::write(&source, include_str!("syncs.c"))?;
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .context("there is no `cc`; install a C compiler, which SQLite needs too")?;
        ensure!(status.success(), "cc ended with {status}");
        let mut walk = places();
        fastrand::Rng::with_seed(order.walk ^ 0x5f11).shuffle(&mut walk);
        let (job, jobs) = order.job;
        let share = walk.into_iter().skip(job).step_by(jobs);
        let deck: Vec<i64> = share.collect();
        Ok(Self {
            library,
            walk: deck.len(),
            deck,
            drawn: BTreeMap::new(),
            random: fastrand::Rng::with_seed(order.seed ^ 0x5f11),
        })
    }

    /// The next position: +N after the Nth sync, -N before it.
    pub(crate) fn draw(&mut self) -> i64 {
        if self.deck.is_empty() {
            let early = (1..=EARLY.0).flat_map(|position| [position; EARLY.1 - 1]);
            self.deck = places();
            self.deck
                .extend(early.flat_map(|position| [position, -position]));
            self.random.shuffle(&mut self.deck);
        }
        self.walk = self.walk.saturating_sub(1);
        let position = self.deck.pop().unwrap_or(1);
        self.drawn.entry(position).or_default();
        position
    }

    /// Positions of the walk that are still to be drawn.
    pub(crate) fn walk(&self) -> usize {
        self.walk
    }

    /// The host ended there.
    pub(crate) fn met(&mut self, position: i64) {
        self.drawn.insert(position, true);
    }

    /// All that were drawn, and whether it ended there.
    pub(crate) fn drawn(&self) -> BTreeMap<i64, bool> {
        self.drawn.clone()
    }

    /// Has a process that is about to start end there.
    pub(crate) fn arm(&self, command: &mut Command, position: i64) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("CRASH_SYNC", position.to_string());
    }
}
