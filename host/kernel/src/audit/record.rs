//! One record, and how to make one.

use std::sync::Arc;

use super::{Kind, Outcome};

/// One thing that left the host or was refused, or one decision. Texts that say nothing are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// When it began, milliseconds since the epoch.
    pub at_ms: u64,
    /// What it is of.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// `200`, `ok`, `denied: ...`, `timeout`: how it ended, in words.
    pub status: String,
    /// The system it is about, with what it ran on.
    pub bearer: Bearer,
    /// Connection, key or system that was reached for.
    pub target: String,
    /// `GET /orders/7`, a statement's name, a topic, a task. Never a query, header, body or secret.
    pub what: String,
    /// The person who decided, by the name they gave.
    pub who: String,
    /// The name of the token they came with. Never its text.
    pub token: String,
    /// Their reason.
    pub why: String,
    /// Run and step (`1042.spare-part/stock`), hook or feed that caused it.
    pub cause: String,
    /// Duration in microseconds.
    pub micros: u64,
    /// Bytes out.
    pub sent: u64,
    /// Bytes in.
    pub received: u64,
}

/// Whose call it is and by whose leave: shared by all records of one version of one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The system.
    pub system: Arc<str>,
    /// The adapter's digest, `sha256:...`.
    pub adapter: Arc<str>,
    /// The grant's digest: who approved it is in there.
    pub grant: Arc<str>,
}

impl Default for Bearer {
    fn default() -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            system: Arc::clone(&nothing),
            adapter: Arc::clone(&nothing),
            grant: nothing,
        }
    }
}

impl AuditRecord {
    /// A record that says nothing yet but what it is of and when: allowed, `ok`.
    #[must_use]
    pub fn new(kind: Kind, at_ms: u64) -> Self {
        Self {
            at_ms,
            kind,
            outcome: Outcome::Allowed,
            status: "ok".to_owned(),
            bearer: Bearer::default(),
            target: String::new(),
            what: String::new(),
            who: String::new(),
            token: String::new(),
            why: String::new(),
            cause: String::new(),
            micros: 0,
            sent: 0,
            received: 0,
        }
    }

    /// The person who decided.
    #[must_use]
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.who = who.into();
        self
    }

    /// The name of the token they came with.
    #[must_use]
    pub fn through(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// The system it is about, its adapter's digest and its grant's; empty where it has none.
    #[must_use]
    pub fn of(mut self, system: &str, adapter: &str, grant: &str) -> Self {
        self.bearer = Bearer {
            system: system.into(),
            adapter: adapter.into(),
            grant: grant.into(),
        };
        self
    }

    /// What was decided about.
    #[must_use]
    pub fn about(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// Their reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// The run and step, hook or feed.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into();
        self
    }

    /// How it ended.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome, status: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.status = status.into();
        self
    }

    /// Bytes that came in with it.
    #[must_use]
    pub fn with_received(mut self, bytes: usize) -> Self {
        self.received = bytes as u64;
        self
    }

    /// Whether it was refused and nothing left.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.outcome == Outcome::Denied
    }

    /// Place in the log of the event whose run caused it.
    #[must_use]
    pub fn event(&self) -> Option<i64> {
        run_of(&self.cause).map(|(event, ..)| event)
    }
}

/// Event, run and step of a cause such as `1042.spare-part/stock`; nothing if it is no run.
#[must_use]
pub fn run_of(cause: &str) -> Option<(i64, &str, &str)> {
    let (run, step) = cause.split_once('/').unwrap_or((cause, ""));
    let (event, flow) = run.split_once('.')?;
    let plain = event.bytes().all(|byte| byte.is_ascii_digit()) && !event.starts_with('0');
    let event = event.parse().ok().filter(|_| plain && !flow.is_empty())?;
    Some((event, run, step))
}
