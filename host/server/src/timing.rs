//! When something is due again: after a while, or by a cron expression in a time zone. Pure: the time comes in.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tombolo_kernel::clock::Millis;

/// When something is due again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timing {
    /// So many milliseconds after the last time; never 0.
    Every(Millis),
    /// By the clock on the wall of a zone. A time that a zone's clock skips is due when it goes on; in an hour that
    /// comes twice, expressions with a fixed hour are due once.
    Cron {
        /// `0 2 * * *`.
        cron: Box<Cron>,
        /// Where the clock hangs.
        zone: TimeZone,
    },
}

impl Timing {
    /// The first time that is due after `after`; `None`: never again.
    pub(crate) fn next(&self, after: Millis) -> Option<Millis> {
        match self {
            Self::Every(every) => after.checked_add(*every),
            Self::Cron { cron, zone } => {
                let next = cron
                    .find_next_occurrence(&zoned(after, zone)?, false)
                    .ok()?;
                millis(&next)
            }
        }
    }

    /// The last time that was due after `since` and not after `until`.
    pub(crate) fn last(&self, since: Millis, until: Millis) -> Option<Millis> {
        let last = match self {
            Self::Every(every) => {
                let whole = until.checked_sub(since)? / *every;
                since + whole * *every
            }
            Self::Cron { cron, zone } => {
                let last = cron
                    .find_previous_occurrence(&zoned(until, zone)?, true)
                    .ok()?;
                millis(&last)?
            }
        };
        (last > since).then_some(last)
    }

    /// As the operator wrote it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Every(every) => match every {
                every if every % 3_600_000 == 0 => format!("every {} h", every / 3_600_000),
                every if every % 60_000 == 0 => format!("every {} min", every / 60_000),
                every if every % 1_000 == 0 => format!("every {} s", every / 1_000),
                every => format!("every {every} ms"),
            },
            Self::Cron { cron, zone } => {
                format!("{} ({})", cron.as_str(), zone.iana_name().unwrap_or("UTC"))
            }
        }
    }
}

fn zoned(at: Millis, zone: &TimeZone) -> Option<Zoned> {
    let at = Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()))
}

fn millis(zoned: &Zoned) -> Option<Millis> {
    u64::try_from(zoned.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tombolo_kernel::clock::rfc3339;

    fn at(text: &str) -> Millis {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    fn cron(text: &str, zone: &str) -> Timing {
        Timing::Cron {
            cron: Box::new(text.parse().unwrap()),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    #[test]
    fn cron_follows_the_clock_on_the_wall() {
        let table = [
            // Winter and summer.
            (
                "0 2 * * *",
                "2026-01-10T00:00:00Z",
                "2026-01-10T01:00:00.000Z",
            ),
            (
                "0 2 * * *",
                "2026-07-10T01:00:00Z",
                "2026-07-11T00:00:00.000Z",
            ),
            // 02:30 does not exist on that day.
            (
                "30 2 * * *",
                "2026-03-29T00:00:00Z",
                "2026-03-29T01:00:00.000Z",
            ),
            // 02:30 comes twice on that day and is due once.
            (
                "30 2 * * *",
                "2026-10-24T22:00:00Z",
                "2026-10-25T00:30:00.000Z",
            ),
            (
                "30 2 * * *",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00.000Z",
            ),
            (
                "0 6 * * MON",
                "2026-11-24T00:00:00Z",
                "2026-11-30T05:00:00.000Z",
            ),
        ];
        for (text, after, expected) in table {
            let next = cron(text, "Europe/Berlin").next(at(after)).unwrap();
            assert_eq!(rfc3339(next), expected, "{text} after {after}");
        }
        assert_eq!(cron("0 0 30 2 *", "UTC").next(0), None);
    }

    #[test]
    fn the_last_time_due_is_found_without_walking_through_all() {
        let every = Timing::Every(60_000);
        assert_eq!(every.next(5), Some(60_005));
        assert_eq!(every.last(5, 60_004), None);
        assert_eq!(every.last(5, 60_005), Some(60_005));
        assert_eq!(every.last(5, 200_000), Some(180_005));
        assert_eq!(every.last(5, 0), None);
        let daily = cron("0 2 * * *", "UTC");
        let (since, until) = (at("2026-01-01T02:00:00Z"), at("2026-06-01T01:59:59Z"));
        assert_eq!(daily.last(since, until), Some(at("2026-05-31T02:00:00Z")));
        assert_eq!(daily.last(since, since), None);
        assert_eq!(
            daily.last(since, until + 1_000),
            Some(at("2026-06-01T02:00:00Z"))
        );
    }
}
