//! Which topics a `publish` line lets through: `plant/*/command`, `orders.**`, `shop/order.*`.
//!
//! One notation for every broker, which none of them reads: `/` and `.` both part a topic, and each stands for itself.
//! A `*` is one part; a `**` at the end is one or more. What brokers read as a wildcard or keep for themselves is no
//! topic to publish to.

use std::fmt;
use std::str::FromStr;

use super::PatternProblem;

/// Longest topic or pattern, bytes.
pub const TOPIC_BYTES: usize = 256;

/// One `publish` line, ready for matching. `Display` gives the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern(String);

impl TopicPattern {
    /// Whether a message to this topic may leave. A topic that fails [`check_topic`] matches nothing.
    #[must_use]
    pub fn allows(&self, topic: &str) -> bool {
        if check_topic(topic).is_err() {
            return false;
        }
        let (mut pattern, mut topic) = (parts(&self.0), parts(topic));
        loop {
            match (pattern.next(), topic.next()) {
                (None, None) => return true,
                (Some(("**", _)), Some((part, _))) => return !part.is_empty(),
                (Some(("*", before)), Some((part, found)))
                    if before == found && !part.is_empty() => {}
                (Some(wanted), Some(found)) if wanted == found => {}
                _ => return false,
            }
        }
    }

    /// Whether it lets through all that `other` does.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let (mut outer, mut inner) = (parts(&self.0), parts(&other.0));
        loop {
            match (outer.next(), inner.next()) {
                (None, None) => return true,
                (Some(("**", _)), Some((part, _))) => return !part.is_empty(),
                (Some(("*", before)), Some((part, found)))
                    if before == found && !part.is_empty() && part != "**" => {}
                (Some(wanted), Some(found)) if wanted == found => {}
                _ => return false,
            }
        }
    }
}

/// Each part with the separator behind it.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(['/', '.']).map(|part| {
        let separator = part.chars().last().filter(|last| matches!(last, '/' | '.'));
        (part.trim_end_matches(['/', '.']), separator)
    })
}

/// Whether a text can be a topic that something is published to.
///
/// # Errors
/// What was found and expected.
pub fn check_topic(topic: &str) -> Result<(), PatternProblem> {
    let wrong = |problem: &str| {
        let shown: String = topic
            .chars()
            .take(80)
            .flat_map(char::escape_debug)
            .collect();
        Err(PatternProblem(format!("topic `{shown}`: {problem}")))
    };
    if topic.is_empty() || topic.len() > TOPIC_BYTES {
        return wrong("expected 1 to 256 bytes");
    }
    if topic.starts_with('$') {
        return wrong("found `$` at its beginning, which brokers keep for themselves");
    }
    if topic.contains(['*', '#', '+', '>']) {
        return wrong("found a wildcard, expected one exact topic");
    }
    if topic
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return wrong("found a space or a control character");
    }
    // The first part may be empty: the default exchange of AMQP.
    let inner = topic.strip_prefix('/').unwrap_or(topic);
    if inner.split(['/', '.']).any(str::is_empty) {
        return wrong("found an empty part, expected text between its separators");
    }
    Ok(())
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicPattern {
    type Err = PatternProblem;

    fn from_str(text: &str) -> Result<Self, PatternProblem> {
        let all: Vec<&str> = text.split(['/', '.']).collect();
        let last = all.len() - 1;
        for (index, part) in all.iter().enumerate() {
            let whole = matches!(*part, "*") || (*part == "**" && index == last);
            if part.contains('*') && !whole {
                return Err(PatternProblem(format!(
                    "`{}`: found `{}`, expected `*` for a whole part, or `**` for the rest at the end",
                    text.escape_debug(),
                    part.escape_debug()
                )));
            }
        }
        check_topic(&text.replace('*', "x"))?;
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_pattern_lets_through_what_it_says_and_no_more() {
        let table = [
            ("plant/*/command", "plant/p4/command", true),
            ("plant/*/command", "plant/p4/p5/command", false),
            ("plant/*/command", "plant/p.4/command", false),
            ("plant/*/command", "plant//command", false),
            ("plant/**", "plant/a/b.c", true),
            ("plant/**", "plant", false),
            ("plant/**", "plants/a", false),
            ("orders.*", "orders.new", true),
            ("orders.*", "orders/new", false),
            ("orders.*", "orders.new.late", false),
            ("/orders", "/orders", true),
            ("/orders", "orders", false),
            ("**", "$SYS/broker", false),
            ("**", "$JS.API.STREAM.DELETE.x", false),
            ("**", "a/#", false),
            ("**", "a", true),
            ("a", "a/b", false),
            ("a/b", "a", false),
        ];
        for (pattern, topic, expected) in table {
            let pattern: TopicPattern = pattern.parse().unwrap();
            assert_eq!(pattern.allows(topic), expected, "{pattern} {topic}");
        }
        for bad in [
            "", "a/*b", "**/a", "a b", "$SYS/x", "a/+/b", "a/#", "a//b", "a/",
        ] {
            assert!(bad.parse::<TopicPattern>().is_err(), "{bad}");
        }
    }
}
