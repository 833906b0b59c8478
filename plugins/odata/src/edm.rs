//! Values of OData's primitive types: as text in keys and filters, as JSON in bodies, and back.
//!
//! Follows OData 2.0 "Overview" (abstract type system, literal form) and "JSON format", and OData 4.01 part 2 (URL
//! conventions) and JSON format 4.01 with `IEEE754Compatible=true`, which makes long numbers texts that keep every digit.

use std::borrow::Cow;

use tombolo_sdk::json::{push_string, scalar};
use tombolo_sdk::time;

use crate::options::{Type, Version};

/// How a value of the system is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum As {
    Text,
    Number,
}

impl Type {
    /// Whether JSON has it without quotes.
    fn as_default(self) -> Option<As> {
        match self {
            Self::Boolean => None,
            Self::Byte | Self::Int16 | Self::Int32 | Self::Double | Self::Single => {
                Some(As::Number)
            }
            _ => Some(As::Text),
        }
    }

    /// A value as it stands in a key, a filter or a parameter.
    ///
    /// # Errors
    /// What was found, what was expected.
    pub(crate) fn literal(self, version: Version, text: &str) -> Result<String, String> {
        let plain = self.checked(text)?;
        let v2 = version == Version::V2;
        Ok(match self {
            Self::String => format!("'{}'", plain.replace('\'', "''")),
            Self::Guid if v2 => format!("guid'{plain}'"),
            Self::Int64 if v2 => format!("{plain}L"),
            Self::Decimal if v2 => format!("{plain}m"),
            Self::Double if v2 => format!("{plain}d"),
            Self::Single if v2 => format!("{plain}f"),
            Self::Date if v2 => format!("datetime'{plain}T00:00:00'"),
            Self::DateTime if v2 => format!("datetime'{}'", in_utc(&plain).trim_end_matches('Z')),
            Self::DateTimeOffset if v2 => format!("datetimeoffset'{}'", in_utc(&plain)),
            Self::Time if v2 => format!("time'{}'", duration(&plain)),
            Self::DateTime | Self::DateTimeOffset => in_utc(&plain),
            _ => plain.into_owned(),
        })
    }

    /// Appends a JSON value as a body has it.
    ///
    /// # Errors
    /// As [`Self::literal`].
    pub(crate) fn write(self, version: Version, raw: &str, out: &mut String) -> Result<(), String> {
        if raw == "null" {
            out.push_str(raw);
            return Ok(());
        }
        let text = scalar(raw).ok_or("found an object or a list, expected a single value")?;
        let plain = self.checked(&text)?;
        let v2 = version == Version::V2;
        let milliseconds =
            |text: &str| time::milliseconds(text).ok_or_else(|| wrong(text, "a time"));
        match self {
            Self::Boolean | Self::Byte | Self::Int16 | Self::Int32 => out.push_str(&plain),
            Self::Double | Self::Single if !v2 => out.push_str(&plain),
            Self::Date if v2 => {
                let day = milliseconds(&format!("{plain}T00:00:00Z"))?;
                push_string(out, &format!("/Date({day})/"));
            }
            Self::DateTime if v2 => push_string(out, &format!("/Date({})/", milliseconds(&plain)?)),
            Self::DateTimeOffset if v2 => {
                push_string(out, &format!("/Date({}+0000)/", milliseconds(&plain)?));
            }
            Self::Time if v2 => push_string(out, &duration(&plain)),
            Self::DateTime | Self::DateTimeOffset => push_string(out, &in_utc(&plain)),
            _ => push_string(out, &plain),
        }
        Ok(())
    }

    /// A system's JSON value as text: times as RFC 3339, days as `YYYY-MM-DD`. `None` for null.
    ///
    /// # Errors
    /// A value that is not of this type.
    pub(crate) fn read(self, raw: &str) -> Result<Option<String>, String> {
        if raw == "null" {
            return Ok(None);
        }
        let text = scalar(raw).ok_or("found an object or a list, expected a single value")?;
        Ok(Some(match self {
            Self::Date => match epoch(&text) {
                Some(day) => time::of_milliseconds(day).chars().take(10).collect(),
                // Some services give a day as a text with a time.
                None => text.chars().take(10).collect(),
            },
            Self::DateTime | Self::DateTimeOffset => match epoch(&text) {
                Some(milliseconds) => time::of_milliseconds(milliseconds),
                None => time::rfc3339(&text)
                    .or_else(|| time::rfc3339(&format!("{text}Z")))
                    .ok_or_else(|| wrong(&text, "a time"))?,
            },
            Self::Time => of_duration(&text).unwrap_or_else(|| text.into_owned()),
            _ => text.into_owned(),
        }))
    }

