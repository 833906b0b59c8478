//! Standard output: lines, aligned tables, colours. Colours appear only on terminals, and never with `NO_COLOR`.
//! Every cell is made harmless here, so no command can forget to.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use unicode_width::UnicodeWidthStr;

use crate::text;

/// How a word is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Dim,
    Strong,
    Good,
    Warning,
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Dim => "2",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
        }
    }
}

/// One cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Foreign or own text in a tone; made harmless.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: text::harmless(text.as_ref()),
            tone,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Columns that align, two spaces apart; the last one runs free.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these column names.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|name| Cell::new(name, Tone::Dim)).collect()],
        }
    }

    /// A table without column names.
    pub(crate) fn bare() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Its lines, with colours if `coloured`.
    pub(crate) fn lines(&self, coloured: bool) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.text.width())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.rows
            .iter()
            .map(|row| row_line(row, &widths, coloured))
            .collect()
    }

    /// Prints it.
    pub(crate) fn print(&self) -> io::Result<()> {
        self.lines(colours()).iter().try_for_each(line)
    }
}

fn row_line(row: &[Cell], widths: &[usize], coloured: bool) -> String {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate() {
        line.push_str(&toned(&cell.text, cell.tone, coloured));
        if column + 1 < row.len() {
            let gap = widths
                .get(column)
                .copied()
                .unwrap_or(0)
                .saturating_sub(cell.text.width())
                + 2;
            line.extend(std::iter::repeat_n(' ', gap));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

fn toned(text: &str, tone: Tone, coloured: bool) -> String {
    if coloured && tone != Tone::Plain && !text.is_empty() {
        format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
    } else {
        text.to_owned()
    }
}

/// A word in a tone, if standard output shows colours. The text must be harmless already.
pub(crate) fn tone(text: impl AsRef<str>, tone: Tone) -> String {
    toned(text.as_ref(), tone, colours())
}

/// Whether standard output shows colours.
pub(crate) fn colours() -> bool {
    static COLOURS: OnceLock<bool> = OnceLock::new();
    *COLOURS.get_or_init(|| {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        !refused && io::stdout().is_terminal()
    })
}

/// Writes one line. A reader that went away (`tombolo event tail | head`) is an error that ends the command quietly.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes JSON, indented.
pub(crate) fn json(value: &serde_json::Value) -> io::Result<()> {
    line(text::json(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_is_seen_not_by_bytes() {
        let mut table = Table::new(&["SYSTEM", "STATE"]);
        table.row(["仓库".into(), Cell::new("running", Tone::Good)]);
        table.row(["crm".into(), "held \u{1b}[2J back".into()]);
        assert_eq!(
            table.lines(false),
            [
                "SYSTEM  STATE",
                "仓库    running",
                "crm     held \\u{1b}[2J back"
            ]
        );
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut table = Table::bare();
        table.row([Cell::new("a", Tone::Bad), "x".into()]);
        table.row([Cell::new("bcd", Tone::Plain), "y".into()]);
        assert_eq!(table.lines(true), ["\u{1b}[31ma\u{1b}[0m    x", "bcd  y"]);
    }
}
