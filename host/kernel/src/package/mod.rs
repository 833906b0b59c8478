//! Bytes of an adapter become a checked package: component, manifest, imports, digest. Runs none of its code.
//!
//! [`component`] reads the bytes, [`contract`] compares what they import with what the manifest declares. Both trust
//! nothing: every length and depth has a bound before memory or stack is spent on it. [`signature`] tells who vouches
//! for them, [`sbom`] what they say they were built from.

mod component;
mod contract;
mod sbom;
pub mod signature;

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tombolo_manifest::Manifest;

pub(crate) use contract::CONTRACT;
pub use sbom::Sbom;
pub use signature::{Publishers, Signer};

use crate::limits::{MANIFEST_BYTES, PACKAGE_BYTES};
use crate::schema;

/// Problems of a manifest that one message tells.
const TOLD: usize = 5;

/// A checked adapter. Only these bytes are ever compiled.
#[derive(Debug, Clone)]
pub struct Package {
    /// What it says of itself.
    pub manifest: Manifest,
    /// `sha256:` and 64 hex digits over `bytes`.
    pub digest: String,
    /// Interfaces of the contract that it imports: `http`, `sql`, ...
    pub imports: BTreeSet<String>,
    /// The component with all its sections.
    pub bytes: Arc<[u8]>,
    /// Declared but not imported: worth a reviewer's look, not an error.
    pub warnings: Vec<String>,
    /// What it says it was built from. Nothing is decided by it.
    pub sbom: Option<Sbom>,
}

/// Why a package is refused. Every message says what was found, expected, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PackageError(pub String);

impl Package {
    /// Checks `bytes`: size, a component and not native code, nesting, exactly one manifest section that parses and
    /// checks, imports only of the contract and all declared, the three exports there.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn read(bytes: Vec<u8>) -> Result<Self, PackageError> {
        if bytes.len() as u64 > PACKAGE_BYTES {
            return Err(PackageError(format!(
                "found a package of {} bytes, expected at most {PACKAGE_BYTES}: build it with optimization and without debug information",
                bytes.len()
            )));
        }
        component::refuse_other_formats(&bytes)?;
        let found = component::read(&bytes)?;
        let manifest = manifest(found.manifest)?;
        schemas(&manifest)?;
        let imports = contract::check_imports(&found.imports, &manifest)?;
        contract::check_exports(&found.exports)?;
        Ok(Self {
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&bytes))),
            warnings: contract::unused(&imports, &manifest),
            sbom: found.sbom.map(sbom::read).transpose()?,
            manifest,
            imports,
            bytes: bytes.into(),
        })
    }
}

fn manifest(section: &[u8]) -> Result<Manifest, PackageError> {
    if section.len() > MANIFEST_BYTES {
        return Err(PackageError(format!(
            "found a manifest of {} bytes, expected at most {MANIFEST_BYTES}: shorten its schemas",
            section.len()
        )));
    }
    let text = std::str::from_utf8(section).map_err(|error| {
        PackageError(format!(
            "found a manifest that is not UTF-8 text ({error}): build the adapter again"
        ))
    })?;
    Manifest::parse(text).map_err(|problems| {
        let told: Vec<String> = problems
            .iter()
            .take(TOLD)
            .map(|problem| format!("adapter.toml:{problem}"))
            .collect();
        let more = match problems.len().saturating_sub(TOLD) {
            0 => String::new(),
            rest => format!("; and {rest} more"),
        };
        PackageError(format!("{}{more}", told.join("; ")))
    })
}

/// A schema that would keep the host busy is refused before anything else reads it.
fn schemas(manifest: &Manifest) -> Result<(), PackageError> {
    for (name, action) in &manifest.actions {
        for (part, schema) in [("input", &action.input), ("output", &action.output)] {
            if let Some(problem) = schema
                .as_ref()
                .and_then(|schema| schema::parts(schema).err())
            {
                return Err(PackageError(format!("actions.{name}.{part}: {problem}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
