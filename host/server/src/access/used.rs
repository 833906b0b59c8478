//! What tokens did, over restarts: by name since when each is known, when it was last used and how often it was refused,
//! in one file of the data folder. Written every few seconds where something changed; a kill loses what came since.
//! Nothing is decided by it: people see in it a token that leaked, or a program that has a wrong one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tombolo_kernel::clock::Millis;

use super::kept::KeptTokens;
use super::usage::TokenUse;
use crate::host::told_to_stop;
use crate::whole;

/// The file: the host's own, so that it never writes what the commands write.
pub const USED_FILE: &str = "tokens-used.json";
/// How exactly it is known.
const EVERY: Duration = Duration::from_secs(5);

/// What one token did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Since when it is counted.
    pub since_ms: Millis,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<Millis>,
    /// Requests refused because its role or what narrows it does not allow them.
    pub forbidden: u64,
    /// Requests refused because it asked too often.
    pub rate_limited: u64,
}

/// What the tokens of a data folder did, by name; nothing where the host has not said so yet.
#[must_use]
pub fn used(data: &Path) -> BTreeMap<String, Used> {
    let read = std::fs::read(data.join(USED_FILE)).ok();
    read.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// What all tokens do.
#[derive(Debug)]
pub(super) struct TokenUses {
    file: PathBuf,
    known: Mutex<BTreeMap<String, Arc<TokenUse>>>,
    /// What the file says. Held while it is written: an older state never comes after a newer one.
    written: Mutex<Vec<u8>>,
}

impl TokenUses {
    /// With what is known of before.
    pub(super) fn of(data: &Path) -> Self {
        let known = used(data).into_iter();
        let known = known.map(|(name, used)| (name, Arc::new(TokenUse::of(used))));
        Self {
            file: data.join(USED_FILE),
            known: Mutex::new(known.collect()),
            written: Mutex::default(),
        }
    }

    /// What the token of this name does. One that was made later than what is known of its name is another.
    pub(super) fn of_token(&self, name: &str, made_ms: Millis, now_ms: Millis) -> Arc<TokenUse> {
        let mut all = self.known.lock();
        let known = all.get(name).filter(|known| known.since_ms() >= made_ms);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let new = Arc::new(TokenUse::of(Used {
            since_ms: now_ms.max(made_ms),
            ..Used::default()
        }));
        all.insert(name.to_owned(), Arc::clone(&new));
        new
    }

    /// Writes it, if it changed, without tokens that are gone.
    pub(super) fn write(&self) -> std::io::Result<()> {
        let mut written = self.written.lock();
        let used: BTreeMap<String, Used> = {
            let mut all = self.known.lock();
            all.retain(|_, known| Arc::strong_count(known) > 1);
            all.iter()
                .map(|(name, known)| (name.clone(), known.used()))
                .collect()
        };
        // Its own types: it can always be written.
        let text = serde_json::to_vec(&used).unwrap_or_default();
        if text != *written {
            whole::replace(&self.file, &text, whole::PRIVATE)?;
            *written = text;
        }
        Ok(())
    }
}

/// Writes until the host stops, which does it a last time.
pub(crate) async fn run(kept: Arc<KeptTokens>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = told_to_stop(&mut stopped) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let kept = Arc::clone(&kept);
        let written = tokio::task::spawn_blocking(move || kept.write_uses()).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "what tokens did cannot be written; it is tried again");
        }
    }
}
