//! Which files of the site are in force, on record: whatever of the configuration a reload or a start changed is named
//! with its old and new digest. What was in force last is kept in the data folder, so that what was edited while no host
//! ran is named at the next start.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::clock::Millis;

use crate::site::{Digests, FileChange};
use crate::whole;

/// The file in the data folder.
const FILE: &str = "site-files.json";

/// The files in force.
pub(crate) struct InForce {
    file: PathBuf,
    digests: Mutex<Digests>,
}

impl InForce {
    /// As they were when a host ran last. A file that cannot be read is like none: all is told as it is now.
    pub(crate) fn read(data: &Path) -> Self {
        let file = data.join(FILE);
        let text = std::fs::read(&file).unwrap_or_default();
        Self {
            file,
            digests: Mutex::new(serde_json::from_slice(&text).unwrap_or_default()),
        }
    }

    /// Others are in force from now on: a record of each that is not what it was, or of all as one where nothing was
    /// known. Writes to the disk.
    pub(crate) fn put(&self, now: Digests, at_ms: Millis) -> Vec<AuditRecord> {
        let mut digests = self.digests.lock();
        if *digests == now {
            return Vec::new();
        }
        let record = |what: String| AuditRecord::new(Kind::Change, at_ms).about(what);
        let records = if digests.is_empty() {
            vec![record(format!("the site as it is found: {now}"))]
        } else {
            let changes = now.since(&digests);
            let of = |change: &FileChange| record(change.to_string()).of(change.system(), "", "");
            changes.iter().map(of).collect()
        };
        // Text by text: it can always be written.
        let text = serde_json::to_vec(&now).unwrap_or_default();
        if let Err(error) = whole::replace(&self.file, &text, whole::PRIVATE) {
            tracing::warn!(%error, file = %self.file.display(), "which files are in force cannot be kept; the next start tells them once more");
        }
        *digests = now;
        records
    }
}
