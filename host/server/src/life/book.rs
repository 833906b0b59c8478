//! One small file for each system that somebody decided something about: `systems/NAME.json` in the data folder.
//!
//! Written whole beside the old one, synced, and renamed: a reader finds the old or the new, never half of one. A file
//! that cannot be read stops the start, for a system that was disabled must not run because of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tombolo_kernel::system::Disabled;
use tombolo_manifest::names::is_name;

/// What was decided about one system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// It is out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled: Option<Disabled>,
}

/// All of them, in memory and on disk.
pub(crate) struct Books {
    folder: PathBuf,
    books: tokio::sync::Mutex<BTreeMap<String, Book>>,
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
            books: tokio::sync::Mutex::new(books),
        })
    }

    /// Systems that are out of service. Only before anything changes them.
    pub(crate) fn disabled(&mut self) -> Vec<(String, Disabled)> {
        let all = self.books.get_mut().iter();
        all.filter_map(|(name, book)| Some((name.clone(), book.disabled.clone()?)))
            .collect()
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
        let (folder, kept) = (self.folder.clone(), book.clone());
        let file = folder.join(format!("{system}.json"));
        let write = tokio::task::spawn_blocking(move || {
            write(&folder, &file, &kept).map_err(|error| wrong(&file, &error))
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

fn write(folder: &Path, file: &Path, book: &Book) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let beside = file.with_extension("new");
    let mut new = File::create(&beside)?;
    new.write_all(&serde_json::to_vec_pretty(book)?)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    File::open(folder)?.sync_all()
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
