//! `every`, or `cron` with its `zone`: when a feed is read or a schedule fires.

use std::time::Duration;

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use tombolo_kernel::limits;

use super::fields::{self, Fields, Problems, quoted};
use crate::timing::Timing;

/// The keys that say when.
pub(crate) const KEYS: [&str; 3] = ["every", "cron", "zone"];

/// Reads the timing among `fields`; `None` where there is none, or a wrong one.
pub(crate) fn read(fields: Fields<'_>, problems: &mut Problems) -> Option<Timing> {
    if let (Some(_), Some(_)) = (fields.get("every"), fields.get("cron")) {
        problems.add(
            fields.key_at("cron"),
            "found `every` and `cron`, expected one of them; take one out",
        );
        return None;
    }
    if let (Some(_), None) = (fields.get("zone"), fields.get("cron")) {
        problems.add(
            fields.key_at("zone"),
            "`zone` has a meaning only beside `cron`; take it out",
        );
    }
    if let Some(node) = fields.get("every") {
        let every = fields::duration(node, "every", limits::WAIT_MOST, problems)?;
        if every < limits::TIMING_LEAST {
            problems.unexpected(
                node,
                "every",
                &format!("at least {} s", limits::TIMING_LEAST.as_secs()),
            );
        }
        return Some(Timing::Every(whole(every)));
    }
    let node = fields.get("cron")?;
    let text = fields::text(node, "cron", problems)?;
    // A pattern with seconds would read a system 86,400 times a day by one slip of the pen.
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = match parser.parse(text) {
        Ok(cron) => cron,
        Err(error) => {
            problems.add(
                node.place,
                format!(
                    "cron {}: {error}; expected minute, hour, day of month, month, day of week, such as `0 2 * * *`",
                    quoted(text)
                ),
            );
            return None;
        }
    };
    let zone = match fields.get("zone") {
        None => TimeZone::UTC,
        Some(node) => {
            let name = fields::text(node, "zone", problems)?;
            match TimeZone::get(name) {
                Ok(zone) => zone,
                Err(_) => {
                    problems.unexpected(node, "zone", "a time zone such as `Europe/Berlin`");
                    return None;
                }
            }
        }
    };
    Some(Timing::Cron {
        cron: Box::new(cron),
        zone,
    })
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
