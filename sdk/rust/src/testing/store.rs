//! `store` in memory, with its bounds and its quota.

use super::{current, host::State};
use crate::store::Error;

pub(crate) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    ask(key, |state, _| Ok(state.stored.get(key).cloned()))
}

pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    ask(key, |state, quota| write(state, quota, key, value))
}

pub(crate) fn compare_and_set(
    key: &str,
    expected: Option<&[u8]>,
    value: &[u8],
) -> Result<(), Error> {
    ask(key, |state, quota| {
        if state.stored.get(key).map(Vec::as_slice) != expected {
            return Err(Error::Conflict);
        }
        write(state, quota, key, value)
    })
}

pub(crate) fn delete(key: &str) -> Result<(), Error> {
    ask(key, |state, _| {
        state.stored.remove(key);
        Ok(())
    })
}

pub(crate) fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    current(|host| {
        host.with_state(|state| {
            state.declared.require_store();
            let wanted = state.stored.keys().filter(|key| {
                key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
            });
            Ok(wanted.take(limit.min(1000) as usize).cloned().collect())
        })
    })
}

fn ask<T>(key: &str, run: impl FnOnce(&mut State, u64) -> Result<T, Error>) -> Result<T, Error> {
    current(|host| {
        host.with_state(|state| {
            let quota = state.declared.require_store();
            if key.is_empty() || key.len() > 256 {
                return Err(Error::Invalid(format!(
                    "a key of {} bytes; expected 1 to 256",
                    key.len()
                )));
            }
            run(state, quota)
        })
    })
}

fn write(state: &mut State, quota: u64, key: &str, value: &[u8]) -> Result<(), Error> {
    if value.len() > 64 << 10 {
        return Err(Error::Invalid(format!(
            "a value of {} bytes; expected at most 65536",
            value.len()
        )));
    }
    let others: usize = state
        .stored
        .iter()
        .filter(|(stored, _)| *stored != key)
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if (others + key.len() + value.len()) as u64 > quota {
        return Err(Error::Quota(quota));
    }
    state.stored.insert(key.to_owned(), value.to_vec());
    Ok(())
}
