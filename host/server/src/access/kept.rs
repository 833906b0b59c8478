//! Tokens made by command: `tokens.json` in the data folder, which only its owner can read and which holds no token,
//! only hashes. The command line writes it whole and puts it in place at once; a running host looks at every request
//! whether the file is still the one it read, so that a revoked token is none from the next request on.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tombolo_flow::delivery::Rate;
use tombolo_kernel::audit::{AuditRecord, Kind};
use tombolo_kernel::clock::{Millis, SharedClock};
use tombolo_kernel::limits;
use tombolo_store::AuditTrail;

use super::usage::TokenUse;
use super::used::TokenUses;
use super::{Access, Role, Scopes, revoked};
use crate::whole;

/// The file of tokens, in the data folder.
pub const KEPT_FILE: &str = "tokens.json";

/// One token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptToken {
    /// For people and the audit.
    pub name: String,
    /// SHA-256 of its text, hexadecimal.
    pub sha256: String,
    /// What its bearer is.
    pub role: Role,
    /// What narrows it.
    #[serde(default)]
    pub scopes: Scopes,
    /// When it was made.
    pub created_ms: Millis,
    /// From then on it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<Millis>,
    /// Its requests in a time; none: as the site says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Who made it, by the name they gave; empty where they gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Reading or writing it failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// It is not what was written.
    #[error("{0} cannot be read: {1}; restore it, or remove it and make new tokens")]
    Format(PathBuf, String),
    /// The change cannot be made.
    #[error("{0}")]
    Refused(String),
}

/// The tokens in a data folder, in the order they were made.
///
/// # Errors
/// The file is there and cannot be used.
pub fn listed(data: &Path) -> Result<Vec<KeptToken>, KeptError> {
    let file = data.join(KEPT_FILE);
    match std::fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(KeptError::Io(file, error)),
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| KeptError::Format(file, error.to_string())),
    }
}

/// Changes the tokens of a data folder; two commands at a time wait for each other.
///
/// # Errors
/// The file cannot be used, or `change` refused.
pub fn change<T>(
    data: &Path,
    change: impl FnOnce(&mut Vec<KeptToken>) -> Result<T, String>,
) -> Result<T, KeptError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| KeptError::Io(path, error)
    };
    private_folder(data).map_err(at(data))?;
    let lock = data.join("tokens.lock");
    let held = private(&lock).map_err(at(&lock))?;
    held.lock().map_err(at(&lock))?;
    let mut tokens = listed(data)?;
    let result = change(&mut tokens).map_err(KeptError::Refused)?;
    if tokens.len() > limits::TOKENS {
        return Err(KeptError::Refused(format!(
            "a site may have {} tokens; revoke one first",
            limits::TOKENS
        )));
    }
    let file = data.join(KEPT_FILE);
    let text = serde_json::to_vec_pretty(&tokens)
        .map_err(|error| KeptError::Format(file.clone(), error.to_string()))?;
    whole::replace(&file, &text, whole::PRIVATE).map_err(at(&file))?;
    Ok(result)
}

/// Takes a token out, and keeps who did so.
///
/// # Errors
/// As [`change`]; there is no such token.
pub fn revoke(data: &Path, name: &str, by: &str) -> Result<(), KeptError> {
    change(data, |tokens| {
        let found = tokens.iter().position(|token| token.name == name);
        let Some(found) = found else {
            return Err(format!(
                "no token made by command is named `{name}`; `tombolo token list` shows those there are, and those of tombolo.yaml are taken out there"
            ));
        };
        let gone = tokens.remove(found);
        revoked::keep(data, &gone.sha256, by)
            .map_err(|error| format!("who revokes it cannot be kept: {error}"))
    })
}

/// Makes a folder only its owner can look into.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What a running host knows of the file.
pub struct KeptTokens {
    data: PathBuf,
    read: Mutex<(Option<Stamp>, Arc<Vec<Usable>>)>,
    uses: TokenUses,
    clock: SharedClock,
    /// Where it is put on record that tokens were made or revoked.
    record: OnceLock<Arc<dyn AuditTrail>>,
}

