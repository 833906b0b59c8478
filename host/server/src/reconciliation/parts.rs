//! The rows of both sides on disk, parted by their keys: a part is small enough to be compared in memory, however many
//! rows there are. The files have no names any more once they are open, so nothing is left of them whatever happens.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::path::Path;

use tombolo_kernel::limits;

use super::compare::Row;

/// Parts of the keys.
pub(crate) const PARTS: usize = 64;
/// Bytes that wait to be written to one file.
const BUFFER: usize = 32 << 10;

/// One side.
pub(crate) struct Parts {
    files: Vec<BufWriter<File>>,
    bytes: u64,
}

impl Parts {
    /// Nothing yet.
    ///
    /// # Errors
    /// `folder` takes no files.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let file = || {
            Ok(BufWriter::with_capacity(
                BUFFER,
                tempfile::tempfile_in(folder)?,
            ))
        };
        Ok(Self {
            files: (0..PARTS).map(|_| file()).collect::<io::Result<_>>()?,
            bytes: 0,
        })
    }

    /// Adds a row. Both sides must be parted by the same `hasher`.
    ///
    /// # Errors
    /// The disk takes no more, or the side is larger than [`limits::RECONCILED_BYTES`].
    pub(crate) fn add(&mut self, row: &Row, hasher: &RandomState) -> io::Result<()> {
        let texts = || {
            let values = row.values.iter();
            [&row.key, &row.whole].into_iter().chain(values)
        };
        let size: usize = texts().map(|text| text.len() + 4).sum();
        self.bytes += size as u64;
        if self.bytes > limits::RECONCILED_BYTES {
            let most = limits::RECONCILED_BYTES >> 30;
            return Err(io::Error::other(format!(
                "the side has more than {most} GiB of rows; ask for fewer or smaller ones"
            )));
        }
        let part = usize::try_from(hasher.hash_one(&row.key) % PARTS as u64).unwrap_or(0);
        let file = &mut self.files[part];
        for text in texts() {
            let length = u32::try_from(text.len()).map_err(io::Error::other)?;
            file.write_all(&length.to_le_bytes())?;
            file.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Gives the rows of one part to `take`; each has so many values.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) fn read(
        &mut self,
        part: usize,
        values: usize,
        mut take: impl FnMut(Row) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = &mut self.files[part];
        file.flush()?;
        let file = file.get_mut();
        file.rewind()?;
        let mut reader = BufReader::with_capacity(4 * BUFFER, file);
        while let Some(key) = text(&mut reader)? {
            let mut next = || text(&mut reader)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
            let whole = next()?;
            let values = (0..values).map(|_| next()).collect::<io::Result<_>>()?;
            take(Row { key, values, whole })?;
        }
        Ok(())
    }
}

/// The next text; none at the end.
fn text(reader: &mut impl io::BufRead) -> io::Result<Option<String>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    reader.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_row_comes_out_of_one_part_and_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let hasher = RandomState::new();
        let mut parts = Parts::new(folder.path()).unwrap();
        let row = |n: usize| Row {
            key: format!("k{n}"),
            values: vec![n.to_string(), "null".into()],
            whole: format!("{{\"n\":{n},\"text\":\"ä\"}}"),
        };
        for n in 0..5_000 {
            parts.add(&row(n), &hasher).unwrap();
        }
        let mut found = Vec::new();
        let mut largest = 0;
        for part in 0..PARTS {
            let before = found.len();
            let mut take = |row| {
                found.push(row);
                Ok(())
            };
            parts.read(part, 2, &mut take).unwrap();
            largest = largest.max(found.len() - before);
        }
        assert!(largest < 300, "{largest}");
        found.sort_by_key(|row| row.values[0].parse::<usize>().unwrap());
        let expected: Vec<Row> = (0..5_000).map(row).collect();
        assert_eq!(found, expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
