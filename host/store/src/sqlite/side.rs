//! Adapters' own keys and values, kept in the same file.

use super::SqliteStore;
use super::command::Command;
use super::pairs::{self, SetPair};
use futures_util::future::BoxFuture;
use tombolo_kernel::capability::store::{KeyValueError, KeyValues};
use tombolo_kernel::limits;

impl KeyValues for SqliteStore {
    fn get<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        let (system, key) = (system.to_owned(), key.to_owned());
        Box::pin(async move {
            Ok(self
                .adapters
                .read(move |connection| pairs::get(connection, &system, &key))
                .await?)
        })
    }

    fn set<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
        value: Vec<u8>,
        expected: Option<Option<Vec<u8>>>,
        quota: u64,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        let set = SetPair {
            system: system.to_owned(),
            key: key.to_owned(),
            value,
            expected,
            quota,
        };
        Box::pin(self.ask(Command::set(set)))
    }

    fn delete<'a>(
        &'a self,
        system: &'a str,
        key: &'a str,
    ) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.ask(Command::delete(system, key)))
    }

    fn keys<'a>(
        &'a self,
        system: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        let (system, prefix, after) = (
            system.to_owned(),
            prefix.to_owned(),
            after.map(str::to_owned),
        );
        let limit = limit.min(limits::STORE_LISTING);
        Box::pin(async move {
            let query = move |connection: &_| {
                pairs::keys(connection, &system, &prefix, after.as_deref(), limit)
            };
            Ok(self.adapters.read(query).await?)
        })
    }
}
