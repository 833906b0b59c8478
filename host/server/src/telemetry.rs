//! Logs: readable lines on a terminal, one JSON object a line otherwise, to standard error. `TOMBOLO_LOG` filters
//! (`info`, `debug`, `tombolo_kernel=trace`).
//!
//! What others wrote, adapters and senders among them, cannot forge a line or move the cursor: control characters and
//! marks that turn the writing direction are escaped.

use std::fmt::{self, Write as _};
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

/// The variable with the filter.
pub const FILTER: &str = "TOMBOLO_LOG";

/// Starts logging for this process. A second call changes nothing.
pub fn start() {
    let (filter, problem) = match std::env::var(FILTER) {
        Ok(text) => match EnvFilter::try_new(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
        },
        Err(_) => (EnvFilter::new("info"), None),
    };
    let started = if std::io::stderr().is_terminal() {
        let fields = debug_fn(|writer, field, value| {
            let text = Harmless(format!("{value:?}"));
            if field.name() == "message" {
                write!(writer, "{text}")
            } else {
                write!(writer, "{field}={text}")
            }
        });
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_target(false)
            .fmt_fields(fields.delimited(" "))
            .try_init()
    } else {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .try_init()
    };
    if let (Ok(()), Some(problem)) = (started, problem) {
        tracing::warn!(%problem, "{FILTER} cannot be read; logging `info`");
    }
}

/// A text without control characters and without marks that turn the writing direction.
struct Harmless(String);

impl fmt::Display for Harmless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            let turns = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
            if letter.is_control() || turns {
                write!(f, "{}", letter.escape_unicode())?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Harmless;

    #[test]
    fn what_others_wrote_cannot_forge_a_line_or_move_the_cursor() {
        let table = [
            ("plain text, \u{e4}\u{4e2d}", "plain text, \u{e4}\u{4e2d}"),
            ("ok\nINFO forged", "ok\\u{a}INFO forged"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("abc\u{202e}def", "abc\\u{202e}def"),
            ("\r\u{7f}\u{9b}31m", "\\u{d}\\u{7f}\\u{9b}31m"),
        ];
        for (given, shown) in table {
            assert_eq!(Harmless(given.to_owned()).to_string(), shown);
        }
    }
}
