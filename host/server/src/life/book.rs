//! One small file for each system: `systems/NAME.json` in the data folder. What people decided about it, and which of its
//! versions were in force.
//!
//! Written whole beside the old one, synced, and renamed: a reader finds the old or the new, never half of one. A file
//! that cannot be read stops the start, for a system that was disabled must not run because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tombolo_kernel::clock::Millis;
use tombolo_kernel::system::Disabled;
use tombolo_manifest::names::is_name;

use super::version::{Bytes, Version};
use crate::whole;

/// What was decided about one system, and what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// It is out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled: Option<Disabled>,
    /// The site's version that was put into force last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) running: Option<Version>,
    /// The one before it that was not found bad: what a rollback goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Version>,
    /// It runs its last version, whatever the site says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rolled_back: Option<RolledBack>,
    /// The site's version is tried on a share of the lanes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) canary: Option<Begun>,
    /// The digest of a version that a person had take all lanes without a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<String>,
}

/// A trial that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begun {
    /// Of the version that is tried.
    pub(crate) digest: String,
    /// Ten thousandths of the lanes.
    pub(crate) share: u32,
    /// Milliseconds since the epoch.
    pub(crate) since_ms: Millis,
}

/// That a system went back to its last good version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RolledBack {
    /// Who said so.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
    /// Milliseconds since the epoch.
    pub(crate) since_ms: Millis,
    /// The digest of the version that it went back from: as long as the site names it, the rollback stays.
    pub(crate) from: String,
}

impl Book {
    /// A version is in force. `was_well`: the one that it replaced was not found bad.
    pub(super) fn runs(&mut self, version: Version, was_well: bool) {
        if self.rolled_back.is_some() {
            // Its last version runs again: which that is stays.
            return;
        }
        match self.running.take() {
            Some(was) if was.digest == version.digest => {
                let since_ms = if was.is(&version) {
                    was.since_ms
                } else {
                    version.since_ms
                };
                self.running = Some(Version {
                    since_ms,
                    ..version
                });
                return;
            }
            Some(was) if was_well => self.last = Some(was),
            _ => {}
        }
        self.last.take_if(|last| last.digest == version.digest);
        self.running = Some(version);
    }

    /// What runs where the site's version does not: what was rolled back to, or what a canary is beside.
    pub(super) fn before(&self) -> Option<&Version> {
        let left = self
            .rolled_back
            .as_ref()
            .map(|rolled_back| &rolled_back.from);
        let running = self.running.as_ref();
        let running = running.filter(|running| left != Some(&running.digest));
        running.or(self.last.as_ref())
    }

    /// The site has another version, which takes over: the one that was left is not gone back to.
    pub(super) fn goes_on(&mut self) {
        let Some(RolledBack { from, .. }) = self.rolled_back.take() else {
            return;
        };
        if self
            .running
            .as_ref()
            .is_some_and(|running| running.digest == from)
        {
            self.running = self.last.take();
        }
    }

    /// A person has the version that was left take all lanes.
    pub(super) fn forward(&mut self) {
        self.whole = self.rolled_back.take().map(|rolled_back| rolled_back.from);
    }

    /// A reviewer took its grant away.
    pub(super) fn withdrawn(&mut self, why: &str) {
        for version in self.running.iter_mut().chain(&mut self.last) {
            version.withdrawn.get_or_insert_with(|| why.to_owned());
        }
    }

    fn digests(&self) -> impl Iterator<Item = String> {
        let versions = self.running.iter().chain(&self.last);
        versions.map(|version| version.digest.clone())
    }
}

/// All of them, in memory and on disk.
pub(crate) struct Books {
    folder: PathBuf,
    bytes: Bytes,
    books: tokio::sync::Mutex<BTreeMap<String, Book>>,
    /// Versions are written down in the order in which they came into force.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub(crate) struct BooksError {
    file: String,
    problem: String,
}

