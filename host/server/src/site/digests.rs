//! A site's files by what they say, and which of them another reading finds changed: for the audit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tombolo_kernel::limits;

use super::files::{bounded, files_ending, files_of};
use super::people;

/// Hexadecimal digits of a digest that a record shows: 48 bits tell the versions of one file apart.
const SHOWN: usize = 12;

/// SHA-256 of each of the operator's files, hexadecimal. Adapters have records of their own, and secrets are no files of
/// the site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests(BTreeMap<String, String>);

/// One file that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// `flows/restock.yaml`.
    pub file: String,
    /// The digest that was in force; none: it is new.
    pub before: Option<String>,
    /// The digest that is in force now; none: it is gone.
    pub now: Option<String>,
}

impl Digests {
    /// Of a site's folder. What cannot be read is not there: such a site does not check either.
    pub(crate) fn of(folder: &Path) -> Self {
        let no_matter = &mut Vec::new();
        let alone = ["tombolo.yaml", people::FILE].map(str::to_owned);
        let kinds = ["systems", "grants", "schedules", "reconciliations", "flows"];
        let mut files: BTreeSet<String> = alone.into();
        for kind in kinds {
            files.extend(paths(files_of(folder, kind, no_matter)));
        }
        files.extend(paths(files_ending(folder, "tables", ".csv", no_matter)));
        let digest = |file: String| {
            let text = bounded(&folder.join(&file), limits::SITE_FILE).ok()?;
            Some((file, hex::encode(Sha256::digest(text))))
        };
        Self(files.into_iter().filter_map(digest).collect())
    }

    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What differs from an earlier reading, by file.
    pub(crate) fn since(&self, before: &Self) -> Vec<FileChange> {
        let files: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let change = |file: &String| FileChange {
            file: file.clone(),
            before: before.0.get(file).cloned(),
            now: self.0.get(file).cloned(),
        };
        let changes = files.into_iter().map(change);
        changes
            .filter(|change| change.before != change.now)
            .collect()
    }
}

impl fmt::Display for Digests {
    /// All files as one: `12 files, sha256 0f3c...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut whole = Sha256::new();
        for (file, digest) in &self.0 {
            whole.update(format!("{digest}  {file}\n"));
        }
        let whole = hex::encode(whole.finalize());
        write!(f, "{} files, sha256 {}", self.0.len(), shown(&whole))
    }
}

impl FileChange {
    /// The system that the file is about, or nothing.
    pub(crate) fn system(&self) -> &str {
        let name = self.file.strip_suffix(".yaml");
        let name = name.and_then(|name| {
            name.strip_prefix("systems/")
                .or_else(|| name.strip_prefix("grants/"))
        });
        name.unwrap_or_default()
    }
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                let (before, now) = (shown(before), shown(now));
                write!(f, "{file} changed: sha256 {now}, was {before}")
            }
            (None, Some(now)) => write!(f, "{file} is new: sha256 {}", shown(now)),
            (Some(before), None) => write!(f, "{file} is gone: sha256 was {}", shown(before)),
            (None, None) => f.write_str(file),
        }
    }
}

fn paths(files: Vec<(String, String)>) -> impl Iterator<Item = String> {
    files.into_iter().map(|(_, path)| path)
}

fn shown(digest: &str) -> &str {
    digest.get(..SHOWN).unwrap_or(digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_was_edited_added_or_removed_is_named_with_its_digests() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for file in [
            "tombolo.yaml",
            "people.yaml",
            "systems/erp.yaml",
            "grants/erp.yaml",
            "flows/go.yaml",
            "tables/intent.csv",
            "notes.txt",
        ] {
            write(file, "a");
        }
        let before = Digests::of(folder.path());
        assert_eq!(before.since(&before), []);
        for file in ["tombolo.yaml", "systems/erp.yaml", "tables/intent.csv"] {
            write(file, "b");
        }
        write("schedules/night.yaml", "b");
        write("notes.txt", "b");
        std::fs::remove_file(folder.path().join("people.yaml")).unwrap();
        let told: Vec<String> = Digests::of(folder.path())
            .since(&before)
            .iter()
            .map(|change| format!("{}: {change}", change.system()))
            .collect();
        // SHA-256 of `a` and `b`.
        assert_eq!(
            told,
            [
                ": people.yaml is gone: sha256 was ca978112ca1b",
                ": schedules/night.yaml is new: sha256 3e23e8160039",
                "erp: systems/erp.yaml changed: sha256 3e23e8160039, was ca978112ca1b",
                ": tables/intent.csv changed: sha256 3e23e8160039, was ca978112ca1b",
                ": tombolo.yaml changed: sha256 3e23e8160039, was ca978112ca1b",
            ]
        );
    }
}
