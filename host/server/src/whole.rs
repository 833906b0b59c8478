//! Puts files in place so that a reader sees the old one or the new one, never half of one, after a power cut too.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Everyone who may read the folder may read the file.
pub const READABLE: u32 = 0o644;
/// Its owner alone.
pub const PRIVATE: u32 = 0o600;

/// Writes beside the file, syncs, renames, syncs the folder, which is made where it is not there. A link of this name is
/// replaced, not followed.
///
/// # Errors
/// The disk's: the old one is still there.
pub fn replace(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(file);
    beside(folder, bytes, mode)?
        .persist(file)
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// The same, for a file that must not be there yet.
///
/// # Errors
/// The disk's, or it is there.
pub fn create(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
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

fn beside(folder: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    beside.write_all(bytes)?;
    permit(beside.as_file(), mode)?;
    beside.as_file().sync_all()?;
    Ok(beside)
}

/// Temporary files are for their owner alone.
#[cfg(unix)]
fn permit(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permit(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        replace(&at("new/a"), b"first", PRIVATE).unwrap();
        let mut open = File::open(at("new/a")).unwrap();
        replace(&at("new/a"), b"second", READABLE).unwrap();
        let mut old = String::new();
        io::Read::read_to_string(&mut open, &mut old).unwrap();
        assert_eq!(old, "first", "who reads the old one reads all of it");
        assert_eq!(fs::read(at("new/a")).unwrap(), b"second");
        assert_eq!(fs::read_dir(at("new")).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |name| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode("new/a"), READABLE);
            std::os::unix::fs::symlink(at("new/a"), at("link")).unwrap();
            replace(&at("link"), b"third", PRIVATE).unwrap();
            assert_eq!(fs::read(at("new/a")).unwrap(), b"second");
            assert_eq!(mode("link"), PRIVATE);
        }
    }

    #[test]
    fn what_must_not_be_there_yet_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        create(&file, b"first", PRIVATE).unwrap();
        let again = create(&file, b"second", PRIVATE).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
