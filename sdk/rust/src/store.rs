//! `store`: durable keys and values of this system alone. A key is 1 to 256 bytes, a value at most 64 KiB; a write is
//! on disk when the call returns.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, to_json};

pub use crate::bindings::tombolo::adapter::store::Error;

#[cfg(target_family = "wasm")]
use crate::bindings::tombolo::adapter::store as host;
#[cfg(not(target_family = "wasm"))]
use crate::testing::store as host;

/// The value of a key.
///
/// # Errors
/// See [`Error`].
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::get(key)
}

/// Sets a value.
///
/// # Errors
/// See [`Error`].
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    host::set(key, value)
}

/// Sets a value only if the present one is `expected` (`None`: absent).
///
/// # Errors
/// [`Error::Conflict`] if it is not; else see [`Error`].
pub fn compare_and_set(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<(), Error> {
    host::compare_and_set(key, expected, value)
}

/// Removes a key, or does nothing if it is absent.
///
/// # Errors
/// See [`Error`].
pub fn delete(key: &str) -> Result<(), Error> {
    host::delete(key)
}

/// Keys that begin with `prefix` and come after `after`, in byte order, at most `limit` (at most 1,000).
///
/// # Errors
/// See [`Error`].
pub fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    host::keys(prefix, after, limit)
}

/// The value of a key, which is JSON, as `T`.
///
/// # Errors
/// A failure made of [`Error`]; `internal` if the value is no `T`.
pub fn get_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    let Some(value) = get(key)? else {
        return Ok(None);
    };
    serde_json::from_slice(&value)
        .map(Some)
        .map_err(|error| Failure::internal(format!("the stored value of `{key}`: {error}")))
}

/// Sets a value as JSON.
///
/// # Errors
/// A failure made of [`Error`].
pub fn set_json(key: &str, value: &impl Serialize) -> Result<(), Failure> {
    Ok(set(key, to_json(value)?.as_bytes())?)
}
