//! How calls go out to a system: attempts and pauses, how many at a time, how many in a time. Written once per system in
//! its system file; a step's own `retry` goes before the system's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tombolo_kernel::limits;

/// Every system's, by name; a system that is not in it has [`Delivery::default`].
pub type Deliveries = BTreeMap<String, Delivery>;

/// What a system file says of the calls that go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Attempts and pauses for what a step leaves open.
    pub retry: RetryWish,
    /// Calls in a time; none: as many as come.
    pub rate: Option<Rate>,
    /// Calls at a time.
    pub concurrency: usize,
}

/// How a call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// First pause, milliseconds.
    pub backoff_ms: u64,
    /// Longest pause, milliseconds.
    pub most_ms: u64,
}

/// What somebody says about it; the rest is left open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryWish {
    /// Attempts in all.
    pub attempts: Option<u32>,
    /// First pause, milliseconds.
    pub backoff_ms: Option<u64>,
    /// Longest pause, milliseconds.
    pub most_ms: Option<u64>,
}

/// So many calls in so many milliseconds; kept as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// At least 1.
    pub calls: u32,
    /// At least 1.
    pub per_ms: u32,
}

// === impl Delivery ===

impl Default for Delivery {
    fn default() -> Self {
        Self {
            retry: RetryWish::default(),
            rate: None,
            concurrency: limits::CALLS_PER_SYSTEM,
        }
    }
}

// === impl RetryWish ===

impl RetryWish {
    /// This wish, what it leaves open by `other`, what both leave open by the host's defaults.
    #[must_use]
    pub fn over(self, other: Self) -> Retry {
        let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Retry {
            attempts: self.attempts.or(other.attempts).unwrap_or(limits::ATTEMPTS),
            backoff_ms: self
                .backoff_ms
                .or(other.backoff_ms)
                .unwrap_or(ms(limits::BACKOFF)),
            most_ms: self
                .most_ms
                .or(other.most_ms)
                .unwrap_or(ms(limits::BACKOFF_MOST)),
        }
    }
}

// === impl Rate ===

impl Rate {
    /// What a rate looks like, for messages.
    pub const EXPECTED: &'static str =
        "calls per second, minute or hour such as `10/s`, `600/m` or `5000/h`, at most 100000";

    /// Reads `10/s`, `600/m` or `5000/h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (calls, unit) = text.split_once('/')?;
        let per_ms = match unit.trim() {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let calls = calls.trim().parse().ok()?;
        (1..=limits::RATE_MOST)
            .contains(&calls)
            .then_some(Self { calls, per_ms })
    }

    /// Microseconds from one call to the next.
    #[must_use]
    pub fn gap_us(self) -> u64 {
        (u64::from(self.per_ms) * 1_000 / u64::from(self.calls.max(1))).max(1)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per_ms {
            3_600_000.. => 'h',
            60_000.. => 'm',
            _ => 's',
        };
        write!(out, "{}/{unit}", self.calls)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("found {text:?}, expected {}", Self::EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, gap) in [
            ("10/s", Some(100_000)),
            ("600/m", Some(100_000)),
            ("1 / h", Some(3_600_000_000)),
            ("100000/s", Some(10)),
            ("0/s", None),
            ("100001/s", None),
            ("10", None),
            ("10/d", None),
            ("-1/s", None),
            ("ten/s", None),
        ] {
            let rate = Rate::parse(text);
            assert_eq!(rate.map(Rate::gap_us), gap, "{text}");
            let again = rate.and_then(|rate| Rate::parse(&rate.to_string()));
            assert_eq!(again, rate, "{text}");
        }
    }

    #[test]
    fn a_steps_word_goes_before_the_systems_and_that_before_the_hosts() {
        let step = RetryWish {
            attempts: Some(2),
            ..RetryWish::default()
        };
        let system = RetryWish {
            attempts: Some(9),
            backoff_ms: Some(50),
            most_ms: None,
        };
        let settled = step.over(system);
        assert_eq!((settled.attempts, settled.backoff_ms), (2, 50));
        assert_eq!(settled.most_ms, 300_000);
    }
}
