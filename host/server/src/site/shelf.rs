//! Checked packages by the path in a system file. A thousand systems of one adapter share one package.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;

use super::files::bounded;

/// Gives packages by the path in a system file.
pub trait Adapters {
    /// The checked package, shared by all systems of the same file.
    ///
    /// # Errors
    /// Why it cannot be read, or is refused.
    fn package(&mut self, path: &Path) -> Result<Arc<Package>, String>;
}

/// Packages checked so far, by digest; each file is read once per reading of the site.
#[derive(Debug, Default)]
pub struct PackageShelf {
    by_digest: HashMap<[u8; 32], Arc<Package>>,
    by_path: HashMap<PathBuf, Result<Arc<Package>, String>>,
}

impl Adapters for PackageShelf {
    fn package(&mut self, path: &Path) -> Result<Arc<Package>, String> {
        if let Some(known) = self.by_path.get(path) {
            return known.clone();
        }
        let result = self.read(path);
        self.by_path.insert(path.to_owned(), result.clone());
        result
    }
}

impl PackageShelf {
    fn read(&mut self, path: &Path) -> Result<Arc<Package>, String> {
        let bytes = bounded(path, limits::PACKAGE_BYTES)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if let Some(known) = self.by_digest.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let package = Arc::new(Package::read(bytes).map_err(|error| error.to_string())?);
        self.by_digest.insert(digest, Arc::clone(&package));
        Ok(package)
    }

    /// Files may have changed since; what no system uses any more is forgotten.
    pub(crate) fn begin(&mut self) {
        self.by_path.clear();
        self.by_digest
            .retain(|_, package| Arc::strong_count(package) > 1);
    }
}