/// A token that can be compared.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(crate) name: Arc<str>,
    pub(crate) by: Arc<str>,
    pub(crate) digest: [u8; 32],
    pub(crate) access: Arc<Access>,
    pub(crate) used: Arc<TokenUse>,
}

/// What differs when a file is another one: a replaced file is another inode or was changed at another time.
type Stamp = (u64, u64, i64, i64);

impl KeptTokens {
    /// For a data folder.
    #[must_use]
    pub fn of(data: &Path, clock: SharedClock) -> Self {
        Self {
            data: data.to_owned(),
            read: Mutex::new((None, Arc::default())),
            uses: TokenUses::of(data),
            clock,
            record: OnceLock::new(),
        }
    }

    /// Puts on record from now on which tokens come and go. What changed while no host ran is not known.
    pub(crate) fn put_on_record(&self, audit: Arc<dyn AuditTrail>) {
        self.current();
        // Called once, where the host is put together.
        let _ = self.record.set(audit);
    }

    /// The tokens as the file has them now. A file that cannot be read has none: nobody gets in by breaking it.
    pub(crate) fn current(&self) -> Arc<Vec<Usable>> {
        let stamp = stamp(&self.data.join(KEPT_FILE));
        let mut read = self.read.lock();
        if read.0 != stamp {
            let usable = listed(&self.data).map(|tokens| {
                tokens
                    .iter()
                    .filter_map(|token| self.usable(token))
                    .collect()
            });
            let usable = usable.unwrap_or_else(|error| {
                tracing::error!(%error, "no token made by command is taken");
                Vec::new()
            });
            self.tell_changes(&read.1, &usable);
            *read = (stamp, Arc::new(usable));
        }
        Arc::clone(&read.1)
    }

    fn tell_changes(&self, before: &[Usable], now: &[Usable]) {
        let Some(audit) = self.record.get() else {
            return;
        };
        let gone =
            |of: &'_ [Usable], one: &Usable| !of.iter().any(|other| other.digest == one.digest);
        let made = now.iter().filter(|one| gone(before, one));
        let made = made.map(|one| {
            let roles: Vec<&str> = one.access.roles.iter().map(|role| role.name()).collect();
            let what = format!("token {} was made: {}", one.name, roles.join(", "));
            (what, one.by.to_string())
        });
        let lost = before.iter().filter(|one| gone(now, one));
        let lost = lost.map(|one| {
            let by = revoked::by(&self.data, &hex::encode(one.digest));
            (format!("token {} was revoked", one.name), by)
        });
        for (what, by) in made.chain(lost) {
            let record = AuditRecord::new(Kind::Login, self.clock.now_ms());
            audit.keep(Arc::new(record.about(what).by(by)));
        }
    }

    /// What a token does, by its name: made at `made_ms`, if it was by command.
    pub(crate) fn use_of(&self, name: &str, made_ms: Millis) -> Arc<TokenUse> {
        self.uses.of_token(name, made_ms, self.clock.now_ms())
    }

    /// Keeps what tokens did since the last time.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn write_uses(&self) -> io::Result<()> {
        // Those that nobody came with yet are some, too.
        self.current();
        self.uses.write()
    }

    fn usable(&self, token: &KeptToken) -> Option<Usable> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&token.sha256, &mut digest).ok()?;
        Some(Usable {
            name: token.name.as_str().into(),
            by: token.by.as_str().into(),
            digest,
            access: Arc::new(Access {
                roles: [token.role].into(),
                scopes: token.scopes.clone(),
                expires_ms: token.expires_ms,
                rate: token.rate,
            }),
            used: self.use_of(&token.name, token.created_ms),
        })
    }
}

#[cfg(unix)]
fn stamp(file: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(file).ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

#[cfg(not(unix))]
fn stamp(file: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(file).ok()?;
    let at = found
        .modified()
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    Some((
        0,
        found.len(),
        i64::try_from(at.as_secs()).ok()?,
        i64::from(at.subsec_nanos()),
    ))
}