impl Books {
    /// Reads all there are.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub(crate) fn open(data: &Path) -> Result<Self, BooksError> {
        let folder = data.join("systems");
        let mut books = BTreeMap::new();
        if folder.is_dir() {
            let entries = fs::read_dir(&folder).map_err(|error| wrong(&folder, &error))?;
            for entry in entries {
                let file = entry.map_err(|error| wrong(&folder, &error))?.path();
                if let Some((name, book)) = read(&file)? {
                    books.insert(name, book);
                }
            }
        }
        Ok(Self {
            folder,
            bytes: Bytes::of(data),
            books: tokio::sync::Mutex::new(books),
            turn: Arc::default(),
        })
    }

    /// Systems that are out of service. Only before anything changes them.
    pub(crate) fn disabled(&mut self) -> Vec<(String, Disabled)> {
        let all = self.books.get_mut().iter();
        all.filter_map(|(name, book)| Some((name.clone(), book.disabled.clone()?)))
            .collect()
    }

    /// One, as it is now.
    pub(crate) async fn of(&self, system: &str) -> Book {
        self.books
            .lock()
            .await
            .get(system)
            .cloned()
            .unwrap_or_default()
    }

    /// All, as they are now.
    pub(crate) async fn all(&self) -> BTreeMap<String, Book> {
        self.books.lock().await.clone()
    }

    /// To be held while versions are written down.
    pub(crate) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Keeps an adapter's bytes, synced when it resolves.
    ///
    /// # Errors
    /// They could not be written.
    pub(super) async fn keep(&self, digest: &str, bytes: Arc<[u8]>) -> Result<(), BooksError> {
        let (kept, digest) = (self.bytes.clone(), digest.to_owned());
        let write = tokio::task::spawn_blocking(move || kept.keep(&digest, &bytes));
        let written = write.await.map_err(|error| wrong(&self.folder, &error))?;
        written.map_err(|error| wrong(&self.folder, &error))
    }

    /// Forgets the bytes that no book names.
    pub(super) async fn tidy(&self) {
        let books = self.books.lock().await;
        let digests: BTreeSet<String> = books.values().flat_map(Book::digests).collect();
        let bytes = self.bytes.clone();
        // What stays is tried again.
        let _ = tokio::task::spawn_blocking(move || bytes.only(&digests)).await;
    }

    /// Changes one, synced when it resolves. One change at a time.
    ///
    /// # Errors
    /// It could not be written: nothing has changed.
    pub(crate) async fn change(
        &self,
        system: &str,
        change: impl FnOnce(&mut Book),
    ) -> Result<(), BooksError> {
        let mut books = self.books.lock().await;
        let before = books.get(system).cloned().unwrap_or_default();
        let mut book = before.clone();
        change(&mut book);
        if book == before {
            return Ok(());
        }
        let (file, kept) = (self.folder.join(format!("{system}.json")), book.clone());
        let write = tokio::task::spawn_blocking(move || {
            let text = serde_json::to_vec_pretty(&kept).map_err(|error| wrong(&file, &error))?;
            whole::replace(&file, &text, whole::PRIVATE).map_err(|error| wrong(&file, &error))
        });
        write
            .await
            .map_err(|error| wrong(&self.folder, &error))
            .flatten()?;
        books.insert(system.to_owned(), book);
        Ok(())
    }
}

/// Another file in the folder is none of these.
fn read(file: &Path) -> Result<Option<(String, Book)>, BooksError> {
    let name = file.file_name().and_then(|name| name.to_str());
    let Some(name) = name.and_then(|name| name.strip_suffix(".json")) else {
        return Ok(None);
    };
    if !is_name(name) {
        return Ok(None);
    }
    let text = fs::read(file).map_err(|error| wrong(file, &error))?;
    let book = serde_json::from_slice(&text).map_err(|error| wrong(file, &error))?;
    Ok(Some((name.to_owned(), book)))
}

fn wrong(file: &Path, problem: &dyn std::fmt::Display) -> BooksError {
    BooksError {
        file: file.display().to_string(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn what_was_decided_is_there_again_and_a_file_that_cannot_be_read_stops_the_start() {
        let data = tempfile::tempdir().unwrap();
        let disabled = Disabled {
            by: "olga".into(),
            reason: "\"maintenance\"".into(),
            since_ms: 7,
        };
        let books = Books::open(data.path()).unwrap();
        let kept = disabled.clone();
        let change = books.change("erp", |book| book.disabled = Some(kept));
        change.await.unwrap();
        let mut again = Books::open(data.path()).unwrap();
        assert_eq!(again.disabled(), [("erp".to_owned(), disabled)]);
        let file = data.path().join("systems/erp.json");
        std::fs::write(&file, "{\"disabled").unwrap();
        let problem = Books::open(data.path()).err().unwrap().to_string();
        assert!(problem.contains("erp.json"), "{problem}");
    }
}
