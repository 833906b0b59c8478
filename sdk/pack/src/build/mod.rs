//! An adapter's folder becomes one file.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::component::check_manifest;
use crate::{PackError, cargo, componentize, sbom, toolchain};

/// What a build has to say while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Which toolchain was chosen, in one sentence.
    Toolchain(String),
    /// A line of cargo: what is compiled now, warnings, errors.
    Line(String),
    /// Compiled; the component is being made.
    Component,
}

/// What a build made. The file holds component, manifest and what it was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The adapter: component and manifest in one file.
    pub file: PathBuf,
    /// `sha256:` and 64 hex digits over it.
    pub digest: String,
    /// Which toolchain made it, in one sentence.
    pub toolchain: String,
    /// Bytes.
    pub size: u64,
}

/// Builds the adapter in `dir` (`Cargo.toml`, `adapter.toml`, `src/lib.rs`) and writes `NAME.wasm` into
/// `target/adapters` of the workspace it belongs to, or `target` of its own folder. The same source and compiler give
/// the same bytes, wherever they lie.
///
/// # Errors
/// See [`PackError`]; the file of an earlier build stays as it was.
pub fn build(dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Built, PackError> {
    let manifest_file = dir.join("adapter.toml");
    let manifest_text = fs::read_to_string(&manifest_file)
        .map_err(PackError::file(&manifest_file, "reading the manifest"))?;
    let manifest = check_manifest(&manifest_file.display().to_string(), &manifest_text)?;
    let guest = cargo::look(dir)?;
    let toolchain = toolchain::choose()?;
    progress(Progress::Toolchain(toolchain.sentence.clone()));
    let is_own_workspace = guest.manifest.parent() == Some(guest.workspace.as_path());
    let target_folder = guest.workspace.join(if is_own_workspace {
        "target"
    } else {
        "target/adapters"
    });
    let compiled = cargo::compile(&guest, &toolchain, &target_folder, progress)?;
    progress(Progress::Component);
    let module = fs::read(&compiled.module).map_err(PackError::file(
        &compiled.module,
        "reading the compiled module",
    ))?;
    let mut component = componentize(&module, &manifest_text)?;
    let bill = sbom::describe(&manifest.adapter, &guest, &compiled, &toolchain)?;
    sbom::attach(&mut component, &bill);
    let name = manifest.adapter.name.rsplit('/').next().unwrap_or_default();
    let file = target_folder.join(format!("{name}.wasm"));
    write_whole(&file, &component)?;
    Ok(Built {
        file,
        digest: format!("sha256:{}", hex::encode(Sha256::digest(&component))),
        toolchain: toolchain.sentence,
        size: component.len() as u64,
    })
}

/// The file is there whole or as it was: a host may be reading it.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), PackError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut temporary| {
        std::io::Write::write_all(&mut temporary, bytes)?;
        Ok(temporary)
    });
    let temporary = written.map_err(PackError::file(file, "writing the adapter"))?;
    readable(temporary.path()).map_err(PackError::file(file, "writing the adapter"))?;
    temporary
        .persist(file)
        .map(drop)
        .map_err(|error| PackError::file(file, "writing the adapter")(error.error))
}

/// Temporary files are private; an adapter is not.
#[cfg(unix)]
fn readable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
