//! `store`: durable keys and values of one system. The guarantees are in `wit/store.wit`; where they are kept is
//! behind [`KeyValues`].

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::grant::ActiveGrant;
use crate::limits;

/// See `wit/store.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValueError {
    /// Over the quota in bytes.
    Quota(u64),
    /// Not the expected value.
    Conflict,
    /// The store failed; nothing was promised.
    Unavailable(String),
}

/// Where keys and values of all systems are kept, each apart. A write is synced when its future resolves; quotas
/// count key and value bytes and are exact under concurrent calls.
pub trait KeyValues: Send + Sync {
    /// One value.
    fn get<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>>;
    /// Sets it; with `expected`, only if the present value is that one (`Some(None)`: absent).
    fn set<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
        value: Vec<u8>,
        expected: Option<Option<Vec<u8>>>,
        quota: u64,
    ) -> BoxFuture<'a, Result<(), KeyValueError>>;
    /// Removes it.
    fn delete<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyValueError>>;
    /// Keys with a prefix after one, in byte order.
    fn keys<'a>(
        &'a self,
        system: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>>;
}

/// One use of the store as the guest sees it fail. See `wit/store.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Not granted.
    Denied(String),
    /// A key or value that cannot be kept.
    Invalid(String),
    /// Over the quota in bytes.
    Quota(u64),
    /// Not the expected value.
    Conflict,
    /// The store failed; nothing was promised.
    Unavailable(String),
}

/// One system's own keys and values. The system's name is the host's, so no other system's keys can be named.
pub struct Store {
    system: Arc<str>,
    key_values: Arc<dyn KeyValues>,
    /// For calls that use it again and again.
    pub(crate) turns: Turns,
}

/// Turns of one system's calls that make many host calls: one of their reads or writes is under way at a time, and a rest
/// follows a read. A flood of them would take the processors from its neighbours, or the disk.
#[derive(Default)]
pub(crate) struct Turns {
    /// Until when they rest.
    rested: Mutex<Option<Instant>>,
}

impl Turns {
    /// Reads for a call that has made so many host calls before.
    pub(crate) async fn read<T>(&self, host_calls: u32, read: impl Future<Output = T>) -> T {
        self.take(host_calls, limits::READ_REST, read).await
    }

    /// Writes for a call that has made so many host calls before.
    pub(crate) async fn write<T>(&self, host_calls: u32, write: impl Future<Output = T>) -> T {
        self.take(host_calls, 0, write).await
    }

    /// Uses it, and rests so many times as long as that took.
    async fn take<T>(&self, host_calls: u32, rest: u32, used: impl Future<Output = T>) -> T {
        if host_calls < limits::HOST_CALLS_AT_ONCE {
            return used.await;
        }
        let mut rested = self.rested.lock().await;
        let until = rested.unwrap_or_else(Instant::now);
        // A sleep ends with a millisecond: shorter rests are saved up.
        if until.saturating_duration_since(Instant::now()) >= limits::SHORTEST_REST {
            sleep_until(until).await;
        }
        let began = Instant::now();
        let result = used.await;
        let rest = began.elapsed().saturating_mul(1 + rest);
        *rested = Some(began.max(until) + rest);
        result
    }
}

impl Store {
    /// For one system.
    #[must_use]
    pub fn prepare(system: Arc<str>, key_values: Arc<dyn KeyValues>) -> Self {
        Self {
            system,
            key_values,
            turns: Turns::default(),
        }
    }

    /// One value.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get(&self, grant: &ActiveGrant, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        allowed(grant)?;
        check_key(key)?;
        Ok(self.key_values.get(&self.system, key).await?)
    }

    /// Sets a value; with `expected`, only if the present one is that (`Some(None)`: absent).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn set(
        &self,
        grant: &ActiveGrant,
        key: &str,
        value: Vec<u8>,
        expected: Option<Option<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let quota = allowed(grant)?;
        check_key(key)?;
        if value.len() > limits::STORE_VALUE {
            return Err(StoreError::Invalid(format!(
                "the value has {} bytes, expected at most {}; split it",
                value.len(),
                limits::STORE_VALUE
            )));
        }
        Ok(self
            .key_values
            .set(&self.system, key, value, expected, quota)
            .await?)
    }

    /// Removes a value.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete(&self, grant: &ActiveGrant, key: &str) -> Result<(), StoreError> {
        allowed(grant)?;
        check_key(key)?;
        Ok(self.key_values.delete(&self.system, key).await?)
    }

    /// Keys with a prefix after one, in byte order; more than [`limits::STORE_LISTING`] are not given at once.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn keys(
        &self,
        grant: &ActiveGrant,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        allowed(grant)?;
        Ok(self
            .key_values
            .keys(
                &self.system,
                prefix,
                after,
                limit.min(limits::STORE_LISTING),
            )
            .await?)
    }
}

impl From<KeyValueError> for StoreError {
    fn from(error: KeyValueError) -> Self {
        match error {
            KeyValueError::Quota(most) => Self::Quota(most),
            KeyValueError::Conflict => Self::Conflict,
            KeyValueError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

fn allowed(grant: &ActiveGrant) -> Result<u64, StoreError> {
    grant
        .store()
        .map_err(|denied| StoreError::Denied(denied.to_string()))
}

fn check_key(key: &str) -> Result<(), StoreError> {
    if (1..=limits::STORE_KEY).contains(&key.len()) {
        return Ok(());
    }
    Err(StoreError::Invalid(format!(
        "the key has {} bytes, expected 1 to {}",
        key.len(),
        limits::STORE_KEY
    )))
}

#[cfg(test)]
mod tests;
