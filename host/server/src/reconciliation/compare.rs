//! What differs between the rows of two sides. Pure: rows come in by key, differences go out. The rows of one
//! [`Comparison`] are those of one part of the keys; only they are in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr as _;

use bigdecimal::BigDecimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::site::{FieldRule, Same};

/// Longest decimal that is compared as one, characters.
const DECIMAL: usize = 64;

/// A row as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What finds it on the other side.
    pub(crate) key: String,
    /// Its compared values, each JSON text.
    pub(crate) values: Vec<String>,
    /// All of it, JSON text.
    pub(crate) whole: String,
}

/// What is different about one key, or that nothing is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// The key of the rows.
    pub(crate) key: String,
    /// What.
    pub(crate) what: What,
    /// The row of the left side; null where there is none.
    pub(crate) left: Box<RawValue>,
    /// The row of the right side; null where there is none.
    pub(crate) right: Box<RawValue>,
    /// The fields that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<FieldDifference>,
}

/// Kinds of difference, and agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// The right side has no such row.
    OnlyLeft,
    /// The left side has no such row.
    OnlyRight,
    /// Both have it, and fields differ.
    Different,
    /// The left side has another row of this key, which is not compared.
    TwiceLeft,
    /// The same on the right side.
    TwiceRight,
    /// Both have it, and no field differs: told only where the job asks for it, and no difference.
    Same,
}

/// One field that differs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FieldDifference {
    /// Its name.
    pub(crate) field: String,
    /// On the left side.
    pub(crate) left: Box<RawValue>,
    /// On the right side.
    pub(crate) right: Box<RawValue>,
}

/// How many of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Counts {
    /// Rows of the left side.
    pub(crate) left: u64,
    /// Rows of the right side.
    pub(crate) right: u64,
    /// Keys that both sides have with the same values.
    pub(crate) same: u64,
    /// Differences.
    pub(crate) only_left: u64,
    /// Differences.
    pub(crate) only_right: u64,
    /// Differences.
    pub(crate) different: u64,
    /// Differences.
    pub(crate) twice: u64,
    /// Rows that could not be read, see the report.
    pub(crate) unreadable: u64,
}

impl Counts {
    /// Differences of all kinds.
    pub(crate) fn differences(&self) -> u64 {
        self.only_left + self.only_right + self.different + self.twice
    }

    fn count(&mut self, what: What) {
        *match what {
            What::OnlyLeft => &mut self.only_left,
            What::OnlyRight => &mut self.only_right,
            What::Different => &mut self.different,
            What::TwiceLeft | What::TwiceRight => &mut self.twice,
            What::Same => &mut self.same,
        } += 1;
    }
}

/// The rows of one part of the keys: all of the left side first, then those of the right, then [`Self::finish`].
pub(crate) struct Comparison<'c> {
    rules: &'c [FieldRule],
    /// Whether rows that agree are told, too.
    tells_same: bool,
    counts: &'c mut Counts,
    rows: HashMap<String, Kept>,
}

struct Kept {
    row: Row,
    /// Met on the right side.
    met: bool,
    is_left: bool,
}

impl<'c> Comparison<'c> {
    pub(crate) fn new(rules: &'c [FieldRule], tells_same: bool, counts: &'c mut Counts) -> Self {
        Self {
            rules,
            tells_same,
            counts,
            rows: HashMap::new(),
        }
    }

    /// A row of the left side.
    pub(crate) fn left(&mut self, row: Row) -> Option<Difference> {
        match self.rows.entry(row.key.clone()) {
            Entry::Occupied(_) => Some(self.tell(What::TwiceLeft, Some(&row), None, Vec::new())),
            Entry::Vacant(free) => {
                free.insert(Kept {
                    row,
                    met: false,
                    is_left: true,
                });
                None
            }
        }
    }

    /// A row of the right side.
    pub(crate) fn right(&mut self, row: Row) -> Option<Difference> {
        let Some(kept) = self.rows.get_mut(&row.key) else {
            let difference = self.tell(What::OnlyRight, None, Some(&row), Vec::new());
            let kept = Kept {
                row: Row {
                    key: row.key.clone(),
                    values: Vec::new(),
                    whole: String::new(),
                },
                met: true,
                is_left: false,
            };
            self.rows.insert(row.key, kept);
            return Some(difference);
        };
        if kept.met {
            return Some(self.tell(What::TwiceRight, None, Some(&row), Vec::new()));
        }
        kept.met = true;
        let fields = differing(self.rules, &kept.row.values, &row.values);
        let what = match fields.is_empty() {
            true => What::Same,
            false => What::Different,
        };
        if what == What::Same && !self.tells_same {
            self.counts.count(what);
            return None;
        }
        // Its place is kept for a second row of the key; the row itself is told now.
        let left = Row {
            key: row.key.clone(),
            values: Vec::new(),
            whole: std::mem::take(&mut kept.row.whole),
        };
        Some(self.tell(what, Some(&left), Some(&row), fields))
    }

    /// The rows that were met on no other side.
    pub(crate) fn finish(mut self) -> Vec<Difference> {
        let rows = std::mem::take(&mut self.rows);
        let alone = rows.into_values().filter(|kept| kept.is_left && !kept.met);
        alone
            .map(|kept| self.tell(What::OnlyLeft, Some(&kept.row), None, Vec::new()))
            .collect()
    }

    fn tell(
        &mut self,
        what: What,
        left: Option<&Row>,
        right: Option<&Row>,
        fields: Vec<FieldDifference>,
    ) -> Difference {
        self.counts.count(what);
        let key = left.or(right).map(|row| row.key.clone());
        Difference {
            key: key.unwrap_or_default(),
            what,
            left: raw(left.map_or("null", |row| &row.whole)),
            right: raw(right.map_or("null", |row| &row.whole)),
            fields,
        }
    }
}

fn differing(rules: &[FieldRule], left: &[String], right: &[String]) -> Vec<FieldDifference> {
    let pairs = rules.iter().zip(left.iter().zip(right));
    pairs
        .filter(|(rule, (left, right))| !is_same(&rule.same, left, right))
        .map(|(rule, (left, right))| FieldDifference {
            field: rule.name.clone(),
            left: raw(left),
            right: raw(right),
        })
        .collect()
}

/// Whether two values, JSON texts, count as the same. A number and a text that holds it are the same: what a database
/// gives as a number comes as a text from many an interface.
fn is_same(same: &Same, left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let (left, right) = (plain(left), plain(right));
    match same {
        Same::IgnoringCase => left.trim().to_lowercase() == right.trim().to_lowercase(),
        Same::Equal => {
            left == right
                || matches!((decimal(&left), decimal(&right)), (Some(left), Some(right)) if left == right)
        }
        Same::Within(tolerance) => {
            matches!((decimal(&left), decimal(&right)), (Some(left), Some(right)) if (&left - &right).abs() <= *tolerance)
        }
    }
}

/// The letters of a JSON text; anything else as it is written.
fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

fn decimal(text: &str) -> Option<BigDecimal> {
    let is_plain = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-';
    // Without an exponent, which could ask for any amount of memory.
    (text.len() <= DECIMAL && text.chars().all(is_plain))
        .then(|| BigDecimal::from_str(text).ok())
        .flatten()
}

/// What is JSON already.
fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests;
