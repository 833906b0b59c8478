//! Kills at syncs: from outside the host, by a library that is loaded before the system's own and counts `fsync` and
//! `fdatasync`. Positions come from a shuffled deck, so that a long run meets each of them, before and after.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Syncs of one life at which it may end. The first ten are the start's and the first events'; a life of the host has
/// some hundred.
const POSITIONS: i64 = 60;
/// The first ones lie in the deck this many times.
const EARLY: (i64, usize) = (12, 3);

/// The library, and what to draw from.
pub(crate) struct Syncs {
    library: PathBuf,
    deck: Vec<i64>,
    random: fastrand::Rng,
}

impl Syncs {
    /// Compiles it into a folder.
    pub(crate) fn build(folder: &Path, seed: u64) -> anyhow::Result<Self> {
        let (source, library) = (folder.join("syncs.c"), folder.join("syncs.so"));
        std::fs::write(&source, include_str!("syncs.c"))?;
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .context("there is no `cc`; install a C compiler, which SQLite needs too")?;
        ensure!(status.success(), "cc ended with {status}");
        Ok(Self {
            library,
            deck: Vec::new(),
            random: fastrand::Rng::with_seed(seed ^ 0x5f11),
        })
    }

    /// The next position: +N after the Nth sync, -N before it.
    pub(crate) fn draw(&mut self) -> i64 {
        if self.deck.is_empty() {
            let early = (1..=EARLY.0).flat_map(|position| [position; EARLY.1 - 1]);
            let positions = (1..=POSITIONS).chain(early);
            self.deck = positions
                .flat_map(|position| [position, -position])
                .collect();
            self.random.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or(1)
    }

    /// Has a process that is about to start end there.
    pub(crate) fn arm(&self, command: &mut Command, position: i64) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("CRASH_SYNC", position.to_string());
    }
}
