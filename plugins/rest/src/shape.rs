//! From what the system answers to what the action promises: which of our fields is where in it.

use std::collections::BTreeMap;

use tombolo_sdk::Failure;
use tombolo_sdk::json::{Found, Pointers, elements, push_string, scalar};
use tombolo_sdk::template::Draft;

/// Places after the point that a whole number of smallest units may be moved by.
const PLACES: usize = 12;

/// An object that is made of a JSON value.
pub(crate) struct Shape {
    pointers: Pointers,
    fields: Vec<(String, Field)>,
}

enum Field {
    /// The value there, as it is.
    Same(usize),
    /// Its text by another word.
    Named(usize, BTreeMap<String, String>),
    /// A number or boolean as a text.
    Text(usize),
    /// A whole number of smallest units as a decimal text: 1250 with 2 places is `12.50`.
    Decimal(usize, usize),
    /// One for each element of the array there.
    Each(usize, Shape),
    /// An object, left out as soon as one of its fields is, unless that one may be (`true`).
    Object(Vec<(String, bool, Field)>),
    /// JSON as it is.
    Constant(String),
}

impl Shape {
    /// Makes a map of our fields to pointers ready.
    ///
    /// # Errors
    /// A sentence about the field that cannot be.
    pub(crate) fn compile(draft: &Draft) -> Result<Self, String> {
        let Draft::Object(members) = draft else {
            return Err("expected a map of our fields to pointers into the result".to_owned());
        };
        let mut pointers = Pointers::new();
        let mut fields = Vec::with_capacity(members.len());
        for (name, draft) in members {
            let field = Field::compile(draft, &mut pointers)
                .map_err(|problem| format!("{name}: {problem}"))?;
            fields.push((name.clone(), field));
        }
        Ok(Self { pointers, fields })
    }

    /// The object made of this value. What is absent or null in it is left out.
    ///
    /// # Errors
    /// `unavailable` with the field whose value is not what the shape expects.
    pub(crate) fn tell(&self, value: &str) -> Result<String, Failure> {
        let mut out = String::new();
        self.append(value, &mut out).map_err(|problem| {
            Failure::unavailable(
                format!("the system's answer: {problem}; if that is right, mend `output`"),
                None,
            )
        })?;
        Ok(out)
    }

    fn append(&self, value: &str, out: &mut String) -> Result<(), String> {
        let found = self
            .pointers
            .find(value)
            .map_err(|error| error.to_string())?;
        out.push('{');
        let start = out.len();
        for (name, field) in &self.fields {
            member(start, name, field, &found, out)?;
        }
        out.push('}');
        Ok(())
    }
}

impl Field {
    fn compile(draft: &Draft, pointers: &mut Pointers) -> Result<Self, String> {
        let members = match draft {
            Draft::Text(pointer) => return pointers.add(pointer).map(Self::Same),
            Draft::Object(members) => members,
            Draft::Raw(_) | Draft::List(_) => {
                return Err("expected a pointer or a map".to_owned());
            }
        };
        let get = |name: &str| {
            let mut named = members.iter().filter(|(member, _)| member == name);
            named.next().map(|(_, draft)| draft)
        };
        match (get("pointer"), get("each"), get("constant")) {
            (Some(Draft::Text(pointer)), None, None) if members.len() <= 2 => {
                let slot = pointers.add(pointer)?;
                match (get("values"), get("decimal"), get("as")) {
                    (Some(values), None, None) => Ok(Self::Named(slot, words(values)?)),
                    (None, Some(places), None) => Ok(Self::Decimal(slot, number(places)?)),
                    (None, None, Some(Draft::Text(kind))) if kind == "text" => Ok(Self::Text(slot)),
                    (None, None, None) if members.len() == 1 => Ok(Self::Same(slot)),
                    _ => Err(
                        "expected beside `pointer` nothing, `values`, `decimal` or `as: text`"
                            .to_owned(),
                    ),
                }
            }
            (None, Some(Draft::Text(pointer)), None) if members.len() == 2 => {
                let slot = pointers.add(pointer)?;
                let fields =
                    get("fields").ok_or("fields: is missing; it says what each is made of")?;
                let shape =
                    Shape::compile(fields).map_err(|problem| format!("fields: {problem}"))?;
                Ok(Self::Each(slot, shape))
            }
            (None, None, Some(constant)) if members.len() == 1 => match constant {
                Draft::Raw(raw) => Ok(Self::Constant(raw.clone())),
                Draft::Text(text) => {
                    let mut raw = String::new();
                    push_string(&mut raw, text);
                    Ok(Self::Constant(raw))
                }
                _ => Err("constant: expected a text, number, boolean or null".to_owned()),
            },
            (None, None, None) => {
                let mut fields = Vec::with_capacity(members.len());
                for (name, draft) in members {
                    let optional = name.strip_suffix('?');
                    let field = Self::compile(draft, pointers)
                        .map_err(|problem| format!("{name}: {problem}"))?;
                    fields.push((
                        optional.unwrap_or(name).to_owned(),
                        optional.is_some(),
                        field,
                    ));
                }
                Ok(Self::Object(fields))
            }
            _ => Err(
                "expected `pointer`, `each` with `fields`, `constant`, or a map of fields"
                    .to_owned(),
            ),
        }
    }

