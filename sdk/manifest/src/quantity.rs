//! Sizes and durations as people write them: `32 MiB`, `200 ms`.

use std::time::Duration;

/// A text that is not a size or not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected {expected}")]
pub struct QuantityError {
    /// The text.
    pub found: String,
    /// What would have been right, with an example.
    pub expected: &'static str,
}

const SIZE: &str = "a whole number and one of `B`, `KiB`, `MiB`, `GiB`, such as `32 MiB`";
const DURATION: &str =
    "a whole number and one of `ms`, `s`, `m`, `h`, `d`, such as `200 ms` or `48h`";

/// Bytes in a size: a whole number, at most one space, then `B`, `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// Any other text, and sizes over 2^64 bytes.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let factor = |unit: &str| match unit {
        "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    product(text, factor).ok_or_else(|| QuantityError {
        found: short(text),
        expected: SIZE,
    })
}

/// A duration: a whole number, at most one space, then `ms`, `s`, `m` or `min` (minutes), `h` or `d`.
///
/// # Errors
/// Any other text, and durations over 2^64 milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let factor = |unit: &str| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    product(text, factor)
        .map(Duration::from_millis)
        .ok_or_else(|| QuantityError {
            found: short(text),
            expected: DURATION,
        })
}

fn product(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    number.parse::<u64>().ok()?.checked_mul(factor(unit)?)
}

fn short(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in [
            ("0 B", 0),
            ("7B", 7),
            ("1 KiB", 1024),
            ("32 MiB", 32 << 20),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "MiB",
            "32",
            "32  MiB",
            "32 MB",
            "32 mib",
            "-1 MiB",
            "1.5 MiB",
            " 1 MiB",
            "1 MiB ",
            "99999999999 GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, ms) in [
            ("200 ms", 200),
            ("1s", 1_000),
            ("5m", 300_000),
            ("48h", 172_800_000),
            ("2 d", 172_800_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
        for text in [
            "",
            "10",
            "10 sec",
            "1h30m",
            "1.5s",
            "\u{661}s",
            "999999999999999999 d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_error_shows_what_was_found_in_one_line() {
        let error = parse_size("3\n2").map_err(|error| error.to_string());
        assert!(
            error.is_err_and(|text| text.starts_with("found `3\\n2`, expected a whole number"))
        );
    }
}
