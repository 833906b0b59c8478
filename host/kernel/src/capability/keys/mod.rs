//! `keys`: cryptography with keys the guest never sees. The guarantees are in `wit/keys.wit`.
//!
//! A key is derived once, when its system is prepared, and used only in ways that its binding asked for and the
//! grant has. No answer and no message holds a byte of it.
//!
//! One key never has both a given and a sorted `digest` use. Asked for both, a guest could compare
//! `H(key ‖ guess)` with `H(sorted(key, guess))`: they are equal exactly if the key sorts before the guess, and a
//! binary search over guesses would spell the secret out. [`Keys::prepare`] refuses such a binding.
//! What stays with a sorted use alone: by cutting one text into parts at different places a guest can still learn,
//! call by call, where the key sorts. So it is for keys that only sign what comes in, never for one that opens
//! anything else; the reviewer's sentence for `digest-sorted-HASH` says so.

mod cipher;
mod derive;
mod hash;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use ring::digest::{Digest, SHA256, digest as sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use self::hash::{HmacKey, digest_of};
use self::signature::{SigningKey, VerifyingKey};
use super::PrepareError;
use crate::grant::{ActiveGrant, Denied};
use crate::system::KeyBinding;

/// See `wit/keys.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standards'")]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// A piece of what is hashed.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// The secret with this name.
    Key(&'a str),
}

/// How parts are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As given.
    Given,
    /// In byte order.
    Sorted,
}

/// See `wit/keys.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standards'")]
pub enum SignatureAlgorithm {
    Rs1,
    Rs256,
    Rs512,
    Ps256,
    Ed25519,
}

/// Where the initialization vector comes from.
#[derive(Debug, Clone, Copy)]
pub enum Iv<'a> {
    /// 16 bytes.
    Given(&'a [u8]),
    /// First 16 of the key.
    KeyPrefix,
    /// First 16 of the message.
    MessagePrefix,
}

/// See `wit/keys.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysError {
    /// Not granted or not bound.
    Denied(String),
    /// Cannot be right.
    Invalid(String),
    /// Granted, and not read: the system is only tried.
    Unread,
}

impl From<Denied> for KeysError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied.0)
    }
}

/// One system's keys, derived once.
pub struct Keys {
    /// None where no secret is read.
    keys: BTreeMap<String, Option<BoundKey>>,
}

/// A key made ready for each of its uses.
struct BoundKey {
    derived: Zeroizing<Vec<u8>>,
    /// For comparing without telling the length.
    fingerprint: Digest,
    hmac: Vec<(Hash, HmacKey)>,
    signing: Option<SigningKey>,
    verifying: Option<VerifyingKey>,
}

// === impl Keys ===

impl Keys {
    /// Derives every key. Not `read`, no secret is looked at, and every granted use is [`KeysError::Unread`].
    ///
    /// # Errors
    /// A derivation that fails, a key that does not fit one of its uses, uses that together would give the key away;
    /// without a byte of the secret in the message.
    pub fn prepare(
        bindings: &BTreeMap<String, KeyBinding>,
        read: bool,
    ) -> Result<Self, PrepareError> {
        let bind = |(name, binding): (&String, &KeyBinding)| {
            let key = read.then(|| BoundKey::prepare(binding)).transpose();
            let key = key.map_err(|problem| PrepareError(format!("key `{name}`: {problem}")))?;
            Ok((name.clone(), key))
        };
        Ok(Self {
            keys: bindings.iter().map(bind).collect::<Result<_, _>>()?,
        })
    }

