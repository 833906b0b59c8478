//! `Retry-After` without a clock: a date is measured against the response's own `Date`.

use crate::time::days_from_civil;

/// At most a day: a date far off is a mistake of the system's clock.
const MOST_SECONDS: u64 = 86_400;

/// Milliseconds that `Retry-After` asks to wait.
pub(super) fn milliseconds(retry_after: &str, date: Option<&str>) -> Option<u64> {
    let retry_after = retry_after.trim();
    if !retry_after.is_empty() && retry_after.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(
            retry_after
                .parse()
                .unwrap_or(MOST_SECONDS)
                .min(MOST_SECONDS)
                * 1000,
        );
    }
    let seconds = http_date(retry_after)?.saturating_sub(http_date(date?)?);
    Some(seconds.min(MOST_SECONDS) * 1000)
}

/// Seconds since 1970 of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.trim().strip_suffix(" GMT")?.split(' ').skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    let month_name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == month_name)? as i64 + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words
        .next()?
        .splitn(3, ':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if !(1..=31).contains(&day)
        || !(1970..=9999).contains(&year)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let days = u64::try_from(days_from_civil(year, month, day)).ok()?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        let cases = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Tue, 29 Feb 2000 00:00:00 GMT", Some(951_782_400)),
            ("Sun, 22 Nov 2026 02:30:00 GMT", Some(1_795_314_600)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }

    #[test]
    fn seconds_and_dates_are_both_understood() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let cases = [
            ("120", None, Some(120_000)),
            ("0", None, Some(0)),
            ("99999999999999999999999", None, Some(86_400_000)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", date, Some(3000)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", date, Some(0)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", None, None),
            ("-1", None, None),
            ("", None, None),
        ];
        for (retry_after, date, expected) in cases {
            assert_eq!(milliseconds(retry_after, date), expected, "{retry_after}");
        }
    }
}
