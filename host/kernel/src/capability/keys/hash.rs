//! Hashes and HMAC (RFC 2104) by the contract's names. MD5 and SHA-1 are here for the vendors that still sign with
//! them; `ring` has no MD5, so its HMAC is spelled out.

use md5::{Digest as _, Md5};
use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::Hash;

/// Bytes in a block of MD5.
const MD5_BLOCK: usize = 64;

impl Hash {
    /// Every one, for tables.
    pub const ALL: [Self; 5] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// The name in a use: `sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub(super) fn hmac_use(self) -> &'static str {
        match self {
            Self::Md5 => "hmac-md5",
            Self::Sha1 => "hmac-sha1",
            Self::Sha256 => "hmac-sha256",
            Self::Sha384 => "hmac-sha384",
            Self::Sha512 => "hmac-sha512",
        }
    }

    pub(super) fn digest_use(self, sorted: bool) -> &'static str {
        match (self, sorted) {
            (Self::Md5, false) => "digest-md5",
            (Self::Sha1, false) => "digest-sha1",
            (Self::Sha256, false) => "digest-sha256",
            (Self::Sha384, false) => "digest-sha384",
            (Self::Sha512, false) => "digest-sha512",
            (Self::Md5, true) => "digest-sorted-md5",
            (Self::Sha1, true) => "digest-sorted-sha1",
            (Self::Sha256, true) => "digest-sorted-sha256",
            (Self::Sha384, true) => "digest-sorted-sha384",
            (Self::Sha512, true) => "digest-sorted-sha512",
        }
    }

    fn ring_digest(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
        }
    }
}

/// The hash over the parts, joined.
pub(super) fn digest_of<'a>(hash: Hash, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    match hash.ring_digest() {
        Some(algorithm) => {
            let mut context = digest::Context::new(algorithm);
            parts.for_each(|part| context.update(part));
            context.finish().as_ref().to_vec()
        }
        None => {
            let mut context = Md5::new();
            parts.for_each(|part| context.update(part));
            context.finalize().to_vec()
        }
    }
}

/// An HMAC key with its schedule made once, so that a call hashes the message and nothing else.
pub(super) enum HmacKey {
    Ring(hmac::Key),
    Md5(Zeroizing<[u8; MD5_BLOCK]>),
}

impl HmacKey {
    pub(super) fn new(hash: Hash, key: &[u8]) -> Self {
        let algorithm = match hash {
            Hash::Md5 => return Self::Md5(md5_block(key)),
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        Self::Ring(hmac::Key::new(algorithm, key))
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ring(key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::Md5(block) => md5_hmac(block, message),
        }
    }

    /// Only the whole tag counts, never a prefix of it.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Self::Ring(key) => hmac::verify(key, message, tag).is_ok(),
            Self::Md5(block) => md5_hmac(block, message).ct_eq(tag).into(),
        }
    }
}

fn md5_block(key: &[u8]) -> Zeroizing<[u8; MD5_BLOCK]> {
    let mut block = Zeroizing::new([0u8; MD5_BLOCK]);
    if key.len() > MD5_BLOCK {
        let hashed = Md5::digest(key);
        block[..hashed.len()].copy_from_slice(&hashed);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    block
}

fn md5_hmac(block: &[u8; MD5_BLOCK], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| Zeroizing::new(block.map(|byte| byte ^ with));
    let inner = Md5::new()
        .chain_update(*padded(0x36))
        .chain_update(message)
        .finalize();
    Md5::new()
        .chain_update(*padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}
