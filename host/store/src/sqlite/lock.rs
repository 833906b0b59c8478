//! One host per data folder: an advisory lock on a file beside the store, held while it is open.
//!
//! The lock belongs to the process and goes with it, however it ends; the file itself stays and means nothing.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Held as long as the store is open.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of the store at `path`, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let place = path.with_extension("lock");
        let cannot = |error: std::io::Error| {
            StoreError::Unavailable(format!(
                "{}: {error}: the lock file cannot be used",
                place.display()
            ))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&place)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a help, not a need.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(StoreError::Conflict(format!(
                    "{}: another host (process {}) has this store open; stop it, or give this one its own data folder",
                    path.display(),
                    if holder.trim().is_empty() {
                        "unknown"
                    } else {
                        holder.trim()
                    },
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .map_err(cannot)?;
        // On a full disk the number is missing; the lock holds all the same.
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}