    /// Appends the value; `false`: it is absent, and nothing was appended.
    fn append(&self, found: &Found<'_>, out: &mut String) -> Result<bool, String> {
        let at = |slot: usize| found.get(slot).filter(|raw| *raw != "null");
        let text = |raw: &str| {
            scalar(raw)
                .map(std::borrow::Cow::into_owned)
                .ok_or("expected a text, number or boolean")
        };
        match self {
            Self::Constant(raw) => out.push_str(raw),
            Self::Object(fields) => {
                let before = out.len();
                out.push('{');
                for (name, optional, field) in fields {
                    if !member(before + 1, name, field, found, out)? && !optional {
                        out.truncate(before);
                        return Ok(false);
                    }
                }
                out.push('}');
            }
            Self::Same(slot) => match at(*slot) {
                Some(raw) => out.push_str(raw),
                None => return Ok(false),
            },
            Self::Text(slot) => match at(*slot) {
                Some(raw) => push_string(out, &text(raw)?),
                None => return Ok(false),
            },
            Self::Named(slot, words) => {
                let Some(raw) = at(*slot) else {
                    return Ok(false);
                };
                let text = text(raw)?;
                let word = words.get(&text).ok_or_else(|| {
                    let shown: String = text.chars().take(80).collect();
                    format!("found `{shown}`, which `values` does not have")
                })?;
                push_string(out, word);
            }
            Self::Decimal(slot, places) => match at(*slot) {
                Some(raw) => push_string(out, &decimal(&text(raw)?, *places)?),
                None => return Ok(false),
            },
            Self::Each(slot, shape) => {
                let Some(raw) = at(*slot) else {
                    return Ok(false);
                };
                out.push('[');
                for (index, item) in elements(raw).ok_or("expected an array")?.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    shape
                        .append(item, out)
                        .map_err(|problem| format!("{index}: {problem}"))?;
                }
                out.push(']');
            }
        }
        Ok(true)
    }
}

