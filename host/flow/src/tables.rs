//! Value maps of the site, `tables/NAME.csv`: what one system calls "S" and another "high intent".
//!
//! The first line names the columns; the first column is the key, unique. With two columns a key's value is the other
//! column's text, with more it is an object of all the others. A map is data, not code: a run that waits over a
//! restart goes on with the site's present maps.

use std::collections::{BTreeMap, HashMap};

use tombolo_kernel::limits;

use crate::json::{self, Document};
use crate::problem::{Place, Problem, did_you_mean};

/// All value maps of a site.
#[derive(Debug, Default)]
pub struct Tables {
    tables: BTreeMap<String, Table>,
}

/// One value map.
#[derive(Debug)]
pub struct Table {
    rows: HashMap<String, Document>,
}

impl Tables {
    /// Adds one.
    pub fn add(&mut self, name: &str, table: Table) {
        self.tables.insert(name.to_owned(), table);
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }

    /// ` Did you mean ...` and what there is, for a message about a name that is unknown.
    #[must_use]
    pub fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        let there = if names.is_empty() {
            "the site has no tables/NAME.csv".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        let near = did_you_mean(name, names.iter().copied());
        format!("there is no table \"{name}\"; {there}{near}")
    }

    /// The value of a key.
    ///
    /// # Errors
    /// No such table.
    pub fn find(&self, name: &str, key: &str) -> Result<Option<&Document>, String> {
        match self.tables.get(name) {
            Some(table) => Ok(table.rows.get(key)),
            None => Err(self.unknown(name)),
        }
    }
}

impl Table {
    /// Reads a CSV text (RFC 4180, UTF-8, comma). `file` is named in problems.
    ///
    /// # Errors
    /// Everything that is wrong, each with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let wrong = |line: u64, message: String| {
            let place = Place {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: 1,
            };
            Problem::new(file, place, message)
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let columns = match reader.headers() {
            Ok(columns) if columns.len() >= 2 => columns.clone(),
            Ok(columns) => {
                return Err(vec![wrong(
                    1,
                    format!(
                        "found {} columns, expected a first line such as key,value",
                        columns.len()
                    ),
                )]);
            }
            Err(error) => return Err(vec![wrong(1, format!("the file is no CSV: {error}"))]),
        };
        let (mut rows, mut problems) = (HashMap::new(), Vec::new());
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    problems.push(wrong(
                        line,
                        format!("the line is no CSV of as many columns as the first: {error}"),
                    ));
                    continue;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            let key = record.get(0).unwrap_or_default();
            let Ok(value) = value_of(&columns, &record) else {
                problems.push(wrong(line, "the row cannot be kept as JSON".to_owned()));
                continue;
            };
            if rows.insert(key.to_owned(), value).is_some() {
                problems.push(wrong(
                    line,
                    format!("found the key \"{key}\" a second time, expected each once"),
                ));
            }
            if rows.len() > limits::TABLE_ROWS {
                let most = limits::TABLE_ROWS;
                problems.push(wrong(line, format!("found more than {most} rows, expected at most that: larger maps belong into a system")));
                break;
            }
        }
        problems.truncate(20);
        if problems.is_empty() {
            Ok(Self { rows })
        } else {
            Err(problems)
        }
    }
}

fn value_of(columns: &csv::StringRecord, record: &csv::StringRecord) -> Result<Document, String> {
    let mut text = String::new();
    if columns.len() == 2 {
        json::write_string(record.get(1).unwrap_or_default(), &mut text);
    } else {
        let mut separator = '{';
        for (name, value) in columns.iter().zip(record.iter()).skip(1) {
            text.push(separator);
            separator = ',';
            json::write_string(name, &mut text);
            text.push(':');
            json::write_string(value, &mut text);
        }
        text.push('}');
    }
    Document::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_map_has_texts_or_objects() {
        let two = Table::parse("t.csv", "key,value\nS,\"high, very\"\n,none\n").unwrap();
        assert_eq!(two.rows["S"].json().raw(), r#""high, very""#);
        assert_eq!(two.rows[""].json().raw(), r#""none""#);
        let three = Table::parse("t.csv", "\u{feff}code,name,unit\nM,Metre,m\n").unwrap();
        assert_eq!(
            three.rows["M"].json().raw(),
            r#"{"name":"Metre","unit":"m"}"#
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, part) in [
            ("key\nS\n", 1, "found 1 columns"),
            ("", 1, "found 0 columns"),
            ("key,value\nS,1\nS,2\n", 3, "the key \"S\" a second time"),
            ("key,value\nS,1,2\n", 2, "as many columns as the first"),
        ] {
            let problems = Table::parse("tables/t.csv", text).unwrap_err();
            assert_eq!(problems[0].line, line, "{problems:?}");
            assert!(problems[0].message.contains(part), "{problems:?}");
        }
    }
}
