//! `keys`: cryptography with keys that the adapter names and never sees. The manifest lists each use.

pub use crate::bindings::tombolo::adapter::keys::{
    Error, Hash, Iv, Order, Part, SignatureAlgorithm,
};

#[cfg(target_family = "wasm")]
use crate::bindings::tombolo::adapter::keys as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::keys as host;

/// HMAC (RFC 2104) over `message`. Needs the use `hmac-HASH`.
///
/// # Errors
/// See [`Error`].
pub fn hmac(key: &str, hash: Hash, message: &[u8]) -> Result<Vec<u8>, Error> {
    host::hmac(key, hash, message)
}

/// Whether `tag` is that HMAC, in constant time.
///
/// # Errors
/// See [`Error`].
pub fn hmac_verify(key: &str, hash: Hash, message: &[u8], tag: &[u8]) -> Result<bool, Error> {
    host::hmac_verify(key, hash, message, tag)
}

/// The hash over the parts, joined; at least one part is a key. Needs the use `digest-HASH` or `digest-sorted-HASH`.
///
/// # Errors
/// See [`Error`].
pub fn digest(hash: Hash, parts: &[Part], order: Order) -> Result<Vec<u8>, Error> {
    host::digest(hash, parts, order)
}

/// Whether `expected` is that hash, in constant time.
///
/// # Errors
/// See [`Error`].
pub fn digest_verify(
    hash: Hash,
    parts: &[Part],
    order: Order,
    expected: &[u8],
) -> Result<bool, Error> {
    host::digest_verify(hash, parts, order, expected)
}

/// Signs `message`. Needs the use `sign-ALGORITHM`.
///
/// # Errors
/// See [`Error`].
pub fn sign(key: &str, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
    host::sign(key, algorithm, message)
}

/// Whether `signature` is good. Needs the use `verify-ALGORITHM`.
///
/// # Errors
/// See [`Error`].
pub fn verify(
    key: &str,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Error> {
    host::verify(key, algorithm, message, signature)
}

/// AES-CBC with PKCS #7 padding to `block` bytes, 16 or 32. Needs the use `encrypt-cbc`.
///
/// # Errors
/// See [`Error`].
pub fn encrypt_cbc(key: &str, iv: &Iv, block: u8, message: &[u8]) -> Result<Vec<u8>, Error> {
    host::encrypt_cbc(key, iv, block, message)
}

/// The way back. Needs the use `decrypt-cbc`.
///
/// # Errors
/// See [`Error`].
pub fn decrypt_cbc(key: &str, iv: &Iv, block: u8, message: &[u8]) -> Result<Vec<u8>, Error> {
    host::decrypt_cbc(key, iv, block, message)
}

/// Whether `candidate` is the secret, in constant time. Needs the use `equal`.
///
/// # Errors
/// See [`Error`].
pub fn equal(key: &str, candidate: &[u8]) -> Result<bool, Error> {
    host::equal(key, candidate)
}
