//! A JSON value checked against the type that PostgreSQL gives a parameter, and written as text that the server's
//! own reader takes. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use sqlx::postgres::{PgTypeInfo, PgTypeKind};

/// What a parameter may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer {
        least: i64,
        most: i64,
    },
    Double,
    Decimal,
    Text,
    Uuid,
    Date,
    Time,
    Timestamp,
    TimestampZone,
    Json,
    Bytes,
    Array(Box<Kind>),
    /// Whatever the server makes of a text: enumerations, addresses, ranges.
    Other,
}

impl Kind {
    pub(super) fn of(info: &PgTypeInfo) -> Self {
        match info.kind() {
            PgTypeKind::Array(element) => return Self::Array(Box::new(Self::of(element))),
            PgTypeKind::Domain(base) => return Self::of(base),
            _ => {}
        }
        // Numbers of `pg_type.dat`, which PostgreSQL keeps.
        match info.oid().map_or(0, |oid| oid.0) {
            16 => Self::Boolean,
            21 => Self::Integer {
                least: i16::MIN.into(),
                most: i16::MAX.into(),
            },
            23 => Self::Integer {
                least: i32::MIN.into(),
                most: i32::MAX.into(),
            },
            20 => Self::Integer {
                least: i64::MIN,
                most: i64::MAX,
            },
            26 => Self::Integer {
                least: 0,
                most: u32::MAX.into(),
            },
            700 | 701 => Self::Double,
            1700 | 790 => Self::Decimal,
            19 | 25 | 1042 | 1043 => Self::Text,
            2950 => Self::Uuid,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampZone,
            114 | 3802 => Self::Json,
            17 => Self::Bytes,
            _ => Self::Other,
        }
    }

    /// The value as text, or what is wrong with it.
    pub(super) fn text(&self, value: &Json) -> Result<Option<String>, String> {
        if value.is_null() {
            return Ok(None);
        }
        let wrong = || format!("is {}; expected {}", kind_of(value), self.expected());
        let text = match (self, value) {
            (Self::Boolean, Json::Bool(value)) => value.to_string(),
            (Self::Integer { least, most }, value) => {
                let whole = match value {
                    Json::Number(number) => number.as_i64(),
                    Json::String(text) => text.parse().ok(),
                    _ => None,
                };
                whole
                    .filter(|whole| (least..=most).contains(&whole))
                    .ok_or_else(wrong)?
                    .to_string()
            }
            (Self::Double | Self::Decimal, Json::Number(number)) => number.to_string(),
            (Self::Double | Self::Decimal, Json::String(text)) if is_number(text) => text.clone(),
            (Self::Text, Json::String(text)) if !text.contains('\0') => text.clone(),
            (Self::Uuid, Json::String(text)) if is_uuid(text) => text.clone(),
            (Self::Date, Json::String(text))
                if text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10 =>
            {
                text.clone()
            }
            (Self::Time, Json::String(text)) if text.parse::<jiff::civil::Time>().is_ok() => {
                text.clone()
            }
            (Self::Timestamp, Json::String(text))
                if text.parse::<jiff::civil::DateTime>().is_ok() =>
            {
                text.clone()
            }
            (Self::TimestampZone, Json::String(text))
                if text.parse::<jiff::Timestamp>().is_ok() =>
            {
                text.clone()
            }
            (Self::Json, value) => value.to_string(),
            (Self::Bytes, Json::String(text)) => format!(
                "\\x{}",
                hex::encode(STANDARD.decode(text).map_err(|_| wrong())?)
            ),
            (Self::Array(kind), Json::Array(elements)) => kind.array(elements)?,
            (Self::Other, Json::String(text)) => text.clone(),
            (Self::Other, Json::Number(number)) => number.to_string(),
            (Self::Other, Json::Bool(value)) => value.to_string(),
            _ => return Err(wrong()),
        };
        Ok(Some(text))
    }

    /// `{"a","b",NULL}`.
    fn array(&self, elements: &[Json]) -> Result<String, String> {
        let mut out = "{".to_owned();
        for (index, element) in elements.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match self
                .text(element)
                .map_err(|problem| format!("at {index} {problem}"))?
            {
                None => out.push_str("NULL"),
                Some(text) => {
                    out.push('"');
                    for character in text.chars() {
                        if matches!(character, '"' | '\\') {
                            out.push('\\');
                        }
                        out.push(character);
                    }
                    out.push('"');
                }
            }
        }
        out.push('}');
        Ok(out)
    }

    fn expected(&self) -> String {
        match self {
            Self::Boolean => "true or false".into(),
            Self::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Self::Double => "a number".into(),
            Self::Decimal => "a number, or a text with one".into(),
            Self::Text => "a text".into(),
            Self::Uuid => "a UUID".into(),
            Self::Date => "a date, `2026-11-22`".into(),
            Self::Time => "a time, `13:05:00`".into(),
            Self::Timestamp => "a timestamp without a zone, `2026-11-22T13:05:00`".into(),
            Self::TimestampZone => "a timestamp with its zone, `2026-11-22T13:05:00Z`".into(),
            Self::Json => "JSON".into(),
            Self::Bytes => "bytes in base64".into(),
            Self::Array(kind) => format!("an array, each {}", kind.expected()),
            Self::Other => "a text".into(),
        }
    }
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(number) if number.is_f64() => "a number with a fraction",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<bigdecimal::BigDecimal>().is_ok() && text.len() <= 1_000
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}