    /// Appends a system's JSON value as ours. `false`: it is null or empty, and nothing was appended.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn tell(self, how: Option<As>, raw: &str, out: &mut String) -> Result<bool, String> {
        let Some(text) = self.read(raw)?.filter(|text| !text.is_empty()) else {
            return Ok(false);
        };
        match how.or(self.as_default()) {
            None => out.push_str(&text),
            Some(As::Text) => push_string(out, &text),
            Some(As::Number) => {
                let number = number(&text).ok_or_else(|| wrong(&text, "a number"))?;
                out.push_str(&number);
            }
        }
        Ok(true)
    }

    /// The text, if it is a value of this type.
    fn checked(self, text: &str) -> Result<Cow<'_, str>, String> {
        let ok = |fits: bool, expected: &str| {
            if fits {
                Ok(Cow::Borrowed(text))
            } else {
                Err(wrong(text, expected))
            }
        };
        match self {
            Self::String => Ok(Cow::Borrowed(text)),
            Self::Boolean => ok(matches!(text, "true" | "false"), "true or false"),
            Self::Byte | Self::Int16 | Self::Int32 | Self::Int64 => {
                ok(text.parse::<i64>().is_ok(), "a whole number")
            }
            Self::Decimal | Self::Double | Self::Single => match number(text) {
                Some(number) => Ok(Cow::Owned(number)),
                None => Err(wrong(text, "a number")),
            },
            Self::Guid => ok(
                is_guid(text),
                "a GUID such as 6f9619ff-8b86-d011-b42d-00c04fc964ff",
            ),
            Self::Date => ok(is_day(text), "a day such as 2026-11-27"),
            Self::DateTime | Self::DateTimeOffset => ok(
                time::milliseconds(text).is_some(),
                "a time such as 2026-11-27T10:00:00Z",
            ),
            Self::Time => ok(is_time(text), "a time of day such as 10:00:00"),
        }
    }
}

fn wrong(text: &str, expected: &str) -> String {
    let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    format!("found `{shown}`, expected {expected}")
}

/// Digits as JSON writes them: no plus, no zeros in front, no bare point.
fn number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let trimmed = digits.trim_start_matches('0');
    let whole = if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        trimmed.to_owned()
    } else if digits.is_empty() {
        return None;
    } else {
        format!("0{trimmed}")
    };
    let number = format!("{sign}{whole}");
    serde_json::from_str::<serde_json::Number>(&number).ok()?;
    Some(number)
}

fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'x' => byte.is_ascii_hexdigit(),
                other => byte == other,
            })
}

fn is_guid(text: &str) -> bool {
    fits(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

fn is_day(text: &str) -> bool {
    fits(text, "0000-00-00") && time::milliseconds(&format!("{text}T00:00:00Z")).is_some()
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    fits(clock, "00:00:00")
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// Some services do not read offsets in addresses, where `+` is a blank to many.
fn in_utc(text: &str) -> String {
    if text.ends_with(['Z', 'z']) {
        return text.to_ascii_uppercase();
    }
    time::milliseconds(text).map_or_else(|| text.to_owned(), time::of_milliseconds)
}

/// `/Date(1767225600000)/`, `/Date(1767225600000+0060)/`: the offset says where it was written, not another instant.
fn epoch(text: &str) -> Option<i64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inner
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, '+' | '-'))
        .map_or(inner.len(), |(at, _)| at);
    inner[..end].parse().ok()
}

/// `10:20:30` as `PT10H20M30S`.
fn duration(clock: &str) -> String {
    let mut parts = clock.splitn(3, ':');
    let mut part = || parts.next().unwrap_or("00");
    format!("PT{}H{}M{}S", part(), part(), part())
}

fn of_duration(text: &str) -> Option<String> {
    let rest = text.strip_prefix("PT")?;
    let mut clock = [String::new(), String::new(), String::new()];
    let mut digits = String::new();
    for character in rest.chars() {
        let place = match character {
            'H' => 0,
            'M' => 1,
            'S' => 2,
            other => {
                digits.push(other);
                continue;
            }
        };
        clock[place] = std::mem::take(&mut digits);
    }
    let [hours, minutes, seconds] = clock;
    let text = format!("{hours:0>2}:{minutes:0>2}:{seconds:0>2}");
    is_time(&text).then_some(text)
}

#[cfg(test)]
#[path = "edm_tests.rs"]
mod tests;
