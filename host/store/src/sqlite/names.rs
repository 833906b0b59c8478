//! Texts that repeat, numbered: an event row carries two small integers instead of its source and its type.

use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Texts the writer remembers. A site has some hundreds; beyond this a sender invents sources, and forgetting all
/// of them costs one look-up each.
const REMEMBERED: usize = 16_384;

/// The writer's memory of table `name`. Must be forgotten when a transaction that added names is rolled back.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Box<str>, i64>,
}

impl Names {
    /// The number of a text; a new text gets one in the running transaction.
    pub(crate) fn number(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = match look_up(connection, text)? {
            Some(number) => number,
            None => {
                connection
                    .prepare_cached("INSERT INTO name (text) VALUES (?1)")?
                    .execute([text])?;
                connection.last_insert_rowid()
            }
        };
        if self.numbers.len() >= REMEMBERED {
            self.numbers.clear();
        }
        self.numbers.insert(text.into(), number);
        Ok(number)
    }

    /// After a rollback: what was added is gone.
    pub(crate) fn forget(&mut self) {
        self.numbers.clear();
    }
}

/// The number of a text that is stored already.
pub(crate) fn look_up(connection: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT number FROM name WHERE text = ?1")?
        .query_row([text], |row| row.get(0))
        .optional()
}
