//! Times as other systems write them, as RFC 3339.

/// A text that has the shape of RFC 3339 as it is; seconds or milliseconds since 1970 made one.
#[must_use]
pub fn rfc3339(text: &str) -> Option<String> {
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return from_epoch(text);
    }
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00";
    let (start, rest) = bytes.split_at_checked(shape.len())?;
    let fits = start.iter().zip(shape).all(|(byte, wanted)| {
        if *wanted == b'0' {
            byte.is_ascii_digit()
        } else {
            byte.eq_ignore_ascii_case(wanted)
        }
    });
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 {
                return None;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    let zone = match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    (fits && zone).then(|| text.to_owned())
}

/// Milliseconds since 1970 of a text that is RFC 3339, negative before; `None` if it is none, or no day of the calendar.
/// What is finer than a millisecond is cut.
#[must_use]
pub fn milliseconds(text: &str) -> Option<i64> {
    rfc3339(text).filter(|_| text.contains('-'))?;
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = &text[19..];
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let digits = fraction.trim_start_matches('.').chars();
    let thousandths: String = digits.chain("000".chars()).take(3).collect();
    let offset = match zone.strip_prefix(['+', '-']) {
        None => 0,
        Some(clock) => {
            let minutes = clock[..2].parse::<i64>().ok()? * 60 + clock[3..].parse::<i64>().ok()?;
            if zone.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        }
    };
    let days = days_from_civil(year, month, day);
    let is_real =
        civil_from_days(days) == (year, month, day) && hour < 24 && minute < 60 && second <= 60;
    let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    is_real.then_some(seconds * 1000 + thousandths.parse::<i64>().ok()?)
}

/// The same as a text, in UTC with three digits after the second.
#[must_use]
pub fn of_milliseconds(milliseconds: i64) -> String {
    let (days, rest) = (
        milliseconds.div_euclid(86_400_000),
        milliseconds.rem_euclid(86_400_000),
    );
    let (year, month, day) = civil_from_days(days);
    let (seconds, thousandths) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z")
}

/// Days since 1970 of a day of the proleptic Gregorian calendar; years begin in March so that a leap day is the last.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Up to eleven digits are seconds (until the year 5138), more are milliseconds. A fraction is cut to milliseconds.
fn from_epoch(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: u64 = whole.parse().ok()?;
    let milliseconds = if whole.len() > 11 {
        number
    } else {
        let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
        number * 1000 + thousandths.parse::<u64>().ok()?
    };
    // The year 9999 ends with this millisecond.
    (milliseconds < 253_402_300_800_000)
        .then(|| i64::try_from(milliseconds).ok().map(of_milliseconds))?
}

/// Year, month and day of a number of days since 1970; years begin in March so that a leap day is the last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_rfc_3339_or_nothing() {
        let cases = [
            ("2026-11-22T10:00:00Z", Some("2026-11-22T10:00:00Z")),
            (
                "2026-11-22T10:00:00.123456+08:00",
                Some("2026-11-22T10:00:00.123456+08:00"),
            ),
            ("0", Some("1970-01-01T00:00:00.000Z")),
            ("951782400", Some("2000-02-29T00:00:00.000Z")),
            ("1795314600", Some("2026-11-22T02:30:00.000Z")),
            ("1795314600123", Some("2026-11-22T02:30:00.123Z")),
            ("1795314600.5", Some("2026-11-22T02:30:00.500Z")),
            ("99999999999999999", None),
            ("99999999999999999999999", None),
            ("1.2.3", None),
            ("2026-11-22 10:00:00", None),
            ("2026-11-22T10:00:00", None),
            ("2026-11-22T10:00:00.Z", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(rfc3339(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn times_and_milliseconds_are_each_others_inverse() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-01T01:00:00.1239+01:00", Some(1_767_225_600_123)),
            ("2025-12-31T23:30:00-00:30", Some(1_767_225_600_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("1767225600", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
        for day in (-700_000..800_000).step_by(97) {
            let text = of_milliseconds(day * 86_400_000 + 1);
            if text.len() == 24 {
                assert_eq!(milliseconds(&text), Some(day * 86_400_000 + 1), "{text}");
            }
        }
    }
}
