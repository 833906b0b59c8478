//! Tables `pair` and `pair_usage`: adapters' keys and values. What a system uses is counted in the transaction that
//! changes it, so a quota is exact whatever happens at the same time.

use super::names::{Names, look_up};
use rusqlite::{Connection, OptionalExtension};
use tombolo_kernel::capability::store::KeyValueError;

/// What `set` is asked to do.
#[derive(Debug)]
pub(crate) struct SetPair {
    pub(crate) system: String,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    /// `Some(None)`: must be absent.
    pub(crate) expected: Option<Option<Vec<u8>>>,
    /// Bytes of keys and values that the system may keep.
    pub(crate) quota: u64,
}

/// One value.
pub(crate) fn get(
    connection: &Connection,
    system: &str,
    key: &str,
) -> rusqlite::Result<Option<Vec<u8>>> {
    match look_up(connection, system)? {
        Some(system) => value(connection, system, key),
        None => Ok(None),
    }
}

fn value(connection: &Connection, system: i64, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM pair WHERE system = ?1 AND key = ?2")?
        .query_row((system, key), |row| row.get(0))
        .optional()
}

/// Sets a value. The outer error is the disk's, the inner one the caller's.
pub(crate) fn set(
    connection: &Connection,
    names: &mut Names,
    set: &SetPair,
) -> rusqlite::Result<Result<(), KeyValueError>> {
    let system = names.number(connection, &set.system)?;
    let before = value(connection, system, &set.key)?;
    if set
        .expected
        .as_ref()
        .is_some_and(|expected| *expected != before)
    {
        return Ok(Err(KeyValueError::Conflict));
    }
    let used = usage(connection, system)?;
    let freed = before.map_or(0, |before| set.key.len() + before.len());
    let wanted = used.saturating_sub(freed as u64) + (set.key.len() + set.value.len()) as u64;
    // Less than before always goes through, so that a system over a lowered quota can shrink.
    if wanted > set.quota && wanted > used {
        return Ok(Err(KeyValueError::Quota(set.quota)));
    }
    connection
        .prepare_cached(
            "INSERT INTO pair (system, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (system, key) DO UPDATE SET value = excluded.value",
        )?
        .execute((system, &set.key, &set.value))?;
    use_bytes(connection, system, wanted)?;
    Ok(Ok(()))
}

/// Removes a key; an absent one is no error.
pub(crate) fn delete(
    connection: &Connection,
    names: &mut Names,
    system: &str,
    key: &str,
) -> rusqlite::Result<()> {
    let system = names.number(connection, system)?;
    let Some(before) = value(connection, system, key)? else {
        return Ok(());
    };
    connection
        .prepare_cached("DELETE FROM pair WHERE system = ?1 AND key = ?2")?
        .execute((system, key))?;
    let used = usage(connection, system)?;
    use_bytes(
        connection,
        system,
        used.saturating_sub((key.len() + before.len()) as u64),
    )
}

fn usage(connection: &Connection, system: i64) -> rusqlite::Result<u64> {
    let bytes: Option<i64> = connection
        .prepare_cached("SELECT bytes FROM pair_usage WHERE system = ?1")?
        .query_row([system], |row| row.get(0))
        .optional()?;
    Ok(bytes.map_or(0, super::error::unsigned))
}

fn use_bytes(connection: &Connection, system: i64, bytes: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO pair_usage (system, bytes) VALUES (?1, ?2)
             ON CONFLICT (system) DO UPDATE SET bytes = excluded.bytes",
        )?
        .execute((system, super::error::integer(bytes)))?;
    Ok(())
}

/// Keys in byte order.
pub(crate) fn keys(
    connection: &Connection,
    system: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> rusqlite::Result<Vec<String>> {
    let Some(system) = look_up(connection, system)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(
        "SELECT key FROM pair WHERE system = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4",
    )?;
    // From the larger of the two on, so that a late page does not walk over the earlier ones.
    let start = after.filter(|after| *after > prefix).unwrap_or(prefix);
    let mut keys = Vec::new();
    let mut rows = statement.query((system, start, after, limit))?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        keys.push(key);
    }
    Ok(keys)
}
