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
    let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (year, month, day) = civil(days);
    if year > 9999 {
        return None;
    }
    let (seconds, thousandths) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z"
    ))
}

/// Year, month and day of a number of days since 1970; years begin in March so that a leap day is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
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
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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
}
