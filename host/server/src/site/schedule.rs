//! `schedules/NAME.yaml`: an event that the host makes by the clock.

use serde_json::value::RawValue;
use tombolo_flow::yaml::Node;
use tombolo_kernel::event::Event;
use tombolo_manifest::names::{is_event_type, is_name};

use super::fields::{self, Fields, Problems, START, json, quoted};
use super::timing;
use crate::timing::Timing;

/// One schedule.
#[derive(Debug, Clone)]
pub struct SchedulePlan {
    /// When it fires.
    pub timing: Timing,
    /// What becomes of firings that fell into a time when the host was down.
    pub missed: Missed,
    /// The event's type.
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
    /// Its data.
    pub data: Box<RawValue>,
}

/// What becomes of missed firings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// However many there were, one event, with the time of the last.
    Once,
}

/// Reads the tree of a schedule.
pub(crate) fn read(name: &str, node: &Node, problems: &mut Problems) -> Option<SchedulePlan> {
    if !is_name(name) {
        problems.add(
            START,
            format!(
                "the schedule is named {} after its file; expected lower case letters, digits and `-`, at most 40",
                quoted(name)
            ),
        );
    }
    let known: Vec<&str> = timing::KEYS
        .into_iter()
        .chain(["missed", "event"])
        .collect();
    let fields = Fields::known(node, "a schedule", &known, problems)?;
    let before = problems.count();
    let timing = timing::read(fields, problems);
    if timing.is_none() && problems.count() == before {
        problems.add(
            fields.at,
            "a schedule needs `cron` or `every`, found neither; such as `cron: \"0 2 * * *\"`",
        );
    }
    let missed = match fields.get("missed") {
        None => Missed::Skip,
        Some(node) => match fields::text(node, "missed", problems)? {
            "skip" => Missed::Skip,
            "once" => Missed::Once,
            _ => {
                problems.unexpected(node, "missed", "`skip` (the default) or `once`");
                Missed::Skip
            }
        },
    };
    let event = fields.need("event", problems)?;
    let event = Fields::known(event, "event", &["type", "subject", "data"], problems)?;
    let kind = event.need("type", problems).and_then(|node| {
        let kind = fields::text(node, "type", problems)?;
        if !is_event_type(kind) {
            problems.unexpected(node, "type", "an event type such as `report.due`");
        }
        Some(kind.to_owned())
    });
    let subject = event
        .get("subject")
        .and_then(|node| fields::text(node, "subject", problems))
        .map(str::to_owned);
    let data = event.get("data").map_or(serde_json::Value::Null, json);
    let data = serde_json::value::to_raw_value(&data).ok()?;
    let plan = SchedulePlan {
        timing: timing?,
        missed,
        kind: kind?,
        subject,
        data,
    };
    if let Err(error) = plan.event(name, 0).check() {
        problems.add(event.at, error.to_string());
    }
    Some(plan)
}

impl SchedulePlan {
    /// The event of the firing at `at`: the same firing is the same event.
    pub(crate) fn event(&self, name: &str, at: u64) -> Event {
        let time = tombolo_kernel::clock::rfc3339(at);
        Event {
            id: time.clone(),
            source: source(name),
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            time,
            data: self.data.clone(),
            hops: 0,
            cause: None,
            root: None,
        }
    }
}

/// The source of a schedule's events.
pub(crate) fn source(name: &str) -> String {
    format!("/schedules/{name}")
}
