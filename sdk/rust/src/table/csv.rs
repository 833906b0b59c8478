//! CSV: RFC 4180, with any separator and quote, and line ends of either kind.

use super::{CsvOptions, Row, Rows, bad, check_names, object};
use crate::Failure;

pub(super) fn check(options: &CsvOptions) -> Result<(), String> {
    let is_mark = |mark: char| mark.is_ascii() && !matches!(mark, '\n' | '\r');
    if !is_mark(options.separator) || !is_mark(options.quote) || options.separator == options.quote
    {
        return Err("separator, quote: expected two different ASCII characters".to_owned());
    }
    if !options.header && options.columns.is_empty() {
        return Err("columns: are missing; without a header they name the fields".to_owned());
    }
    check_names(options.columns.iter().map(String::as_str))
}

pub(super) fn read(options: &CsvOptions, text: &str) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    let mut records = Records::new(options, text);
    records.pass_over(options.skip);
    let names = if options.header {
        let Some(header) = records.next() else {
            return Ok(rows);
        };
        columns(options, &header)?
    } else {
        options.columns.clone()
    };
    for record in records {
        // An empty line is no row: most files end with one.
        if record.text.is_empty() {
            continue;
        }
        if let Some(problem) = record.problem {
            rows.bad.push(bad(record.line, problem, record.text));
        } else if record.fields.len() == names.len() {
            let fields = names.iter().map(String::as_str);
            let values = record.fields.iter().map(String::as_str);
            rows.rows.push(Row {
                line: record.line,
                json: object(fields.zip(values)),
            });
        } else {
            let problem = format!(
                "found {} fields, expected {}",
                record.fields.len(),
                names.len()
            );
            rows.bad.push(bad(record.line, problem, record.text));
        }
    }
    Ok(rows)
}

/// The header's names, among which the declared ones must be.
fn columns(options: &CsvOptions, header: &Record<'_>) -> Result<Vec<String>, Failure> {
    let wrong =
        |problem: String| Failure::invalid_input("", format!("line {}: {problem}", header.line));
    if let Some(problem) = &header.problem {
        return Err(wrong(problem.clone()));
    }
    if let Some(missing) = options
        .columns
        .iter()
        .find(|name| !header.fields.contains(name))
    {
        return Err(wrong(format!(
            "the header has no column `{missing}`; found {}",
            header.fields.join(", ")
        )));
    }
    check_names(header.fields.iter().map(String::as_str)).map_err(wrong)?;
    Ok(header.fields.clone())
}

/// One record, which may go over several lines.
struct Record<'a> {
    line: usize,
    text: &'a str,
    fields: Vec<String>,
    problem: Option<String>,
}

struct Records<'a> {
    separator: char,
    quote: char,
    rest: &'a str,
    line: usize,
}

impl<'a> Records<'a> {
    fn new(options: &CsvOptions, text: &'a str) -> Self {
        Self {
            separator: options.separator,
            quote: options.quote,
            rest: text,
            line: 1,
        }
    }

    fn pass_over(&mut self, lines: usize) {
        for _ in 0..lines {
            let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
            self.rest = &self.rest[end..];
            self.line += 1;
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, whole) = (self.line, self.rest);
        let mut fields = Vec::new();
        let mut problem = None;
        let mut field = String::new();
        // Quoted: inside quotes; closed: after them, where only a separator or the end may come.
        let (mut quoted, mut closed, mut lines) = (false, false, 1);
        let mut end = whole.len();
        let mut next = whole.len();
        let mut characters = whole.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let is_break = character == '\n';
            if quoted {
                if character == self.quote {
                    if characters
                        .peek()
                        .is_some_and(|(_, next)| *next == self.quote)
                    {
                        characters.next();
                        field.push(self.quote);
                    } else {
                        (quoted, closed) = (false, true);
                    }
                } else {
                    lines += usize::from(is_break);
                    field.push(character);
                }
            } else if is_break {
                (end, next) = (at, at + 1);
                break;
            } else if character == self.separator {
                fields.push(std::mem::take(&mut field));
                closed = false;
            } else if character == self.quote && field.is_empty() && !closed {
                quoted = true;
            } else if character == '\r' && characters.peek().is_none_or(|(_, next)| *next == '\n') {
                // The line's end.
            } else if closed {
                problem.get_or_insert_with(|| {
                    format!(
                        "field {}: found text after the closing quote",
                        fields.len() + 1
                    )
                });
            } else {
                field.push(character);
            }
        }
        if quoted {
            // Taken for one line: a quote that is never closed must not swallow the rest of the file.
            let first = whole.find('\n');
            (end, next) = (
                first.unwrap_or(whole.len()),
                first.map_or(whole.len(), |at| at + 1),
            );
            lines = 1;
            problem = Some(format!("field {}: a quote is not closed", fields.len() + 1));
        }
        fields.push(field);
        self.rest = &whole[next..];
        self.line += lines;
        Some(Record {
            line,
            text: whole[..end].trim_end_matches('\r'),
            fields,
            problem,
        })
    }
}
