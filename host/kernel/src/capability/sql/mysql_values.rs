//! MySQL's and MariaDB's binary values as JSON. The forms are those of the protocol's "Binary Protocol Value".

use sqlx::mysql::{MySqlTypeInfo, MySqlValueRef};
use sqlx::{Decode, MySql, Type, TypeInfo as _, ValueRef as _};

use super::calendar;
use super::rows::ValueWriter;

/// Writes one value; nothing comes back for a type that has no form here.
pub(super) fn write(
    out: ValueWriter<'_>,
    info: &MySqlTypeInfo,
    value: MySqlValueRef<'_>,
) -> Option<()> {
    // A zero date counts as null, too.
    if value.is_null() {
        out.null();
        return Some(());
    }
    match info.name() {
        "BOOLEAN" => match decode::<i64>(value)? {
            flag @ (0 | 1) => out.boolean(flag == 1),
            number => out.integer(number),
        },
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "INT UNSIGNED" | "MEDIUMINT UNSIGNED"
        | "BIGINT UNSIGNED" | "BIT" => {
            out.unsigned(decode::<u64>(value)?);
        }
        "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => {
            out.integer(decode::<i64>(value)?)
        }
        "YEAR" => out.integer(u16::from_le_bytes(bytes(value)?.try_into().ok()?).into()),
        "FLOAT" => out.single(f32::from_le_bytes(bytes(value)?.try_into().ok()?)),
        "DOUBLE" => out.double(f64::from_le_bytes(bytes(value)?.try_into().ok()?)),
        "DECIMAL" | "ENUM" | "SET" => out.text(std::str::from_utf8(bytes(value)?).ok()?),
        "JSON" => out.json(std::str::from_utf8(bytes(value)?).ok()?),
        "DATE" => out.text(stamp(bytes(value)?)?.get(..10)?),
        "DATETIME" => out.text(&stamp(bytes(value)?)?),
        // The session's zone is UTC.
        "TIMESTAMP" => out.text(&(stamp(bytes(value)?)? + "Z")),
        "TIME" => out.text(&time(bytes(value)?)?),
        "GEOMETRY" => return None,
        _ if <str as Type<MySql>>::compatible(info) => {
            out.text(std::str::from_utf8(bytes(value)?).ok()?)
        }
        _ => out.bytes(bytes(value)?),
    }
    Some(())
}

fn decode<'r, T: Decode<'r, MySql>>(value: MySqlValueRef<'r>) -> Option<T> {
    T::decode(value).ok()
}

fn bytes(value: MySqlValueRef<'_>) -> Option<&[u8]> {
    decode(value)
}

/// Length, year, month, day, and where it goes on: hour, minute, second, microseconds.
fn stamp(bytes: &[u8]) -> Option<String> {
    let [_, low, high, month, day, rest @ ..] = bytes else {
        return None;
    };
    let mut out = format!(
        "{:04}-{month:02}-{day:02}T",
        u16::from_le_bytes([*low, *high])
    );
    let (hour, minute, second) = match rest {
        [hour, minute, second, ..] => (*hour, *minute, *second),
        _ => (0, 0, 0),
    };
    out.push_str(&format!("{hour:02}:{minute:02}:{second:02}"));
    calendar::fraction(&mut out, micros(rest.get(3..)));
    Some(out)
}

/// Length, sign, days, hour, minute, second, microseconds.
fn time(bytes: &[u8]) -> Option<String> {
    let [_, negative, rest @ ..] = bytes else {
        return Some("00:00:00".into());
    };
    let (days, rest) = rest.split_first_chunk::<4>()?;
    let [hour, minute, second, rest @ ..] = rest else {
        return None;
    };
    let hours = u32::from_le_bytes(*days) * 24 + u32::from(*hour);
    let mut out = format!(
        "{}{hours:02}:{minute:02}:{second:02}",
        if *negative == 0 { "" } else { "-" }
    );
    calendar::fraction(&mut out, micros(Some(rest)));
    Some(out)
}

fn micros(bytes: Option<&[u8]>) -> i64 {
    bytes
        .and_then(|bytes| bytes.first_chunk::<4>())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
}