/// One member; what is left out leaves no comma behind.
fn member(
    start: usize,
    name: &str,
    field: &Field,
    found: &Found<'_>,
    out: &mut String,
) -> Result<bool, String> {
    let before = out.len();
    if before > start {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
    let told = field
        .append(found, out)
        .map_err(|problem| format!("`{name}`: {problem}"))?;
    if !told {
        out.truncate(before);
    }
    Ok(told)
}

fn words(draft: &Draft) -> Result<BTreeMap<String, String>, String> {
    let Draft::Object(members) = draft else {
        return Err("values: expected a map of the system's words to ours".to_owned());
    };
    members
        .iter()
        .map(|(theirs, ours)| match ours {
            Draft::Text(ours) => Ok((theirs.clone(), ours.clone())),
            _ => Err(format!("values.{theirs}: expected a text")),
        })
        .collect()
}

fn number(draft: &Draft) -> Result<usize, String> {
    let places = match draft {
        Draft::Raw(raw) => raw.parse().ok(),
        _ => None,
    };
    places.filter(|places| *places <= PLACES).ok_or_else(|| {
        format!("decimal: expected how many places are behind the point, 0 to {PLACES}")
    })
}

/// Moves the point of a whole number, of any length.
fn decimal(whole: &str, places: usize) -> Result<String, String> {
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let shown: String = whole.chars().take(80).collect();
        return Err(format!("found `{shown}`, expected a whole number"));
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (before, behind) = digits.split_at(digits.len() - places);
    Ok(if places == 0 {
        format!("{sign}{before}")
    } else {
        format!("{sign}{before}.{behind}")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shape(draft: &str) -> Result<Shape, String> {
        Shape::compile(&serde_json::from_str(draft).unwrap())
    }

    #[test]
    fn an_answer_gets_our_names_words_and_decimals() {
        let shape = shape(
            r#"{ "number": "/code", "id": { "pointer": "/id", "as": "text" }, "first": "/lines/0/sku",
                "status": { "pointer": "/state", "values": { "Paid": "paid" } }, "kind": { "constant": "order" },
                "total": { "amount": { "pointer": "/sum", "decimal": 2 }, "currency": "/currency" },
                "who": { "id": "/customer/id", "name?": "/customer/name" }, "gone": { "x": "/nothing", "y": "/code" },
                "lines": { "each": "/lines", "fields": { "sku": "/sku", "quantity": "/n" } } }"#,
        )
        .unwrap();
        let told = shape
            .tell(r#"{"id":7,"code":"A","state":"Paid","sum":1250,"currency":"EUR","customer":{"id":"c"},"lines":[{"sku":"W","n":1.50},{"sku":null,"n":2}]}"#)
            .unwrap();
        assert_eq!(
            told,
            r#"{"number":"A","id":"7","first":"W","status":"paid","kind":"order","total":{"amount":"12.50","currency":"EUR"},"who":{"id":"c"},"lines":[{"sku":"W","quantity":1.50},{"quantity":2}]}"#
        );
        assert_eq!(shape.tell("{}").unwrap(), r#"{"kind":"order"}"#);
        for (wrong, words) in [
            (r#"{"state":"Odd"}"#, "`status`: found `Odd`"),
            (r#"{"sum":1.5}"#, "`total`: `amount`: found `1.5`"),
            (r#"{"lines":{}}"#, "`lines`: expected an array"),
            (r#"{"id":{}}"#, "`id`: expected a text"),
        ] {
            let failure = shape.tell(wrong).unwrap_err();
            assert_eq!(failure.kind(), "unavailable");
            assert!(failure.message().contains(words), "{failure:?}");
        }
    }

    #[test]
    fn a_point_moves_in_numbers_of_any_length() {
        for (whole, places, expected) in [
            ("1250", 2, "12.50"),
            ("5", 2, "0.05"),
            ("0", 2, "0.00"),
            ("-5", 2, "-0.05"),
            ("1250", 0, "1250"),
            (
                "123456789012345678901234567890",
                3,
                "123456789012345678901234567.890",
            ),
        ] {
            assert_eq!(decimal(whole, places).as_deref(), Ok(expected), "{whole}");
        }
        for wrong in ["", "-", "1.5", "1e3", "x"] {
            assert!(decimal(wrong, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shape_that_cannot_be_is_told_with_its_field() {
        for (draft, words) in [
            ("[]", "expected a map"),
            (r#"{"a":"b"}"#, "a: "),
            (r#"{"a":7}"#, "a: expected a pointer"),
            (r#"{"a":{"pointer":"/x","values":7}}"#, "values: "),
            (r#"{"a":{"pointer":"/x","decimal":13}}"#, "decimal: "),
            (r#"{"a":{"pointer":"/x","as":"number"}}"#, "as: text"),
            (
                r#"{"a":{"pointer":"/x","each":"/y"}}"#,
                "expected `pointer`",
            ),
            (r#"{"a":{"each":"/y","field":{}}}"#, "fields: is missing"),
            (r#"{"a":{"each":"/y","fields":{"b":7}}}"#, "fields: b: "),
        ] {
            let problem = shape(draft).err().unwrap();
            assert!(problem.contains(words), "{draft}: {problem}");
        }
    }
}
