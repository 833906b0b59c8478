//! The values that are kept back from a system, to find them where they were copied under another name: by a
//! mapping, into a sentence, with another key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filter::{FieldFilter, text};
use crate::limits;

/// Values, and the rule that keeps each back. What is shorter than [`limits::WITHHELD_SHORTEST`] bytes is in too many
/// other places to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withheld {
    values: BTreeMap<String, String>,
    /// More than can be looked for.
    too_many: bool,
    /// A text they may be in was not JSON or nested too deeply to be read through.
    pub(super) unread: bool,
}

/// What is known of the values that an input may hold and its system must not see.
#[derive(Debug, Clone, Default)]
pub enum Gathered {
    /// Nothing: whoever calls made the input itself.
    #[default]
    Nothing,
    /// The values of what the input was made of, by the rules of the version whose turn it was then. `None`: it had
    /// no rules.
    By(Option<Arc<(Arc<FieldFilter>, Withheld)>>),
}

impl Gathered {
    /// Gathers, from these JSON texts, by these rules.
    #[must_use]
    pub fn by<'s>(rules: Arc<FieldFilter>, sources: impl IntoIterator<Item = &'s str>) -> Self {
        let values = rules.withheld(sources);
        Self::By(Some(Arc::new((rules, values))))
    }

    /// Whether the version that takes the call keeps back other values than were gathered.
    pub(crate) fn is_outdated(&self, rules: &FieldFilter) -> bool {
        match self {
            Self::Nothing => false,
            Self::By(None) => true,
            Self::By(Some(gathered)) => {
                !std::ptr::eq(&raw const *gathered.0, rules) && !gathered.0.is_as(rules)
            }
        }
    }

    pub(crate) fn leak(&self, filtered: &str) -> Option<Leak> {
        match self {
            Self::By(Some(gathered)) => gathered.1.leak(filtered),
            Self::By(None) | Self::Nothing => None,
        }
    }
}

/// Where a value was found that is kept back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leak {
    /// A text or number holds it.
    Found {
        /// The rule, `customer.birthday`.
        rule: String,
    },
    /// There are too many values to look for.
    TooMany,
    /// Nobody knows which values to look for.
    Unread,
}

impl Withheld {
    pub(super) fn add(&mut self, value: &str, rule: &str) {
        let value = value.trim();
        if value.len() < limits::WITHHELD_SHORTEST || self.values.contains_key(value) {
            return;
        }
        if self.values.len() >= limits::WITHHELD_VALUES {
            self.too_many = true;
            return;
        }
        self.values.insert(value.to_owned(), rule.to_owned());
    }

    /// Whether a JSON text that was filtered still holds one of the values.
    #[must_use]
    pub fn leak(&self, filtered: &str) -> Option<Leak> {
        if self.unread {
            return Some(Leak::Unread);
        }
        if self.too_many {
            return Some(Leak::TooMany);
        }
        // Both as it stands, for numbers, and without escapes, for texts.
        let found = |inside: &str| {
            self.values
                .iter()
                .find(|(value, _)| inside.contains(value.as_str()))
                .map(|(_, rule)| Leak::Found { rule: rule.clone() })
        };
        found(filtered).or_else(|| {
            filtered
                .contains('\\')
                .then(|| strings(filtered).find_map(|text| found(&text)))
                .flatten()
        })
    }
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Found { rule } => write!(
                f,
                "it holds a value of the field {rule}, which is kept back from this system, under another name; leave it out of the step's `with`"
            ),
            Self::TooMany => write!(
                f,
                "the event and the results before it have more than {} values of fields that are kept back from this system; nobody can tell whether one of them is in here",
                limits::WITHHELD_VALUES
            ),
            Self::Unread => write!(
                f,
                "the event or the results before it are nested deeper than {}; nobody can tell whether what is kept back from this system is in here",
                limits::JSON_DEPTH
            ),
        }
    }
}

/// The strings of a JSON text, names of members too, without escapes.
fn strings(json: &str) -> impl Iterator<Item = String> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = json.as_bytes();
        let start = at + memchr::memchr(b'"', bytes.get(at..)?)?;
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'\\' => end += 2,
                b'"' => break,
                _ => end += 1,
            }
        }
        at = end + 1;
        Some(text(json.get(start..at)?).unwrap_or_default())
    })
}
