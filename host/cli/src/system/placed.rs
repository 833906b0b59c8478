//! Brings an adapter into a site, as a file in `adapters/` or from a registry or an address into the data folder, before
//! any system names it. What was written and is not used after all is taken back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;
use tombolo_server::registry::{self, Source};
use tombolo_server::site::{self, Adapters, PackageShelf, Places, signature_file};

use tombolo_server::whole;

use super::adapter_line;
use crate::{check, text};

/// How long a registry or server may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// An adapter that a system file can name.
pub(super) struct Placed {
    /// What `adapter:` says.
    pub(super) adapter: String,
    /// What `digest:` says beside it, where that is needed.
    pub(super) digest: Option<String>,
    /// The adapter.
    pub(super) package: Arc<Package>,
    written: Vec<PathBuf>,
}

impl Placed {
    /// From a file, or from a registry or server where it is a reference or an address.
    pub(super) async fn new(site: &Path, source: &str, unsigned: bool) -> anyhow::Result<Self> {
        if Source::is_meant_by(source) {
            return Self::fetched(site, source, unsigned).await;
        }
        Self::copied(site, Path::new(source))
    }

    fn copied(site: &Path, file: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read {}", file.display());
        let size = std::fs::metadata(file).with_context(cannot)?.len();
        if size > limits::PACKAGE_BYTES {
            bail!(
                "{} has {size} bytes, expected an adapter of at most {}",
                file.display(),
                limits::PACKAGE_BYTES
            );
        }
        let bytes = std::fs::read(file).with_context(cannot)?;
        let package = Package::read(bytes)
            .with_context(|| format!("{} is not an adapter a host would take", file.display()))?;
        let signature = match std::fs::read(signature_file(file)) {
            Ok(signature) => Some(signature),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(cannot),
        };
        let name = free_name(site, &package);
        let path = site.join(&name);
        let mut placed = Self {
            adapter: name,
            digest: None,
            package: Arc::new(package),
            written: Vec::new(),
        };
        if let Some(signature) = signature {
            placed.write(signature_file(&path), &signature)?;
        }
        let bytes = Arc::clone(&placed.package.bytes);
        placed.write(path, &bytes)?;
        Ok(placed)
    }

    async fn fetched(site: &Path, source: &str, unsigned: bool) -> anyhow::Result<Self> {
        let settings =
            site::settings(site).map_err(|problems| check::not_in_order(site, &problems))?;
        let source = Source::parse(source).map_err(anyhow::Error::msg)?;
        let place = match source.place() {
            Some(pinned) => pinned,
            None => {
                let access = registry::site_access(site, &settings, source.host())?;
                source.pinned(&source.pull(access, PATIENCE).await?)
            }
        };
        let mut shelf = PackageShelf::new(&settings);
        let places = Places {
            settings,
            systems: vec![(String::new(), place.clone(), unsigned)],
        };
        for fetched in registry::fetch(site, &places, PATIENCE).await {
            fetched.result?;
        }
        let adapter = shelf.adapter(&place).map_err(anyhow::Error::msg)?;
        let package = adapter.package;
        let (adapter, digest) = place.written();
        Ok(Self {
            adapter,
            digest,
            package,
            written: Vec::new(),
        })
    }

    /// What a system file says of it.
    pub(super) fn line(&self) -> String {
        adapter_line::written(&self.adapter, self.digest.as_deref())
    }

    /// `acme/shop 0.2.0`, for people.
    pub(super) fn in_words(&self) -> String {
        let adapter = &self.package.manifest.adapter;
        text::harmless(&format!("{} {}", adapter.name, adapter.version)).to_string()
    }

    /// Nothing uses it: what was written for it goes.
    pub(super) fn take_back(&self) {
        for file in &self.written {
            // What stays is an adapter that no system names.
            let _ = std::fs::remove_file(file);
        }
    }

    fn write(&mut self, file: PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
        if std::fs::read(&file).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let is_new = !file.exists();
        whole::replace(&file, bytes, whole::READABLE)
            .with_context(|| format!("cannot write {}", file.display()))?;
        if is_new {
            self.written.push(file);
        }
        Ok(())
    }
}

/// `adapters/shop-0.2.0.wasm`; with a part of the digest where another file has that name.
fn free_name(site: &Path, package: &Package) -> String {
    let adapter = &package.manifest.adapter;
    let short = adapter.name.rsplit('/').next().unwrap_or(&adapter.name);
    let name = format!("adapters/{short}-{}.wasm", adapter.version);
    let other = std::fs::read(site.join(&name)).is_ok_and(|there| there != *package.bytes);
    if !other {
        return name;
    }
    let digest = package.digest.trim_start_matches("sha256:");
    let part = digest.get(..12).unwrap_or(digest);
    format!("adapters/{short}-{}-{part}.wasm", adapter.version)
}
