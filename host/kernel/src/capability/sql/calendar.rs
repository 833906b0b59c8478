//! Dates and times out of a database's numbers, in the forms of ISO 8601 and RFC 3339. Pure.

use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// PostgreSQL counts from here.
const EPOCH: Date = date(2000, 1, 1);

/// `2026-11-22`, of days since 2000.
pub(super) fn day(days: i64) -> Option<String> {
    EPOCH
        .checked_add(days.days())
        .ok()
        .map(|date| date.to_string())
}

/// `2026-11-22T13:05:00.25`, of microseconds since 2000.
pub(super) fn stamp(micros: i64) -> Option<String> {
    let mut out = day(micros.div_euclid(DAY))?;
    out.push('T');
    out.push_str(&clock(micros.rem_euclid(DAY)));
    Some(out)
}

/// `13:05:00.25`, of microseconds since midnight.
pub(super) fn clock(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let mut out = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    fraction(&mut out, micros % 1_000_000);
    out
}

/// `P1Y2M3DT4H5M6.5S` (ISO 8601).
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut out = "P".to_owned();
    let mut part = |value: i64, unit: char| {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    };
    part(i64::from(months / 12), 'Y');
    part(i64::from(months % 12), 'M');
    part(i64::from(days), 'D');
    if micros != 0 || out.len() == 1 {
        out.push('T');
        let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let seconds = size / 1_000_000;
        for (value, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
            if value != 0 {
                let _ = write!(out, "{sign}{value}{unit}");
            }
        }
        let rest = i64::try_from(size % 1_000_000).unwrap_or(0);
        if seconds % 60 != 0 || rest != 0 || size == 0 {
            let _ = write!(out, "{sign}{}", seconds % 60);
            fraction(&mut out, rest);
            out.push('S');
        }
    }
    out
}

/// `+02:00`, of seconds east of Greenwich.
pub(super) fn offset(seconds: i32) -> String {
    let size = seconds.unsigned_abs();
    format!(
        "{}{:02}:{:02}",
        if seconds < 0 { '-' } else { '+' },
        size / 3600,
        size / 60 % 60
    )
}

/// Appends `.25` where there are microseconds.
pub(super) fn fraction(out: &mut String, micros: i64) {
    if micros != 0 {
        let _ = write!(out, ".{micros:06}");
        out.truncate(out.trim_end_matches('0').len());
    }
}
