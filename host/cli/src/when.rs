//! Times and durations as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Milliseconds since the epoch as local time with its offset: `2026-11-22 03:30:23 +01:00`.
pub(crate) fn moment(ms: u64) -> String {
    zoned(ms, "%Y-%m-%d %H:%M:%S %:z")
}

/// The local time of day with milliseconds: `03:30:23.042`.
pub(crate) fn time_of_day(ms: u64) -> String {
    zoned(ms, "%H:%M:%S%.3f")
}

/// Milliseconds since the epoch, now.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// A past time as people write it, in milliseconds since the epoch: `2026-11-20T08:00:00Z`, or `2h` for two hours ago.
pub(crate) fn past(text: &str) -> Result<u64, String> {
    if let Ok(ago) = tombolo_manifest::parse_duration(text) {
        let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        return Ok(now_ms().saturating_sub(ago));
    }
    let at: Timestamp = text.parse().map_err(|_| {
        "expected a time such as 2026-11-20T08:00:00Z, or how long ago such as 2h".to_owned()
    })?;
    Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

fn zoned(ms: u64, format: &str) -> String {
    let at = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(
        || format!("{ms} ms"),
        |at| at.to_zoned(TimeZone::system()).strftime(format).to_string(),
    )
}

/// Milliseconds as `3 ms`, `1.24 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        60_000..3_600_000 => two(ms / 1_000, 60, "min", "s"),
        3_600_000..86_400_000 => two(ms / 60_000, 60, "h", "min"),
        _ => two(ms / 3_600_000, 24, "d", "h"),
    }
}

fn two(small: u64, per: u64, big_unit: &str, small_unit: &str) -> String {
    match (small / per, small % per) {
        (big, 0) => format!("{big} {big_unit}"),
        (big, rest) => format!("{big} {big_unit} {rest} {small_unit}"),
    }
}

/// Microseconds as `310 µs`, or as [`duration`] from one millisecond on.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => duration(micros / 1_000),
    }
}

/// Bytes as `812 B`, `70.5 KiB`, `1.2 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{}.{} KiB", bytes / KIB, bytes % KIB * 10 / KIB),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let table = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_240, "1.24 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
            (11_400_000, "3 h 10 min"),
            (187_200_000, "2 d 4 h"),
        ];
        for (ms, words) in table {
            assert_eq!(duration(ms), words);
        }
        assert_eq!(micros(310), "310 µs");
        assert_eq!(micros(4_560), "4.5 ms");
        assert_eq!(bytes(70 * 1024 + 512), "70.5 KiB");
    }
}
