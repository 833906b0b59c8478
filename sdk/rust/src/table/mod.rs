//! Text files as rows: CSV (RFC 4180 and its relatives) and fixed width, by columns that an operator declares.
//!
//! Each row is a JSON object of strings with the text just as it stands in the file: leading zeros and digits stay. A
//! line that does not fit is reported with its number, never guessed at.

mod csv;
mod fixed;

use serde::Deserialize;

use crate::json::push_string;
use crate::{Event, Failure, FieldProblem};

/// Most bad lines that one failure names.
const NAMED: usize = 100;
/// Characters of a bad line that are kept.
const SHOWN: usize = 200;

/// How a text becomes rows, as an operator writes it: `{ csv: {...} }` or `{ fixed-width: {...} }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableOptions {
    /// Fields between separators.
    Csv(CsvOptions),
    /// Fields at their places.
    FixedWidth(FixedOptions),
}

/// Fields between separators.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CsvOptions {
    #[serde(default = "comma")]
    separator: char,
    #[serde(default = "double_quote")]
    quote: char,
    /// The first line has the columns' names.
    #[serde(default = "yes")]
    header: bool,
    /// The columns there must be, in any order; without a header, all of them in order.
    #[serde(default)]
    columns: Vec<String>,
    /// Lines before the header or the first row.
    #[serde(default)]
    skip: usize,
    #[serde(default)]
    encoding: Encoding,
    report: Option<String>,
}

/// Fields at their places.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FixedOptions {
    columns: Vec<FixedColumn>,
    /// Spaces around a field are its padding.
    #[serde(default = "yes")]
    trim: bool,
    #[serde(default)]
    skip: usize,
    #[serde(default)]
    encoding: Encoding,
    report: Option<String>,
}

/// One column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixedColumn {
    name: String,
    /// Its first character, from 1.
    from: usize,
    /// Characters.
    width: usize,
}

/// What the bytes mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1.
    #[serde(rename = "latin-1")]
    Latin1,
}

fn comma() -> char {
    ','
}

fn double_quote() -> char {
    '"'
}

fn yes() -> bool {
    true
}

/// A table made ready.
#[derive(Debug)]
pub struct Table(TableOptions);

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// A JSON object of strings.
    pub json: String,
}

/// One line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What was found and expected.
    pub problem: String,
    /// Its beginning.
    pub text: String,
}

/// What a text has.
#[derive(Debug, Default)]
pub struct Rows {
    /// In order.
    pub rows: Vec<Row>,
    /// In order.
    pub bad: Vec<BadLine>,
}

impl Table {
    /// Checks the options.
    ///
    /// # Errors
    /// A sentence about the field that cannot be.
    pub fn compile(options: TableOptions) -> Result<Self, String> {
        match &options {
            TableOptions::Csv(options) => csv::check(options)?,
            TableOptions::FixedWidth(options) => fixed::check(options)?,
        }
        Ok(Self(options))
    }

    /// Reads a whole text. With `report` the bad lines are in the answer; without it one of them fails the text.
    ///
    /// # Errors
    /// `invalid-input` with every bad line by its number, or that the text is not in its encoding, or lacks columns.
    pub fn read(&self, bytes: &[u8]) -> Result<Rows, Failure> {
        let (encoding, reported) = match &self.0 {
            TableOptions::Csv(options) => (options.encoding, options.report.is_some()),
            TableOptions::FixedWidth(options) => (options.encoding, options.report.is_some()),
        };
        let text = encoding.read(bytes)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let rows = match &self.0 {
            TableOptions::Csv(options) => csv::read(options, text)?,
            TableOptions::FixedWidth(options) => fixed::read(options, text),
        };
        if reported || rows.bad.is_empty() {
            return Ok(rows);
        }
        let problem = |bad: &BadLine| FieldProblem {
            path: String::new(),
            message: format!("line {}: {}", bad.line, bad.problem),
        };
        Err(Failure::InvalidInput(
            rows.bad.iter().take(NAMED).map(problem).collect(),
        ))
    }

    /// An event for each bad line, of the type that `report` names. The same line, told twice, is one event: its id is
    /// made of `origin`, or else of its text.
    #[must_use]
    pub fn reports(&self, bad: &[BadLine], origin: Option<&str>) -> Vec<Event> {
        let report = match &self.0 {
            TableOptions::Csv(options) => &options.report,
            TableOptions::FixedWidth(options) => &options.report,
        };
        let Some(kind) = report else {
            return Vec::new();
        };
        let event = |bad: &BadLine| {
            let mut data = format!("{{\"line\":{},\"problem\":", bad.line);
            push_string(&mut data, &bad.problem);
            data.push_str(",\"text\":");
            push_string(&mut data, &bad.text);
            data.push('}');
            let mut event = Event::new(kind, data);
            event.id = Some(match origin {
                Some(origin) => format!("{origin}/line-{}", bad.line),
                None => format!("bad-{:016x}/line-{}", fingerprint(&bad.text), bad.line),
            });
            event
        };
        bad.iter().map(event).collect()
    }
}

impl Encoding {
    fn read(self, bytes: &[u8]) -> Result<String, Failure> {
        match self {
            Self::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf8 => std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
                let line = bytes[..error.valid_up_to()]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count()
                    + 1;
                Failure::invalid_input(
                    "",
                    format!("line {line}: is not UTF-8; if the file is ISO 8859-1, declare `encoding: latin-1`"),
                )
            }),
        }
    }
}

/// FNV-1a, 64 bits: tells texts apart, and protects nothing.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn bad(line: usize, problem: impl Into<String>, text: &str) -> BadLine {
    BadLine {
        line,
        problem: problem.into(),
        text: text.chars().take(SHOWN).collect(),
    }
}

/// `{"a":"1","b":"2"}`.
fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (name, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        push_string(&mut out, name);
        out.push(':');
        push_string(&mut out, value);
    }
    out.push('}');
    out
}

/// Columns have different names, and each has one.
fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if name.is_empty() {
            return Err("columns: found one without a name".to_owned());
        }
        if seen.contains(&name) {
            return Err(format!(
                "columns: found `{name}` twice; give each its own name"
            ));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
