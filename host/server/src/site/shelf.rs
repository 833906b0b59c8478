//! Checked packages by the place in a system file, with what their signatures are worth. A thousand systems of one
//! adapter share one package. Each file is read once: what is judged is what is compiled.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tombolo_kernel::limits;
use tombolo_kernel::package::signature::{SIGNATURE_ENDING, Verdict};
use tombolo_kernel::package::{Package, Publishers};

use super::files::{bounded, bounded_alone};
use super::place::AdapterPlace;
use super::settings::Settings;
use crate::registry::Cellar;

/// An adapter as its file was read.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Checked, shared by all systems of the same bytes.
    pub package: Arc<Package>,
    /// What its signature is worth here.
    pub verdict: Verdict,
    /// The file that was read.
    pub file: PathBuf,
}

/// Gives adapters by the place in a system file.
pub trait Adapters {
    /// The checked package, and who signed it.
    ///
    /// # Errors
    /// Why it cannot be read, or is refused.
    fn adapter(&mut self, place: &AdapterPlace) -> Result<Adapter, String>;
}

/// Packages checked so far, by digest; each file is read once per reading of the site.
#[derive(Debug, Default)]
pub struct PackageShelf {
    publishers: Publishers,
    cellar: Cellar,
    by_digest: HashMap<[u8; 32], Arc<Package>>,
    by_place: HashMap<AdapterPlace, Result<Adapter, String>>,
}

impl Adapters for PackageShelf {
    fn adapter(&mut self, place: &AdapterPlace) -> Result<Adapter, String> {
        if let Some(known) = self.by_place.get(place) {
            return known.clone();
        }
        let result = self.read(place);
        self.by_place.insert(place.clone(), result.clone());
        result
    }
}

impl PackageShelf {
    /// For a site with these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut shelf = Self::default();
        shelf.begin(Some(settings));
        shelf
    }

    fn read(&mut self, place: &AdapterPlace) -> Result<Adapter, String> {
        let (file, digest) = self.cellar.find(place)?;
        let package = self.package(&file)?;
        if digest.is_some_and(|digest| digest != package.digest) {
            return Err("was changed after it was fetched; run `tombolo adapter fetch --site DIR`, which gets it once more".into());
        }
        let verdict = match signature(&file) {
            Ok(signature) => self.publishers.judge(&package, signature.as_deref()),
            Err(error) => Verdict::Wrong(
                format!("its signature file {error}"),
                "Put the file there that came with the adapter".into(),
            ),
        };
        Ok(Adapter {
            package,
            verdict,
            file,
        })
    }

    fn package(&mut self, path: &Path) -> Result<Arc<Package>, String> {
        let bytes = bounded_alone(path, limits::PACKAGE_BYTES)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if let Some(known) = self.by_digest.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let package = Arc::new(Package::read(bytes).map_err(|error| error.to_string())?);
        self.by_digest.insert(digest, Arc::clone(&package));
        Ok(package)
    }

    /// Files may have changed since, and whom the site trusts; what no system uses any more is forgotten.
    pub(crate) fn begin(&mut self, settings: Option<&Settings>) {
        self.publishers = settings
            .map(|settings| settings.publishers.clone())
            .unwrap_or_default();
        self.cellar = settings
            .map(|settings| Cellar::new(&settings.data))
            .unwrap_or_default();
        self.by_place.clear();
        self.by_digest
            .retain(|_, package| Arc::strong_count(package) > 1);
    }
}

/// `shop.wasm.minisig` for `shop.wasm`.
#[must_use]
pub fn signature_file(adapter: &Path) -> PathBuf {
    let mut name = adapter.as_os_str().to_owned();
    name.push(".");
    name.push(SIGNATURE_ENDING);
    name.into()
}

fn signature(adapter: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = signature_file(adapter);
    match std::fs::symlink_metadata(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => bounded(&file, limits::SIGNATURE_BYTES).map(Some),
    }
}
