//! Which systems have records in which block of 1,024 numbers, in table `audit_block`. An index by system would have an
//! end per system, and every commit would write a page for each; this has a row per system and block, and a search of one
//! system reads the blocks it is in.

use std::collections::HashSet;

use rusqlite::Connection;

/// The block of a number is the number shifted so far.
const SHIFT: u32 = 10;

/// Systems that are known to be on file for the newest block.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    block: i64,
    systems: HashSet<i64>,
}

impl Seen {
    /// A record of this number is of this system.
    pub(super) fn note(
        &mut self,
        connection: &Connection,
        number: i64,
        system: i64,
    ) -> rusqlite::Result<()> {
        let block = number >> SHIFT;
        if block != self.block {
            self.block = block;
            self.systems.clear();
        }
        if self.systems.insert(system) {
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO audit_block (system, block) VALUES (?1, ?2)",
                )?
                .execute((system, block))?;
        }
        Ok(())
    }

    /// After a rollback: what was noted may be gone.
    pub(super) fn forget(&mut self) {
        self.systems.clear();
    }
}

/// Blocks all of whose records are forgotten.
pub(super) fn forget(connection: &Connection, last: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM audit_block WHERE block < ?1")?
        .execute([last.saturating_add(1) >> SHIFT])?;
    Ok(())
}
