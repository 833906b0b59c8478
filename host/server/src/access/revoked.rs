//! Who revoked which token by command: `tokens-revoked.json` in the data folder, for a running host to put on record.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tombolo_kernel::limits;

use crate::whole;

/// The file.
const FILE: &str = "tokens-revoked.json";

/// A token that is none any more.
#[derive(Debug, Serialize, Deserialize)]
struct Revoked {
    /// As it was kept.
    sha256: String,
    /// The name that was given.
    by: String,
}

/// Keeps who revoked a token; the oldest are forgotten. Under the lock of those that are good.
///
/// # Errors
/// The disk's.
pub(super) fn keep(data: &Path, sha256: &str, by: &str) -> io::Result<()> {
    let mut all = read(data);
    all.push(Revoked {
        sha256: sha256.to_owned(),
        by: by.to_owned(),
    });
    let many = all.len().saturating_sub(limits::TOKENS);
    all.drain(..many);
    let text = serde_json::to_vec_pretty(&all)?;
    whole::replace(&data.join(FILE), &text, whole::PRIVATE)
}

/// Who revoked a token; empty where nobody said.
pub(super) fn by(data: &Path, sha256: &str) -> String {
    let mut all = read(data).into_iter();
    all.rfind(|revoked| revoked.sha256 == sha256)
        .map(|revoked| revoked.by)
        .unwrap_or_default()
}

/// It decides nothing: one that cannot be read is like none.
fn read(data: &Path) -> Vec<Revoked> {
    let text = std::fs::read(data.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
