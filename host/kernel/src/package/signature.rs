//! Who signed a package: a minisign signature over its very bytes, held against the publishers that a site trusts.
//! Pure: bytes and texts in, a [`Signer`] out.
//!
//! Only prehashed signatures (`ED`) are taken. The trusted comment must be `adapter NAME VERSION` with the manifest's
//! own name and version, so a signature says what it is for. A key vouches only for the names it is trusted for: the
//! exact name's keys where the site has some, else the keys of `vendor/*`. Format: jedisct1.github.io/minisign.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{Error, PublicKey, Signature};
use serde::Serialize;
use tombolo_manifest::names::{is_adapter, is_name};

use super::Package;
use crate::grant::printable;

/// What the names of signatures end in, after the whole name of the file they are for.
pub const SIGNATURE_ENDING: &str = "minisig";

/// By whose word a system's adapter runs, or why it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "signed", rename_all = "kebab-case")]
pub enum Signer {
    /// A publisher whom the site trusts for this very name.
    Publisher {
        /// The key's id, 16 hex digits.
        key: String,
        /// `acme/shop` or `acme/*`, as the site says it.
        trusted_for: String,
    },
    /// No such publisher; it runs all the same, since the system's file says `unsigned: allow`.
    Allowed {
        /// What was found instead.
        found: String,
    },
    /// No such publisher: it does not run.
    Nobody {
        /// What was found instead.
        found: String,
        /// What to do.
        advice: String,
    },
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher { key, trusted_for } => {
                write!(f, "key {key}, which the site trusts for {trusted_for}")
            }
            Self::Allowed { found } => write!(
                f,
                "nobody whom the site trusts: {found}; runs because the system file says `unsigned: allow`"
            ),
            Self::Nobody { found, advice } => {
                write!(f, "nobody whom the site trusts: {found}. {advice}")
            }
        }
    }
}

/// What a package's signature is worth to a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Good, by a publisher trusted for this very name.
    Good {
        /// The key's id.
        key: String,
        /// As the site says it.
        trusted_for: String,
    },
    /// None, or by a key that is not trusted for this name: found what.
    Untrusted(String),
    /// Cannot be read, or is by a trusted key and wrong: found what, and what to do. Never excused.
    Wrong(String, String),
}

impl Verdict {
    /// Who vouches for the adapter of a system whose file says `unsigned: allow`, or does not.
    #[must_use]
    pub fn signer(self, unsigned_is_allowed: bool) -> Signer {
        match self {
            Self::Good { key, trusted_for } => Signer::Publisher { key, trusted_for },
            Self::Untrusted(found) if unsigned_is_allowed => Signer::Allowed { found },
            Self::Untrusted(found) => Signer::Nobody {
                found,
                advice: "Have it signed with `tombolo adapter sign FILE`; if the key is its publisher's, name it under `publishers` in tombolo.yaml; or write `unsigned: allow` into the system file".into(),
            },
            Self::Wrong(found, advice) => Signer::Nobody { found, advice },
        }
    }
}

/// A publisher's or a reviewer's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherKey {
    key: PublicKey,
    id: String,
}

impl PublisherKey {
    /// Reads the 56 characters that begin with `RW`: the second line of a `.pub` file.
    ///
    /// # Errors
    /// It is no such key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let key = PublicKey::from_base64(text).map_err(|_| NotAKey)?;
        Ok(Self {
            key,
            id: key_id(text).ok_or(NotAKey)?,
        })
    }

    /// 16 hex digits, as minisign shows them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a signature, the four lines of a `.minisig` file, is this key's over these bytes, and for this purpose.
    ///
    /// # Errors
    /// What was found instead.
    pub fn check(&self, bytes: &[u8], signature: &str, comment: &str) -> Result<(), String> {
        let signature = Signature::decode(signature)
            .map_err(|_| "found a signature that cannot be read".to_owned())?;
        match self.key.verify(bytes, &signature, false) {
            Ok(()) if signature.trusted_comment() == comment => Ok(()),
            Ok(()) => Err(format!(
                "found a signature made for `{}`, expected one for `{comment}`",
                printable(signature.trusted_comment())
            )),
            Err(Error::UnexpectedKeyId) => Err(format!(
                "found a signature by another key, expected key {}",
                self.id
            )),
            Err(_) => Err(format!(
                "found a signature by key {} that does not fit",
                self.id
            )),
        }
    }
}

/// Not a minisign public key.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a minisign public key: the 56 characters beginning with `RW` in the second line of a `.pub` file"
)]
pub struct NotAKey;

/// Whether the text names adapters as `publishers` does: `vendor/name` or `vendor/*`.
#[must_use]
pub fn is_adapter_pattern(text: &str) -> bool {
    is_adapter(text) || text.strip_suffix("/*").is_some_and(is_name)
}

