//! The system file's `settings`; README.md has the table.

use tombolo_sdk::Failure;

use crate::ticket::{Priority, Status};

/// What the operator may say.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Where tickets without a queue of their own go.
    pub(crate) queue: String,
    /// The queues whose events are wanted; empty: all.
    pub(crate) queues: Vec<String>,
    statuses: Statuses,
    priorities: Priorities,
    /// Seconds that a transaction must be old before the feed takes it.
    pub(crate) settle: u64,
}

/// The system's names of each status: the first is written, all are read.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Statuses {
    new: Vec<String>,
    open: Vec<String>,
    waiting: Vec<String>,
    solved: Vec<String>,
    rejected: Vec<String>,
}

/// From which number on a priority is one; also the number that is written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Priorities {
    low: i64,
    normal: i64,
    high: i64,
    urgent: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue: "General".into(),
            queues: Vec::new(),
            statuses: Statuses::default(),
            priorities: Priorities::default(),
            settle: 10,
        }
    }
}

/// The lifecycle `default` of Request Tracker.
impl Default for Statuses {
    fn default() -> Self {
        Self {
            new: vec!["new".into()],
            open: vec!["open".into()],
            waiting: vec!["stalled".into()],
            solved: vec!["resolved".into()],
            rejected: vec!["rejected".into(), "deleted".into()],
        }
    }
}

/// Request Tracker's own `%PriorityAsString`: Low 0, Medium 50, High 100.
impl Default for Priorities {
    fn default() -> Self {
        Self {
            low: 0,
            normal: 50,
            high: 100,
            urgent: 150,
        }
    }
}

impl Options {
    /// That they can work.
    ///
    /// # Errors
    /// `internal` with the field that cannot.
    pub(crate) fn require_sound(&self) -> Result<(), Failure> {
        let numbers = &self.priorities;
        if !(numbers.low < numbers.normal
            && numbers.normal < numbers.high
            && numbers.high < numbers.urgent)
        {
            return Err(Failure::internal(
                "settings.priorities in the system file: expected rising numbers, low < normal < high < urgent",
            ));
        }
        if let Some(status) = Status::ALL
            .into_iter()
            .find(|status| self.names(*status).is_empty())
        {
            return Err(Failure::internal(format!(
                "settings.statuses.{} in the system file: is empty; expected the names that Request Tracker has for it",
                status.word()
            )));
        }
        Ok(())
    }

    /// Whether events of this queue are wanted.
    pub(crate) fn wants(&self, queue: &str) -> bool {
        self.queues.is_empty()
            || self
                .queues
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(queue))
    }

    /// What the system calls a status.
    pub(crate) fn names(&self, status: Status) -> &[String] {
        match status {
            Status::New => &self.statuses.new,
            Status::Open => &self.statuses.open,
            Status::Waiting => &self.statuses.waiting,
            Status::Solved => &self.statuses.solved,
            Status::Rejected => &self.statuses.rejected,
        }
    }

    /// What a status of the system is; one that nobody named is work in progress.
    pub(crate) fn status(&self, name: &str) -> Status {
        Status::ALL
            .into_iter()
            .find(|status| {
                self.names(*status)
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(name))
            })
            .unwrap_or(Status::Open)
    }

    /// The number of a priority.
    pub(crate) fn number(&self, priority: Priority) -> i64 {
        match priority {
            Priority::Low => self.priorities.low,
            Priority::Normal => self.priorities.normal,
            Priority::High => self.priorities.high,
            Priority::Urgent => self.priorities.urgent,
        }
    }

    /// What a number is.
    pub(crate) fn priority(&self, number: i64) -> Priority {
        [Priority::Urgent, Priority::High, Priority::Normal]
            .into_iter()
            .find(|priority| number >= self.number(*priority))
            .unwrap_or(Priority::Low)
    }
}
