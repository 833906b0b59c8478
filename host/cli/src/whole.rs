//! Writes files so that a reader sees the old one or the new one, never half of one.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Everyone who may read the folder may read the file.
pub(crate) const READABLE: u32 = 0o644;
/// Its owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// Writes beside the file, syncs, renames, syncs the folder. A link of this name is replaced, not followed.
pub(crate) fn replace(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = folder_of(file);
    beside(folder, bytes, mode)?
        .persist(file)
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// The same, for a file that must not be there yet.
pub(crate) fn create(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = folder_of(file);
    beside(folder, bytes, mode)?
        .persist_noclobber(file)
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn folder_of(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn beside(folder: &Path, bytes: &[u8], mode: u32) -> std::io::Result<tempfile::NamedTempFile> {
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    beside.write_all(bytes)?;
    // Temporary files are for their owner alone.
    beside
        .as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    beside.as_file().sync_all()?;
    Ok(beside)
}
