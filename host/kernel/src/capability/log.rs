//! `log`: lines for the operator, bounded in number and length. Writing one never fails a call.

use crate::limits;
use crate::text::{cleaned, cut};

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The lines of one call.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogBudget {
    written: u32,
    dropped: u32,
}

impl LogBudget {
    /// Whether one more line may be written; counts it either way.
    pub fn accept(&mut self) -> bool {
        let fits = self.written < limits::LOG_LINES;
        if fits {
            self.written += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        fits
    }

    /// Lines that were cut.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Writes one line of a guest, if its call has one left.
    pub fn write(&mut self, system: &str, level: Level, message: &str) {
        if !self.accept() {
            return;
        }
        let message = cleaned(cut(message, limits::LOG_LINE_BYTES));
        match level {
            Level::Debug => tracing::debug!(target: "tombolo::adapter", system, "{message}"),
            Level::Info => tracing::info!(target: "tombolo::adapter", system, "{message}"),
            Level::Warn => tracing::warn!(target: "tombolo::adapter", system, "{message}"),
            Level::Error => tracing::error!(target: "tombolo::adapter", system, "{message}"),
        }
    }

    /// At the end of a call: says how many lines were cut.
    pub fn finish(&self, system: &str) {
        if self.dropped > 0 {
            tracing::warn!(target: "tombolo::adapter", system, dropped = self.dropped, "more than {} lines in one call; the rest was cut", limits::LOG_LINES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_bound_are_counted_and_not_written() {
        let mut budget = LogBudget::default();
        let accepted = (0..limits::LOG_LINES + 5)
            .filter(|_| budget.accept())
            .count();
        assert_eq!(accepted, limits::LOG_LINES as usize);
        assert_eq!(budget.dropped(), 5);
    }
}
