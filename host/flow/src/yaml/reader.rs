//! Reading mappings key by key: known keys, texts, numbers, durations; everything else is a problem with its place.

use tombolo_kernel::limits;

use super::{Key, Node, Value};
use crate::problem::{Place, Problem, did_you_mean};

/// Reads one file's mappings and collects what is wrong.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Its text.
    pub source: &'a str,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// For a file.
    #[must_use]
    pub fn new(file: &'a str, source: &'a str) -> Self {
        Self {
            file,
            source,
            problems: Vec::new(),
        }
    }

    /// Adds a problem.
    pub fn wrong(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(self.file, place, message));
    }

    /// The entries of a mapping; every key must be known.
    pub fn mapping<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<&'n [(Key, Node)]> {
        let Value::Map(entries) = &node.value else {
            let known = known.join(", ");
            self.wrong(
                node.place,
                format!(
                    "{what}: found {}, expected a mapping with {known}",
                    node.describe()
                ),
            );
            return None;
        };
        for (key, _) in entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.text.as_str()))
        {
            let near = did_you_mean(&key.text, known.iter().copied());
            let known = known.join(", ");
            self.wrong(
                key.place,
                format!(
                    "{what}: found the unknown key \"{}\", expected {known}{near}",
                    key.text
                ),
            );
        }
        Some(entries)
    }

    /// A text that is not empty.
    pub fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.wrong(
                    node.place,
                    format!("{what}: found {}, expected a text", node.describe()),
                );
                None
            }
        }
    }

    /// A whole number in a range.
    pub fn whole(&mut self, node: &Node, what: &str, least: u64, most: u64) -> Option<u64> {
        let found = match &node.value {
            Value::Number(number) => number
                .as_u64()
                .filter(|number| (least..=most).contains(number)),
            _ => None,
        };
        if found.is_none() {
            let message = format!(
                "{what}: found {}, expected a whole number from {least} to {most}",
                node.describe()
            );
            self.wrong(node.place, message);
        }
        found
    }

    /// A duration such as `500ms`, `30s`, `1h30m`, `2d`, in milliseconds.
    pub fn duration(&mut self, node: &Node, what: &str) -> Option<u64> {
        let most = u64::try_from(limits::WAIT_MOST.as_millis()).unwrap_or(u64::MAX);
        let found = match &node.value {
            Value::Text(text) => duration_ms(text).filter(|ms| (1..=most).contains(ms)),
            _ => None,
        };
        if found.is_none() {
            let days = limits::WAIT_MOST.as_secs() / 86_400;
            let message = format!(
                "{what}: found {}, expected a duration such as 500ms, 30s, 1h30m or 2d, at most {days}d",
                node.describe()
            );
            self.wrong(node.place, message);
        }
        found
    }
}

/// `1h30m` in milliseconds.
fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[unit..];
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("48h", Some(172_800_000)),
            ("1h30m", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("5 s", None),
            ("-5s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }
}
