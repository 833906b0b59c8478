//! Compiled code on disk: only our own output, in a folder that only this user can enter.
//!
//! A file is named by the adapter's digest and by everything that decides what code is made of it (wasmtime's version,
//! the processor, the configuration). It begins with a header: 8 bytes of magic, then SHA-256 over both names and the
//! code, so that a torn, swapped or rotten file is compiled again instead of run. The hash guards against accidents;
//! against other users the folder's mode does, and its owner could as well replace the host itself.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use wasmtime::Engine as Runtime;
use wasmtime::component::Component;

use super::EngineError;
use crate::limits;

const MAGIC: &[u8; 8] = b"tomcode1";
const HASH: usize = 32;

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    compatibility: String,
}

impl Cache {
    pub(super) fn open(folder: PathBuf, runtime: &Runtime) -> Result<Self, EngineError> {
        make_private(&folder).map_err(|problem| {
            EngineError(format!(
                "the folder for compiled code, {}, cannot be used: {problem}",
                folder.display()
            ))
        })?;
        Ok(Self {
            folder,
            compatibility: compatibility(runtime),
        })
    }

    /// The code of an adapter, if it is there, whole and ours.
    pub(super) fn read(&self, runtime: &Runtime, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        let file = read_bounded(&path).ok()?;
        let found = self
            .checked(digest, &file)
            .ok_or("its hash does not fit".to_owned());
        let component = found.and_then(|code| {
            self.trusted(runtime, code)
                .map_err(|error| format!("{error:#}"))
        });
        match component {
            Ok(component) => Some(component),
            Err(problem) => {
                tracing::warn!(file = %path.display(), problem, "compiled code cannot be used and is made again");
                None
            }
        }
    }

    /// Keeps code under its names. A reader sees the whole file or none.
    pub(super) fn write(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        let temporary = path.with_extension(format!("{}.part", crate::clock::new_id(0)));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        let written = file
            .write_all(MAGIC)
            .and_then(|()| file.write_all(self.hash(digest, code).as_ref()))
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        self.prune()
    }

    /// Code that this host made itself, as a component.
    pub(super) fn trusted(&self, runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` demands bytes that `Engine::precompile_component` made. These are either what our own
        // compiling child just wrote to its pipe, or a file of a folder that only this user can write, whose SHA-256
        // was just checked on the same bytes in memory. Wasmtime itself refuses another version or configuration.
        unsafe { Component::deserialize(runtime, code) }
    }

    fn checked<'f>(&self, digest: &str, file: &'f [u8]) -> Option<&'f [u8]> {
        let rest = file.strip_prefix(MAGIC)?;
        let (hash, code) = rest.split_at_checked(HASH)?;
        (self.hash(digest, code).as_ref() == hash).then_some(code)
    }

    fn hash(&self, digest: &str, code: &[u8]) -> ring::digest::Digest {
        let mut context = Context::new(&SHA256);
        for name in [digest, &self.compatibility] {
            context.update(name.as_bytes());
            context.update(b"\0");
        }
        context.update(code);
        context.finish()
    }

    fn path(&self, digest: &str) -> PathBuf {
        let name: String = digest.chars().filter(char::is_ascii_alphanumeric).collect();
        self.folder
            .join(format!("{name}-{}.code", self.compatibility))
    }

    /// Removes the files that were not made for longest, over the bound.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Ok(changed) = entry.metadata().and_then(|about| about.modified()) {
                files.push((changed, entry.path()));
            }
        }
        files.sort();
        let surplus = files.len().saturating_sub(limits::CACHE_FILES);
        files
            .iter()
            .take(surplus)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// Everything but the component that decides what code is made.
fn compatibility(runtime: &Runtime) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    runtime.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn make_private(folder: &Path) -> Result<(), String> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| error.to_string())?;
    let about = fs::metadata(folder).map_err(|error| error.to_string())?;
    let us = rustix::process::geteuid().as_raw();
    if about.uid() != us {
        return Err(format!(
            "it belongs to user {}, expected this process's user {us}; choose another data folder",
            about.uid()
        ));
    }
    if about.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > limits::COMPILED_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(length);
    file.take(limits::COMPILED_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
