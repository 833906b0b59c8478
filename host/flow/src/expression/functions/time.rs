//! `time.*`: moments in time zones, and dates as other systems write them, to RFC 3339.
//!
//! A local time that a change of the clock skips or repeats is taken as RFC 5545 says: skipped, it moves on by the
//! gap; repeated, it is the first. Zones are names of the IANA database, which the machine brings.

use cel::ExecutionError;
use cel::common::value::CowVal;
use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Arguments, Declared, Outcome, texts};

pub(super) const FUNCTIONS: &[Declared] = &[
    ("time.in_zone", 2, in_zone),
    ("time.of", 2, of),
    ("time.parse", 3, parse),
    ("time.format", 3, format),
];

/// What `time.of` takes, most particular first. Day and month in the order of the separator's countries: a point is
/// day first, a hyphen or a slash behind a year is year first. `03/04/2026` could be two days and is refused.
const FORMATS: [&str; 10] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y%m%dT%H%M%S",
    "%Y%m%d%H%M%S",
];
/// Dates without a time, which begin at midnight.
const DATES: [&str; 4] = ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"];

/// RFC 3339 with an offset, a fraction only where there is one.
const RFC3339: &str = "%Y-%m-%dT%H:%M:%S%.f%:z";

/// `time.in_zone('2026-11-24T01:00:00Z', 'Asia/Shanghai')` is `2026-11-24T09:00:00+08:00`.
fn in_zone<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "time.in_zone",
        values: &values,
    };
    Ok(texts(shown(
        &arguments,
        RFC3339,
        &moment(&arguments, 0)?.to_zoned(zone(&arguments, 1)?),
    )?))
}

/// `time.of('24.11.2026 08:30', 'Europe/Berlin')`: a moment from RFC 3339, RFC 2822, [`FORMATS`], [`DATES`].
fn of<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "time.of",
        values: &values,
    };
    let (text, zone) = (arguments.text_or_number(0)?, zone(&arguments, 1)?);
    let zoned = if let Ok(moment) = text.parse::<Timestamp>() {
        moment.to_zoned(zone)
    } else if let Ok(zoned) = jiff::fmt::rfc2822::parse(&text) {
        zoned.timestamp().to_zoned(zone)
    } else {
        let local = FORMATS
            .iter()
            .find_map(|format| DateTime::strptime(format, &text).ok())
            .or_else(|| {
                let mut dates = DATES.iter();
                dates
                    .find_map(|format| jiff::civil::Date::strptime(format, &text).ok())
                    .map(DateTime::from)
            });
        let Some(local) = local else {
            return Err(arguments.unfit(
                &text,
                "a date such as 2026-11-24, 24.11.2026 08:30 or 2026-11-24T08:30:00Z; for another form write time.parse(text, format, zone)",
            ));
        };
        local
            .to_zoned(zone)
            .map_err(|error| arguments.wrong(error.to_string()))?
    };
    Ok(texts(shown(&arguments, RFC3339, &zoned)?))
}

/// `time.parse('11/24/2026', '%m/%d/%Y', 'America/New_York')`; conversions as of strptime.
fn parse<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "time.parse",
        values: &values,
    };
    let (text, form) = (arguments.text_or_number(0)?, arguments.text(1)?);
    let zone = zone(&arguments, 2)?;
    let unfit = |error: jiff::Error| arguments.unfit(&text, &format!("the form {form}: {error}"));
    let parts = strtime::parse(form, &text).map_err(unfit)?;
    let zoned = match parts.to_timestamp() {
        Ok(moment) => moment.to_zoned(zone),
        Err(_) => local(&parts)
            .and_then(|local| local.to_zoned(zone))
            .map_err(unfit)?,
    };
    Ok(texts(shown(&arguments, RFC3339, &zoned)?))
}

/// `time.format('2026-11-24T01:00:00Z', '%d.%m.%Y', 'Asia/Shanghai')`; conversions as of strftime.
fn format<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "time.format",
        values: &values,
    };
    let zoned = moment(&arguments, 0)?.to_zoned(zone(&arguments, 2)?);
    Ok(texts(shown(&arguments, arguments.text(1)?, &zoned)?))
}

/// A date alone begins at midnight.
fn local(parts: &BrokenDownTime) -> Result<DateTime, jiff::Error> {
    parts
        .to_datetime()
        .or_else(|_| parts.to_date().map(DateTime::from))
}

fn moment(arguments: &Arguments<'_, '_, '_>, at: usize) -> Result<Timestamp, ExecutionError> {
    let text = arguments.text_or_number(at)?;
    text.parse().map_err(|_| {
        arguments.unfit(
            &text,
            "a moment of RFC 3339 such as 2026-11-24T01:00:00Z; time.of makes one of a date",
        )
    })
}

fn zone(arguments: &Arguments<'_, '_, '_>, at: usize) -> Result<TimeZone, ExecutionError> {
    let name = arguments.text(at)?;
    TimeZone::get(name).map_err(|_| {
        arguments.unfit(
            name,
            "a time zone such as Asia/Shanghai (is the machine's time zone database installed?)",
        )
    })
}

fn shown(
    arguments: &Arguments<'_, '_, '_>,
    form: &str,
    zoned: &Zoned,
) -> Result<String, ExecutionError> {
    strtime::format(form, zoned)
        .map_err(|error| arguments.unfit(form, &format!("a form such as %Y-%m-%d: {error}")))
}