    /// HMAC over `message`.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn hmac(
        &self,
        grant: &ActiveGrant,
        key: &str,
        hash: Hash,
        message: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        self.with_hmac(grant, key, hash, |key| key.sign(message))
    }

    /// Whether `tag` is the HMAC, in constant time.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn hmac_verify(
        &self,
        grant: &ActiveGrant,
        key: &str,
        hash: Hash,
        message: &[u8],
        tag: &[u8],
    ) -> Result<bool, KeysError> {
        self.with_hmac(grant, key, hash, |key| key.verify(message, tag))
    }

    /// Hash over parts of which at least one is a key; each key needs `digest-HASH`, or `digest-sorted-HASH` where
    /// the parts are sorted.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn digest(
        &self,
        grant: &ActiveGrant,
        hash: Hash,
        parts: &[Part<'_>],
        order: Order,
    ) -> Result<Vec<u8>, KeysError> {
        let what = hash.digest_use(order == Order::Sorted);
        let mut bytes: Vec<&[u8]> = Vec::with_capacity(parts.len());
        let mut secrets = 0;
        for part in parts {
            bytes.push(match part {
                Part::Bytes(bytes) => bytes,
                Part::Key(name) => {
                    secrets += 1;
                    &self.granted(grant, name, what)?.derived
                }
            });
        }
        if secrets == 0 {
            return Err(KeysError::Invalid(
                "no part is a key; hash what is not secret without the host".into(),
            ));
        }
        if order == Order::Sorted {
            bytes.sort_unstable();
        }
        Ok(digest_of(hash, bytes.into_iter()))
    }

    /// Whether `expected` is that hash, in constant time.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn digest_verify(
        &self,
        grant: &ActiveGrant,
        hash: Hash,
        parts: &[Part<'_>],
        order: Order,
        expected: &[u8],
    ) -> Result<bool, KeysError> {
        Ok(self
            .digest(grant, hash, parts, order)?
            .ct_eq(expected)
            .into())
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn sign(
        &self,
        grant: &ActiveGrant,
        key: &str,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        let what = algorithm
            .sign_use()
            .ok_or_else(|| KeysError::Invalid("rs1 is for verifying only".into()))?;
        let signing = self
            .granted(grant, key, what)?
            .signing
            .as_ref()
            .ok_or_else(|| not_asked(key, what))?;
        signing.sign(algorithm, message)
    }

    /// Whether the signature is good.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn verify(
        &self,
        grant: &ActiveGrant,
        key: &str,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeysError> {
        let what = algorithm.verify_use();
        let verifying = self
            .granted(grant, key, what)?
            .verifying
            .as_ref()
            .ok_or_else(|| not_asked(key, what))?;
        verifying.verify(algorithm, message, signature)
    }

    /// AES-CBC with PKCS #7 padding to `block` bytes.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn encrypt_cbc(
        &self,
        grant: &ActiveGrant,
        key: &str,
        iv: Iv<'_>,
        block: u8,
        message: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        cipher::encrypt(
            &self.granted(grant, key, "encrypt-cbc")?.derived,
            iv,
            block,
            message,
        )
    }

    /// The way back.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn decrypt_cbc(
        &self,
        grant: &ActiveGrant,
        key: &str,
        iv: Iv<'_>,
        block: u8,
        message: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        cipher::decrypt(
            &self.granted(grant, key, "decrypt-cbc")?.derived,
            iv,
            block,
            message,
        )
    }

    /// Whether `candidate` is the secret, in constant time.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn equal(
        &self,
        grant: &ActiveGrant,
        key: &str,
        candidate: &[u8],
    ) -> Result<bool, KeysError> {
        let bound = self.granted(grant, key, "equal")?;
        Ok(bound
            .fingerprint
            .as_ref()
            .ct_eq(sha256(&SHA256, candidate).as_ref())
            .into())
    }

    fn granted(&self, grant: &ActiveGrant, key: &str, what: &str) -> Result<&BoundKey, KeysError> {
        grant.key(key, what)?;
        let bound = self.keys.get(key).ok_or_else(|| {
            KeysError::Denied(format!(
                "key `{key}` is not bound; the operator binds it under `keys` in the system file"
            ))
        })?;
        bound.as_ref().ok_or(KeysError::Unread)
    }

    fn with_hmac<T>(
        &self,
        grant: &ActiveGrant,
        key: &str,
        hash: Hash,
        then: impl FnOnce(&HmacKey) -> T,
    ) -> Result<T, KeysError> {
        let bound = self.granted(grant, key, hash.hmac_use())?;
        let made = bound
            .hmac
            .iter()
            .find(|(made, _)| *made == hash)
            .map(|(_, key)| key);
        made.map(then)
            .ok_or_else(|| not_asked(key, hash.hmac_use()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

fn not_asked(key: &str, what: &str) -> KeysError {
    KeysError::Denied(format!(
        "key `{key}` is not bound for `{what}`; the manifest lists it under the key's `uses`"
    ))
}

// === impl BoundKey ===

impl BoundKey {
    fn prepare(binding: &KeyBinding) -> Result<Self, String> {
        let uses = |what: &str| binding.uses.iter().any(|asked| asked == what);
        let given = Hash::ALL.iter().find(|hash| uses(hash.digest_use(false)));
        let sorted = Hash::ALL.iter().find(|hash| uses(hash.digest_use(true)));
        if let (Some(given), Some(sorted)) = (given, sorted) {
            return Err(format!(
                "`{}` and `{}` together would let the adapter find the secret out by comparing; bind two keys",
                given.digest_use(false),
                sorted.digest_use(true),
            ));
        }
        let derived = derive::derive(binding.secret.expose(), &binding.derive)?;
        if derived.is_empty() {
            return Err("the secret is empty; bind one that is not".into());
        }
        if (uses("encrypt-cbc") || uses("decrypt-cbc")) && !cipher::is_aes_key(&derived) {
            return Err("its length is none of AES's (16, 24 or 32 bytes); check the secret and the derivation".into());
        }
        let algorithms = [
            SignatureAlgorithm::Rs1,
            SignatureAlgorithm::Rs256,
            SignatureAlgorithm::Rs512,
            SignatureAlgorithm::Ps256,
            SignatureAlgorithm::Ed25519,
        ];
        let (mut signing, mut verifying) = (None, None);
        for algorithm in algorithms {
            if let Some(what) = algorithm.sign_use().filter(|what| uses(what)) {
                let key = SigningKey::read(&derived).filter(|key| key.fits(algorithm));
                signing =
                    Some(key.ok_or_else(|| {
                        unfit(what, "a private key: PKCS #8 or PKCS #1, PEM or DER")
                    })?);
            }
            let what = algorithm.verify_use();
            if uses(what) {
                let key = VerifyingKey::read(&derived).filter(|key| key.fits(algorithm));
                verifying = Some(key.ok_or_else(|| unfit(what, "a public key: SPKI, PEM or DER"))?);
            }
        }
        let hmac = Hash::ALL
            .into_iter()
            .filter(|hash| uses(hash.hmac_use()))
            .map(|hash| (hash, HmacKey::new(hash, &derived)));
        Ok(Self {
            fingerprint: sha256(&SHA256, &derived),
            hmac: hmac.collect(),
            signing,
            verifying,
            derived,
        })
    }
}

fn unfit(what: &str, expected: &str) -> String {
    format!("the secret is not a key for `{what}`; expected {expected}")
}
