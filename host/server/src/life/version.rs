//! A version of a system as the data folder keeps it: the system file, the grant and the signature in the system's book,
//! the adapter's bytes beside, under their digest. With that, and the secrets, it runs again without site or registry.
//! The bytes are held against their digest before anything reads them, and signature and grant are judged anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tombolo_kernel::clock::Millis;
use tombolo_kernel::grant::Grant;
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;

use crate::registry::digest as digest_of;
use crate::site::{
    Adapter, AdapterPlace, Adapters, Around, Settings, SystemPlan, bounded, draft, signature_file,
};
use crate::whole;

/// A version that was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// `acme/shop 0.3.0`.
    pub(crate) adapter: String,
    /// Of the adapter's bytes.
    pub(crate) digest: String,
    /// The text of the system file.
    pub(crate) file: String,
    /// The text of the adapter's signature, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    /// By which it ran.
    pub(crate) grant: Grant,
    /// Since when it was in force, milliseconds since the epoch.
    pub(crate) since_ms: Millis,
    /// Why it may not run any more: a reviewer took its grant away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn: Option<String>,
}

impl Version {
    /// Of what is in force from now on.
    pub(crate) fn of(plan: &SystemPlan, grant: &Grant, now: Millis) -> Self {
        let signature = bounded(&signature_file(&plan.adapter), limits::SIGNATURE_BYTES);
        Self {
            adapter: named(plan),
            digest: plan.bare.package.digest.clone(),
            file: plan.text.to_string(),
            signature: signature
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok()),
            grant: grant.clone(),
            since_ms: now,
            withdrawn: None,
        }
    }

    /// Whether it is that one, whenever each began.
    pub(super) fn is(&self, other: &Self) -> bool {
        let dated = Self {
            since_ms: self.since_ms,
            ..other.clone()
        };
        *self == dated
    }

    /// The plan that it ran by, checked as the site's are.
    ///
    /// # Errors
    /// What is wrong with what was kept, in words.
    pub(crate) fn plan(
        &self,
        system: &str,
        folder: &Path,
        settings: &Settings,
    ) -> Result<SystemPlan, String> {
        let path = file_of(&Bytes::of(&settings.data).0, &self.digest);
        let bytes = bounded(&path, limits::PACKAGE_BYTES)
            .map_err(|error| format!("the kept adapter {} {error}", path.display()))?;
        if digest_of(&bytes) != self.digest {
            return Err(format!(
                "the kept adapter {} was changed since it was kept: found {}, expected {}; it is not run",
                path.display(),
                digest_of(&bytes),
                self.digest
            ));
        }
        let package = Package::read(bytes).map_err(|error| error.to_string())?;
        let signature = self.signature.as_deref().map(str::as_bytes);
        let verdict = settings.publishers.judge(&package, signature);
        let mut one = One(Adapter {
            package: package.into(),
            verdict,
            file: path,
        });
        let file = format!("systems/{system}.yaml");
        let around = Around::of(folder, settings);
        let (plan, problems) = draft(system, &file, &self.file, &around, &mut one);
        match (plan, problems.first()) {
            (Some(plan), None) => Ok(plan),
            (_, Some(problem)) => Err(format!("what was kept does not check any more: {problem}")),
            (None, None) => Err("what was kept does not check any more".into()),
        }
    }
}

/// `acme/shop 0.3.0`.
pub(crate) fn named(plan: &SystemPlan) -> String {
    let adapter = &plan.bare.package.manifest.adapter;
    format!("{} {}", adapter.name, adapter.version)
}

/// Gives the one adapter, whatever the file calls it.
struct One(Adapter);

impl Adapters for One {
    fn adapter(&mut self, _place: &AdapterPlace) -> Result<Adapter, String> {
        Ok(self.0.clone())
    }
}

/// The folder of adapters' bytes: at most two for each system, the running version's and the one before it.
#[derive(Debug, Clone)]
pub(super) struct Bytes(PathBuf);

impl Bytes {
    /// Below the data folder.
    pub(super) fn of(data: &Path) -> Self {
        Self(data.join("systems").join("kept"))
    }

    /// Keeps an adapter's bytes, synced, if they are not there.
    pub(super) fn keep(&self, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
        let file = file_of(&self.0, digest);
        // Whether they are still the same is found out where they are read.
        if fs::metadata(&file).is_ok_and(|found| found.len() == bytes.len() as u64) {
            return Ok(());
        }
        whole::replace(&file, bytes, whole::PRIVATE)
    }

    /// Forgets all but these.
    pub(super) fn only(&self, digests: &BTreeSet<String>) {
        let Ok(entries) = fs::read_dir(&self.0) else {
            return;
        };
        let kept: BTreeSet<PathBuf> = digests.iter().map(|one| file_of(&self.0, one)).collect();
        for file in entries.flatten().map(|entry| entry.path()) {
            if !kept.contains(&file) {
                // One that stays takes room and is tried again at the next swap.
                let _ = fs::remove_file(file);
            }
        }
    }
}

fn file_of(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{}.wasm", digest.replace(':', "-")))
}
