//! Text to checked manifest, with the line and column of everything that is wrong.

mod complete;

use std::fmt;
use std::ops::Range;

use toml::de::DeTable;

use crate::{Manifest, WrittenAction, check};

/// Problems that are told at once; the rest wait for these to be mended.
const TOLD: usize = 50;

/// One thing wrong in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestProblem {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What was found, what was expected, what to do.
    pub message: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ManifestProblem {}

impl Manifest {
    /// Reads and checks a whole manifest.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the text; at most 50 problems. A text that is not TOML or has an
    /// unknown, missing, doubled or wrongly typed key gives what the TOML reader says first.
    pub fn parse(text: &str) -> Result<Self, Vec<ManifestProblem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors
                .iter()
                .take(TOLD)
                .map(|error| reader_problem(text, error))
                .collect());
        }
        let written: Manifest<WrittenAction> =
            toml::from_str(text).map_err(|error| vec![reader_problem(text, &error)])?;
        let (manifest, mut found) = complete::complete(written);
        found.extend(check::check(&manifest));
        let mut problems: Vec<(usize, String)> = found
            .into_iter()
            .map(|problem| (locate(table.get_ref(), &problem.path), problem.message))
            .collect();
        if problems.is_empty() {
            return Ok(manifest);
        }
        problems.sort();
        problems.truncate(TOLD);
        Err(problems
            .into_iter()
            .map(|(offset, message)| at(text, offset, message))
            .collect())
    }
}

fn reader_problem(text: &str, error: &toml::de::Error) -> ManifestProblem {
    let span: Range<usize> = error.span().unwrap_or_default();
    at(text, span.start, error.message().replace('\n', "; "))
}

fn at(text: &str, offset: usize, message: String) -> ManifestProblem {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    ManifestProblem {
        line: count(before.matches('\n').count() + 1),
        column: count(before[line_start..].chars().count() + 1),
        message,
    }
}

/// Where the value at `path` begins; where a part of the path is missing, the place of its nearest parent.
fn locate(table: &DeTable<'_>, path: &[String]) -> usize {
    let mut offset = 0;
    let mut here = Some(table);
    let mut list: Option<&toml::de::DeArray<'_>> = None;
    for part in path {
        let value = match (here, list) {
            (Some(table), _) => match table.iter().find(|(key, _)| key.get_ref() == part) {
                Some((key, value)) => {
                    // A table's own span covers only its header or is empty; its key is what a reader looks for.
                    offset = if value.get_ref().is_table() {
                        key.span().start
                    } else {
                        value.span().start
                    };
                    value.get_ref()
                }
                None => return offset,
            },
            (None, Some(list)) => {
                match part.parse::<usize>().ok().and_then(|index| list.get(index)) {
                    Some(value) => {
                        offset = value.span().start;
                        value.get_ref()
                    }
                    None => return offset,
                }
            }
            (None, None) => return offset,
        };
        here = value.as_table();
        list = value.as_array();
    }
    offset
}

#[cfg(test)]
mod mutated;
#[cfg(test)]
mod tests;
