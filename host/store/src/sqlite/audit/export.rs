//! How far collectors are, in table `site`: written after they took what is before, so that a crash sends it again.

use rusqlite::{Connection, OptionalExtension as _};

/// What each row's key begins with.
const PREFIX: &str = "audit_exported ";

/// The last record that a collector took; 0: none yet.
pub(crate) fn position(connection: &Connection, collector: &str) -> rusqlite::Result<i64> {
    let number = connection
        .prepare_cached("SELECT value FROM site WHERE key = ?1")?
        .query_row([format!("{PREFIX}{collector}")], |row| {
            // Whatever else somebody wrote there means: from the beginning.
            Ok(row.get_ref(0)?.as_i64().unwrap_or(0))
        })
        .optional()?;
    Ok(number.unwrap_or(0).max(0))
}

/// Moves a collector's position.
pub(crate) fn set(connection: &Connection, collector: &str, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO site (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute((format!("{PREFIX}{collector}"), number))?;
    Ok(())
}
