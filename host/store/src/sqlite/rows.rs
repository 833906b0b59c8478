//! Many rows per statement: most of what one row costs is starting and ending its statement.

use rusqlite::{CachedStatement, Connection, ToSql};

/// Rows per statement, largest first. Few sizes, so that each stays prepared; and few statements, for each of many rows
/// keeps copies of the pages that it changes, to take back what it did if it fails.
const CHUNKS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// `INSERT INTO table (columns) VALUES (?,..),(?,..)` and what follows, cut into chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Insert {
    /// `INSERT INTO event (seq, ...)`.
    pub(crate) head: &'static str,
    /// Values per row.
    pub(crate) columns: usize,
    /// ` ON CONFLICT ...`, or nothing.
    pub(crate) tail: &'static str,
}

impl Insert {
    /// How many of the next `left` rows go into one statement.
    pub(crate) fn chunk(left: usize) -> usize {
        CHUNKS.into_iter().find(|chunk| *chunk <= left).unwrap_or(1)
    }

    /// The statement for so many rows.
    pub(crate) fn prepare<'a>(
        &self,
        connection: &'a Connection,
        rows: usize,
    ) -> rusqlite::Result<CachedStatement<'a>> {
        let row_bytes = self.columns * 2 + 2;
        let mut text =
            String::with_capacity(self.head.len() + self.tail.len() + 8 + rows * row_bytes);
        text.push_str(self.head);
        text.push_str(" VALUES ");
        for row in 0..rows {
            text.push_str(if row == 0 { "(?" } else { ",(?" });
            for _ in 1..self.columns {
                text.push_str(",?");
            }
            text.push(')');
        }
        text.push_str(self.tail);
        connection.prepare_cached(&text)
    }
}

/// Binds values one after another.
pub(crate) struct Binder<'a, 'c> {
    statement: &'a mut CachedStatement<'c>,
    next: usize,
}

impl<'a, 'c> Binder<'a, 'c> {
    /// Starts with the first parameter.
    pub(crate) fn new(statement: &'a mut CachedStatement<'c>) -> Self {
        Self { statement, next: 1 }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}
