//! What was fetched, in the folder `adapters` of the site's data: manifests and adapters by their digests, signatures
//! beside. Whoever reads from it checks the digest again: a file that was changed is as good as none.

use std::path::{Path, PathBuf};

use tombolo_kernel::limits;
use tombolo_kernel::package::signature::SIGNATURE_ENDING;

use super::{Pulled, RegistryError, artifact};
use crate::site::AdapterPlace;
use crate::whole;

/// The folder.
#[derive(Debug, Clone, Default)]
pub struct Cellar(PathBuf);

impl Cellar {
    /// Of a site's data folder.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self(data.join("adapters"))
    }

    /// The file and the digest of what lies at a place, if its manifest was fetched; the file itself is the caller's
    /// to read and to check.
    ///
    /// # Errors
    /// It was not, or was changed.
    pub fn find(&self, place: &AdapterPlace) -> Result<(PathBuf, Option<String>), String> {
        let fetch = |what: &str| {
            format!("{what}; run `tombolo adapter fetch --site DIR`, which gets and checks it")
        };
        let digest = match place {
            AdapterPlace::File(file) => return Ok((file.clone(), None)),
            AdapterPlace::Web { digest, .. } => digest.clone(),
            AdapterPlace::Registry(reference) => {
                let wanted = reference.digest.clone().unwrap_or_default();
                let file = self.file(&wanted, "json");
                let manifest = crate::site::bounded(&file, limits::REGISTRY_MANIFEST)
                    .map_err(|_| fetch("was not fetched yet"))?;
                if artifact::digest(&manifest) != wanted {
                    return Err(fetch("was changed after it was fetched"));
                }
                artifact::layer(&manifest)
                    .map_err(|error| error.to_string())?
                    .digest
            }
        };
        let file = self.file(&digest, "wasm");
        if !file.is_file() {
            return Err(fetch("was not fetched yet"));
        }
        Ok((file, Some(digest)))
    }

    /// Keeps what came, each file whole or not at all; the manifest last, which makes it count.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, pulled: &Pulled, signature: Option<&[u8]>) -> Result<(), RegistryError> {
        let digest = artifact::digest(&pulled.adapter);
        let signature_kind = format!("wasm.{SIGNATURE_ENDING}");
        self.write(&digest, "wasm", &pulled.adapter)?;
        match signature {
            Some(signature) => self.write(&digest, &signature_kind, signature)?,
            None => drop(std::fs::remove_file(self.file(&digest, &signature_kind))),
        }
        match &pulled.manifest {
            Some(manifest) => self.write(&pulled.digest, "json", manifest),
            None => Ok(()),
        }
    }

    fn write(&self, digest: &str, kind: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let file = self.file(digest, kind);
        whole::replace(&file, bytes, whole::PRIVATE).map_err(|error| {
            RegistryError::new(format!("cannot write {}: {error}", file.display()))
        })
    }

    fn file(&self, digest: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{}.{kind}", digest.replace(':', "-")))
    }
}
