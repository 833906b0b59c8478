//! Takes hidden fields out of JSON text and masks others. What no rule means is copied byte for byte, so a number
//! keeps its digits.

use std::borrow::Cow;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{FieldRules, Mask, Withheld};
use crate::limits;

/// Rules made ready.
#[derive(Debug, Clone)]
pub struct FieldFilter {
    rules: FieldRules,
    hide: Vec<Path>,
    mask: Vec<(Path, Mask)>,
    matching: Vec<Regex>,
}

/// Why rules cannot be used, or a text not be filtered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A path that names nothing.
    #[error("`{0}` is no path of fields; expected names joined by dots, such as customer.phone")]
    Path(String),
    /// A pattern that is no regular expression.
    #[error("`{pattern}` is no regular expression: {problem}")]
    Pattern {
        /// As found.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
    /// Too many.
    #[error("{found} rules for fields, expected at most {}", limits::FIELD_RULES)]
    TooMany {
        /// How many.
        found: usize,
    },
    /// What is to be filtered is not JSON.
    #[error("found {0}, expected JSON")]
    Json(String),
    /// What is to be filtered is nested too deeply.
    #[error(
        "found JSON nested deeper than {}, expected at most that",
        limits::JSON_DEPTH
    )]
    Depth,
}

/// Names, plain, last first; none is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path {
    shown: String,
    names: Vec<Option<String>>,
}

/// What a rule says of the value at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict<'r> {
    Open,
    Hidden(&'r str),
    Masked(&'r str, Mask),
}

impl FieldFilter {
    /// Makes rules ready.
    ///
    /// # Errors
    /// A path or pattern that cannot be used, or too many.
    pub fn new(rules: &FieldRules) -> Result<Self, FieldsError> {
        let found = rules.hide.len() + rules.mask.len() + rules.mask_matching.len();
        if found > limits::FIELD_RULES {
            return Err(FieldsError::TooMany { found });
        }
        let mask = |(path, mask): (&String, &Mask)| Ok((Path::parse(path)?, *mask));
        Ok(Self {
            rules: rules.clone(),
            hide: rules
                .hide
                .iter()
                .map(|path| Path::parse(path))
                .collect::<Result<_, _>>()?,
            mask: rules.mask.iter().map(mask).collect::<Result<_, _>>()?,
            matching: rules
                .mask_matching
                .iter()
                .map(|pattern| regex(pattern))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether it keeps back the same.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.rules == other.rules
    }

    /// The text without hidden fields and with masks.
    ///
    /// # Errors
    /// It is not JSON, or nested too deeply.
    pub fn apply(&self, text: &str) -> Result<String, FieldsError> {
        let mut out = String::with_capacity(text.len());
        self.value(text.trim(), None, &mut Vec::new(), 0, &mut out)?;
        Ok(out)
    }

    /// Values of these rules' fields anywhere in these JSON texts.
    #[must_use]
    pub fn withheld<'s>(&self, sources: impl IntoIterator<Item = &'s str>) -> Withheld {
        let mut withheld = Withheld::default();
        for source in sources {
            let looked = self.look(source.trim(), &mut Vec::new(), 0, None, &mut withheld);
            if looked.is_err() {
                withheld.unread = true;
            }
        }
        withheld
    }

    pub(super) fn verdict(&self, names: &[String]) -> Verdict<'_> {
        if let Some(path) = self.hide.iter().find(|path| path.means(names)) {
            return Verdict::Hidden(&path.shown);
        }
        let mut masks = self.mask.iter().filter(|(path, _)| path.means(names));
        match masks.next() {
            None => Verdict::Open,
            // Two rules that mean the same place and differ: nothing stays.
            Some((path, mask)) if masks.all(|(_, other)| other == mask) => {
                Verdict::Masked(&path.shown, *mask)
            }
            Some((path, _)) => Verdict::Masked(&path.shown, Mask::All),
        }
    }

    /// `mask` is that of a field around the value; it goes before those of fields inside.
    fn value(
        &self,
        raw: &str,
        mask: Option<Mask>,
        names: &mut Vec<String>,
        depth: usize,
        out: &mut String,
    ) -> Result<(), FieldsError> {
        match raw.as_bytes().first() {
            Some(b'{') => {
                out.push('{');
                let mut first = true;
                for (name, value) in members(raw, depth)? {
                    names.push(plain(&name));
                    let mask = match self.verdict(names) {
                        Verdict::Hidden(_) => {
                            names.pop();
                            continue;
                        }
                        Verdict::Masked(_, inside) => mask.or(Some(inside)),
                        Verdict::Open => mask,
                    };
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    push_text(&name, out);
                    out.push(':');
                    self.value(value.get(), mask, names, depth + 1, out)?;
                    names.pop();
                }
                out.push('}');
            }
            Some(b'[') => {
                out.push('[');
                for (index, value) in items(raw, depth)?.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.value(value.get(), mask, names, depth + 1, out)?;
                }
                out.push(']');
            }
            Some(b'"') if mask.is_some() || !self.matching.is_empty() => {
                match self.changed(&text(raw)?, mask) {
                    Some(changed) => push_text(&changed, out),
                    None => out.push_str(raw),
                }
            }
            Some(b'-' | b'0'..=b'9') => match self.changed(raw, mask) {
                Some(changed) => push_text(&changed, out),
                None => out.push_str(raw),
            },
            _ => out.push_str(raw),
        }
        Ok(())
    }

    /// A text or number with its mask, and without what patterns match; nothing where it stays as it is.
    fn changed(&self, text: &str, mask: Option<Mask>) -> Option<String> {
        let masked = mask.map(|mask| mask.apply(text));
        self.without_matches(masked.as_deref().unwrap_or(text))
            .or(masked)
    }

    /// Every letter and digit of what matches becomes an asterisk; nothing where nothing matches.
    fn without_matches(&self, text: &str) -> Option<String> {
        let mut changed: Option<String> = None;
        for pattern in &self.matching {
            let now = changed.as_deref().unwrap_or(text);
            let replaced = pattern.replace_all(now, |found: &regex::Captures<'_>| {
                Mask::All.apply(found.get(0).map_or("", |whole| whole.as_str()))
            });
            if let Cow::Owned(replaced) = replaced {
                changed = Some(replaced);
            }
        }
        changed
    }

    fn look(
        &self,
        raw: &str,
        names: &mut Vec<String>,
        depth: usize,
        kept_back: Option<&str>,
        withheld: &mut Withheld,
    ) -> Result<(), FieldsError> {
        match (raw.as_bytes().first(), kept_back) {
            (Some(b'{'), _) => {
                for (name, value) in members(raw, depth)? {
                    names.push(plain(&name));
                    let rule = match self.verdict(names) {
                        Verdict::Open => kept_back,
                        Verdict::Hidden(rule) | Verdict::Masked(rule, _) => Some(rule),
                    };
                    self.look(value.get(), names, depth + 1, rule, withheld)?;
                    names.pop();
                }
            }
            (Some(b'['), _) => {
                for value in items(raw, depth)? {
                    self.look(value.get(), names, depth + 1, kept_back, withheld)?;
                }
            }
            (Some(b'"'), Some(rule)) => withheld.add(&text(raw)?, rule),
            (Some(b'-' | b'0'..=b'9'), Some(rule)) => withheld.add(raw, rule),
            _ => {}
        }
        Ok(())
    }
}

