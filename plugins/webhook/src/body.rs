//! The body as JSON text: as it came, or made of a form or a table.

use tombolo_sdk::json::push_string;
use tombolo_sdk::table::{Table, TableOptions};
use tombolo_sdk::{Event, Failure, form};

use crate::options::Format;

/// Fields of one form. Looking a name up among them is a walk.
const FIELDS: usize = 1_000;
/// Rows of one table: the events that the host takes of one message.
const ROWS: usize = 1_000;

/// What a body says.
pub(crate) struct Body {
    /// JSON.
    pub(crate) text: String,
    /// Of a table: each element's line.
    pub(crate) lines: Option<Vec<usize>>,
    /// Of a table: what does not fit and is reported.
    pub(crate) reports: Vec<Event>,
}

/// How bodies become JSON text, made ready.
pub(crate) enum Reader {
    Plain(Format),
    Table(Table),
}

impl Reader {
    pub(crate) fn compile(format: Format) -> Result<Self, String> {
        let table = match format {
            Format::Csv(csv) => TableOptions::Csv(csv),
            Format::FixedWidth(fixed) => TableOptions::FixedWidth(fixed),
            plain => return Ok(Self::Plain(plain)),
        };
        Table::compile(table)
            .map(Self::Table)
            .map_err(|problem| format!("format: {problem}"))
    }

    /// `id`: what the body is known by.
    pub(crate) fn read(&self, body: Vec<u8>, id: Option<&str>) -> Result<Body, Failure> {
        let table = match self {
            Self::Table(table) => table,
            Self::Plain(format) => {
                return Ok(Body {
                    text: read(format, body)?,
                    lines: None,
                    reports: Vec::new(),
                });
            }
        };
        let rows = table.read(&body)?;
        if rows.rows.len() + rows.bad.len() > ROWS {
            return Err(Failure::invalid_input(
                "",
                format!(
                    "found {} rows, expected at most {ROWS} in one body; send it in parts, or let a feed read the file",
                    rows.rows.len() + rows.bad.len()
                ),
            ));
        }
        let objects: Vec<&str> = rows.rows.iter().map(|row| row.json.as_str()).collect();
        Ok(Body {
            text: format!("[{}]", objects.join(",")),
            lines: Some(rows.rows.iter().map(|row| row.line).collect()),
            reports: table.reports(&rows.bad, id),
        })
    }
}

fn read(format: &Format, body: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(body).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::invalid_input("", format!("the body is not UTF-8 from byte {at} on"))
    })?;
    match format {
        // Tables have been read already.
        Format::Json | Format::Csv(_) | Format::FixedWidth(_) => Ok(text),
        Format::Form => Ok(as_json(&fields(&text)?)),
        Format::FormField(name) => {
            let fields = fields(&text)?;
            let mut values = fields
                .into_iter()
                .filter(|(field, _)| field == name)
                .map(|(_, value)| value);
            match (values.next(), values.next()) {
                (Some(json), None) => Ok(json),
                (None, _) => Err(Failure::invalid_input(
                    "",
                    format!("the form has no field `{name}`"),
                )),
                (Some(_), Some(_)) => Err(Failure::invalid_input(
                    "",
                    format!("the form has the field `{name}` more than once"),
                )),
            }
        }
    }
}

/// An object of strings; a name that stands more than once has an array.
fn as_json(fields: &[(String, String)]) -> String {
    let mut out = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if fields[..index].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        push_string(&mut out, name);
        out.push(':');
        let later: Vec<&String> = fields[index + 1..]
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value)
            .collect();
        if later.is_empty() {
            push_string(&mut out, value);
            continue;
        }
        out.push('[');
        push_string(&mut out, value);
        for value in later {
            out.push(',');
            push_string(&mut out, value);
        }
        out.push(']');
    }
    out.push('}');
    out
}

fn fields(text: &str) -> Result<Vec<(String, String)>, Failure> {
    if text.bytes().filter(|byte| *byte == b'&').count() >= FIELDS {
        return Err(Failure::invalid_input(
            "",
            format!("the form has over {FIELDS} fields"),
        ));
    }
    form::parse(text).ok_or_else(|| Failure::invalid_input("", "a field of the form is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_form_becomes_an_object_of_strings() {
        let cases = [
            ("", "{}"),
            ("a=1&b=x+y%21", r#"{"a":"1","b":"x y!"}"#),
            ("a=1&b=2&a=3", r#"{"a":["1","3"],"b":"2"}"#),
            ("a&=x&&b=%zz%4", r#"{"a":"","":"x","b":"%zz%4"}"#),
            ("q=%22%0A", r#"{"q":"\"\n"}"#),
        ];
        for (form, expected) in cases {
            assert_eq!(
                read(&Format::Form, form.into()).unwrap(),
                expected,
                "{form}"
            );
        }
        assert!(read(&Format::Form, "a=%ff".into()).is_err());
        assert!(read(&Format::Form, "a=1&".repeat(FIELDS + 1).into()).is_err());
    }

    #[test]
    fn json_may_stand_in_one_field() {
        let format = Format::FormField("payload".to_owned());
        assert_eq!(read(&format, "payload=%7B%7D".into()).unwrap(), "{}");
        assert!(read(&format, "x=1".into()).is_err());
        assert!(read(&format, "payload=1&payload=2".into()).is_err());
    }
}