/// Whose signatures a site takes, for which adapters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publishers(BTreeMap<String, Vec<PublisherKey>>);

impl Publishers {
    /// Trusts the keys for adapters of these names; see [`is_adapter_pattern`].
    pub fn trust(&mut self, names: &str, keys: Vec<PublisherKey>) {
        self.0.entry(names.to_owned()).or_default().extend(keys);
    }

    /// Judges a signature over the package's bytes; `None`: there is none.
    #[must_use]
    pub fn judge(&self, package: &Package, signature: Option<&[u8]>) -> Verdict {
        let Some(signature) = signature else {
            return Verdict::Untrusted("found no signature beside it".into());
        };
        let parts = std::str::from_utf8(signature)
            .ok()
            .and_then(|text| Some((Signature::decode(text).ok()?, signer_id(text)?)));
        let Some((signature, id)) = parts else {
            return Verdict::Wrong(
                "found a signature that cannot be read, expected the four lines of a minisign signature".into(),
                "Fetch it again, or remove it".into(),
            );
        };
        let adapter = &package.manifest.adapter;
        let trusted = self.of(&adapter.name);
        let mut wrong = None;
        for key in trusted.map_or(&[][..], |(_, keys)| keys) {
            match key.key.verify(&package.bytes, &signature, false) {
                Ok(()) => return self.bound(package, &signature, &id),
                Err(Error::UnexpectedKeyId) => {}
                Err(error) => wrong = Some(error),
            }
        }
        match wrong {
            None => Verdict::Untrusted(self.by_another(&adapter.name, &id)),
            Some(Error::UnexpectedAlgorithm) => Verdict::Wrong(
                format!(
                    "found a signature by key {id} over the file itself, expected a prehashed one"
                ),
                "Sign with `tombolo adapter sign`, or with minisign 0.10 or later".into(),
            ),
            Some(_) => Verdict::Wrong(
                format!(
                    "found a signature by key {id} that does not fit these bytes: file or signature was changed after the signing"
                ),
                "Fetch both again from their publisher, or sign again".into(),
            ),
        }
    }

    /// The signature is good; is it for this name and version?
    fn bound(&self, package: &Package, signature: &Signature, id: &str) -> Verdict {
        let adapter = &package.manifest.adapter;
        let expected = adapter.signed_as();
        match self.of(&adapter.name) {
            Some((names, _)) if signature.trusted_comment() == expected => Verdict::Good {
                key: id.to_owned(),
                trusted_for: names.to_owned(),
            },
            _ => Verdict::Wrong(
                format!(
                    "found the trusted comment `{}` in the signature by key {id}, expected `{expected}`",
                    printable(signature.trusted_comment())
                ),
                "Sign again with `tombolo adapter sign`, which writes it".into(),
            ),
        }
    }

    /// The keys for this name, and what the site calls the name: exact, else of the vendor.
    fn of(&self, adapter: &str) -> Option<(&str, &[PublisherKey])> {
        let vendor = adapter.split('/').next().unwrap_or_default();
        [adapter.to_owned(), format!("{vendor}/*")]
            .iter()
            .find_map(|names| self.0.get_key_value(names))
            .map(|(names, keys)| (names.as_str(), keys.as_slice()))
    }

    /// Signed by a key that does not count here.
    fn by_another(&self, adapter: &str, id: &str) -> String {
        let elsewhere: Vec<&str> = self
            .0
            .iter()
            .filter(|(_, keys)| keys.iter().any(|key| key.id == id))
            .map(|(names, _)| names.as_str())
            .collect();
        let known = match elsewhere.as_slice() {
            [] => "which tombolo.yaml does not name".to_owned(),
            names => format!("which is trusted only for {}", names.join(", ")),
        };
        let expected = match self.of(adapter) {
            None => format!("tombolo.yaml names no publisher of {adapter}"),
            Some((names, keys)) => {
                let ids: Vec<&str> = keys.iter().map(PublisherKey::id).collect();
                format!("expected key {}, trusted for {names}", ids.join(" or "))
            }
        };
        format!("found a signature by key {id}, {known}; {expected}")
    }
}

/// The id of the key that made a signature; of a signature that cannot be read, none.
#[must_use]
pub fn signer_id(signature: &str) -> Option<String> {
    key_id(signature.lines().nth(1)?)
}

/// Two bytes of algorithm, eight of the key's id, little end first, in base64.
fn key_id(base64: &str) -> Option<String> {
    let bytes = STANDARD.decode(base64).ok()?;
    let id: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_le_bytes(id)))
}

#[cfg(test)]
mod tests;