impl Path {
    fn parse(path: &str) -> Result<Self, FieldsError> {
        let names: Vec<Option<String>> = path
            .split('.')
            .rev()
            .map(|name| (name != "*").then(|| plain(name)))
            .collect();
        let says_nothing = names.iter().all(Option::is_none);
        if says_nothing || names.iter().flatten().any(String::is_empty) {
            return Err(FieldsError::Path(path.to_owned()));
        }
        Ok(Self {
            shown: path.to_owned(),
            names,
        })
    }

    /// Whether the last names are these.
    fn means(&self, names: &[String]) -> bool {
        names.len() >= self.names.len()
            && self
                .names
                .iter()
                .zip(names.iter().rev())
                .all(|(rule, name)| rule.as_ref().is_none_or(|rule| rule == name))
    }
}

/// A name as it is compared: `birth_date`, `Birth-Date` and `birthDate` are one.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn regex(pattern: &str) -> Result<Regex, FieldsError> {
    let refused = |problem: String| FieldsError::Pattern {
        pattern: pattern.to_owned(),
        problem,
    };
    let regex = RegexBuilder::new(pattern)
        .size_limit(limits::FIELD_PATTERN_BYTES)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    if regex.is_match("") {
        return Err(refused("it matches the empty text".to_owned()));
    }
    Ok(regex)
}

/// The members of an object in their order, all of those with the same name.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Self)
    }
}

fn members(raw: &str, depth: usize) -> Result<Vec<(String, &RawValue)>, FieldsError> {
    bounded(depth)?;
    serde_json::from_str::<Members<'_>>(raw)
        .map(|members| members.0)
        .map_err(|error| FieldsError::Json(error.to_string()))
}

fn items(raw: &str, depth: usize) -> Result<Vec<&RawValue>, FieldsError> {
    bounded(depth)?;
    serde_json::from_str(raw).map_err(|error| FieldsError::Json(error.to_string()))
}

pub(super) fn text(raw: &str) -> Result<String, FieldsError> {
    serde_json::from_str(raw).map_err(|error| FieldsError::Json(error.to_string()))
}

fn bounded(depth: usize) -> Result<(), FieldsError> {
    if depth >= limits::JSON_DEPTH {
        return Err(FieldsError::Depth);
    }
    Ok(())
}

/// A text as JSON.
fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
