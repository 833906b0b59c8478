//! Rows on their way into JSON text, spelled as `wit/sql.wit` says, under the caps of rows and bytes. Written
//! straight into one buffer: no tree in between.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::SqlError;
use crate::limits;

/// Integers up to here are exact in every JSON reader (RFC 8259, section 6).
const EXACT: u64 = 1 << 53;

/// The array of rows.
pub(super) struct Rows {
    out: Vec<u8>,
    /// `"name":` for each column.
    keys: Vec<String>,
    count: usize,
    column: usize,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            out: b"[".to_vec(),
            keys: Vec::new(),
            count: 0,
            column: 0,
        }
    }

    /// Names the columns, before the first row.
    pub(super) fn name_columns<'a>(
        &mut self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<(), SqlError> {
        self.keys = names
            .map(|name| format!("{}:", serde_json::Value::from(name)))
            .collect();
        for (index, key) in self.keys.iter().enumerate() {
            if self.keys[..index].contains(key) {
                return Err(SqlError::Failed(format!(
                    "two columns are named {}; give one another name (AS)",
                    key.trim_end_matches(':')
                )));
            }
        }
        Ok(())
    }

    pub(super) fn has_columns(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn begin_row(&mut self) -> Result<(), SqlError> {
        if self.count >= limits::SQL_ROWS {
            return Err(SqlError::TooLarge(limits::SQL_ROWS as u64));
        }
        self.out
            .extend_from_slice(if self.count == 0 { b"{" } else { b",{" });
        self.count += 1;
        self.column = 0;
        Ok(())
    }

    /// The next column of the row; exactly one value is written after it.
    pub(super) fn value(&mut self) -> ValueWriter<'_> {
        if self.column > 0 {
            self.out.push(b',');
        }
        if let Some(key) = self.keys.get(self.column) {
            self.out.extend_from_slice(key.as_bytes());
        }
        self.column += 1;
        ValueWriter { out: &mut self.out }
    }

    pub(super) fn end_row(&mut self) -> Result<(), SqlError> {
        self.out.push(b'}');
        if self.out.len() > limits::SQL_BYTES {
            Err(SqlError::TooLarge(limits::SQL_BYTES as u64))
        } else {
            Ok(())
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push(b']');
        // Only text went in.
        String::from_utf8(self.out)
            .unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
    }
}

/// Writes one JSON value.
pub(super) struct ValueWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl ValueWriter<'_> {
    pub(super) fn null(self) {
        self.out.extend_from_slice(b"null");
    }

    pub(super) fn boolean(self, value: bool) {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn integer(self, value: i64) {
        self.whole(value.unsigned_abs(), value);
    }

    pub(super) fn unsigned(self, value: u64) {
        self.whole(value, value);
    }

    fn whole(self, size: u64, value: impl std::fmt::Display) {
        let quote = if size > EXACT { "\"" } else { "" };
        // A vector takes every write.
        let _ = write!(self.out, "{quote}{value}{quote}");
    }

    pub(super) fn double(self, value: f64) {
        if value.is_finite() {
            let _ = serde_json::to_writer(self.out, &value);
        } else {
            let _ = write!(self.out, "\"{value}\"");
        }
    }

    pub(super) fn single(self, value: f32) {
        if value.is_finite() {
            let _ = serde_json::to_writer(self.out, &value);
        } else {
            let _ = write!(self.out, "\"{value}\"");
        }
    }

    pub(super) fn text(self, value: &str) {
        let _ = serde_json::to_writer(self.out, value);
    }

    pub(super) fn bytes(self, value: &[u8]) {
        let _ = write!(self.out, "\"{}\"", STANDARD.encode(value));
    }

    /// JSON as it is; what is none becomes text.
    pub(super) fn json(self, value: &str) {
        if serde_json::from_str::<&RawValue>(value).is_ok() {
            self.out.extend_from_slice(value.as_bytes());
        } else {
            self.text(value);
        }
    }

    /// An array: `each` writes every element.
    pub(super) fn array<E>(
        self,
        count: usize,
        mut each: impl FnMut(ValueWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.out.push(b'[');
        for index in 0..count {
            if index > 0 {
                self.out.push(b',');
            }
            each(ValueWriter {
                out: &mut *self.out,
            })?;
        }
        self.out.push(b']');
        Ok(())
    }
}
