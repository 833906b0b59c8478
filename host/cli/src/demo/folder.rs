//! The demo's site folder: the files of `demo/site/` with this machine's ports, secrets made fresh, and a marker by
//! which the demo knows that it may write everything anew. It removes no folder that it has not made.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use tombolo_server::whole;

const MARKER: &str = ".tombolo-demo";

/// Files with `__LISTEN__`, `__CRM__` and `__PUBLISHER__` to fill in.
const FILES: [(&str, &str); 5] = [
    ("tombolo.yaml", include_str!("site/tombolo.yaml")),
    (
        "systems/plant.yaml",
        include_str!("site/systems/plant.yaml"),
    ),
    ("systems/erp.yaml", include_str!("site/systems/erp.yaml")),
    ("systems/crm.yaml", include_str!("site/systems/crm.yaml")),
    (
        "flows/spare-part.yaml",
        include_str!("site/flows/spare-part.yaml"),
    ),
];

/// The folder, held by this demo alone.
pub(super) struct DemoSite {
    path: PathBuf,
    _lock: File,
}

impl DemoSite {
    /// Takes the folder: empties what an earlier demo left, or keeps it.
    pub(super) fn take(path: &Path, keep: bool) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        let parent = path
            .parent()
            .context("the demo's folder cannot be the root")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let lock = locked(&path)?;
        if path.exists() && !path.join(MARKER).exists() {
            let mut inside =
                fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if inside.next().is_some() {
                bail!(
                    "{} is not a folder that the demo made; name another with --site",
                    path.display()
                );
            }
        }
        if path.exists() && !keep {
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot empty {}", path.display()))?;
        }
        for folder in ["", "adapters", "systems", "flows", "grants"] {
            fs::create_dir_all(path.join(folder))
                .with_context(|| format!("cannot make {}", path.display()))?;
        }
        let secrets = path.join("secrets");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&secrets)?;
        fs::write(
            path.join(MARKER),
            "This folder was made by `tombolo demo`, which empties it at the next start.\n",
        )?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the site's files.
    pub(super) fn write(&self, listen: &str, crm: &str, publisher: &str) -> anyhow::Result<()> {
        for (name, text) in FILES {
            let text = text
                .replace("__LISTEN__", listen)
                .replace("__CRM__", crm)
                .replace("__PUBLISHER__", publisher);
            let file = self.path.join(name);
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }

    /// The demo's publisher: the one whose key is there, or a new one.
    pub(super) fn publisher(&self) -> anyhow::Result<tombolo_pack::Signer> {
        let file = self.path.join("secrets/publisher.key");
        if !file.exists() {
            let files = tombolo_pack::keygen(None)?;
            whole::create(&file, files.secret.as_bytes(), whole::PRIVATE)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        let secret = fs::read_to_string(&file)
            .map(Zeroizing::new)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Ok(tombolo_pack::Signer::open(&secret, None)?)
    }

    /// A secret of the site: the one that is there, or a new one with this prefix. Only this user can read the file.
    pub(super) fn secret(&self, name: &str, prefix: &str) -> anyhow::Result<String> {
        let file = self.path.join("secrets").join(name);
        if let Ok(text) = fs::read_to_string(&file) {
            return Ok(text.trim_end().to_owned());
        }
        let mut random = [0; 24];
        if SystemRandom::new().fill(&mut random).is_err() {
            bail!("the system has no randomness to make a secret of");
        }
        let secret = format!("{prefix}{}", STANDARD.encode(random));
        let mut opened = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)?;
        writeln!(opened, "{secret}").with_context(|| format!("cannot write {}", file.display()))?;
        Ok(secret)
    }
}

fn locked(path: &Path) -> anyhow::Result<File> {
    let name = path.with_extension("lock");
    let lock = File::create(&name).with_context(|| format!("cannot make {}", name.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another demo is using {}; end it with Ctrl-C there, or name another folder with --site",
                path.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", name.display()))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_the_demo_did_not_make_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join("precious"), "x").unwrap();
        let refused = DemoSite::take(&site, false)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            refused.contains("is not a folder that the demo made"),
            "{refused}"
        );
        assert_eq!(fs::read_to_string(site.join("precious")).unwrap(), "x");
    }

    #[test]
    fn a_second_demo_in_the_same_folder_is_refused_and_a_later_one_starts_afresh() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site");
        let first = DemoSite::take(&path, false).unwrap();
        let secret = first.secret("api-token", "").unwrap();
        assert!(DemoSite::take(&path, false).is_err());
        drop(first);
        let kept = DemoSite::take(&path, true).unwrap();
        assert_eq!(kept.secret("api-token", "").unwrap(), secret);
        drop(kept);
        let fresh = DemoSite::take(&path, false).unwrap();
        assert_ne!(fresh.secret("api-token", "").unwrap(), secret);
    }
}
