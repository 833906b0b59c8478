//! Which requests an `allow` line lets through: `GET /orders/{id}/lines`, `POST /files/*`.
//!
//! The host checks every request with this and an SDK's in-memory host does the same, so a vendor's test and the
//! running system agree. Matching compares bytes as they will be sent: nothing is decoded, folded or normalized,
//! and a path that servers are known to read in more than one way is refused before any pattern sees it
//! ([`check_path`]).

mod path;
mod topic;

pub use path::{PathProblem, check_path};
pub use topic::{TopicPattern, check_topic};

use std::fmt;
use std::str::FromStr;

/// Methods that a request may have.
pub const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Longest pattern, bytes.
pub const PATTERN_BYTES: usize = 1_024;

/// One `allow` line, ready for matching. `Display` gives the text it was read from.
///
/// `{name}` and an inner `*` stand for exactly one segment that is not empty. A last `*` stands for one or more
/// segments, of which the first is not empty. `Orders({key})` stands for one segment that begins and ends so, with
/// something in between: OData writes keys that way. Everything else stands for itself, upper and lower case apart, a
/// slash at the end included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPattern {
    method: Option<&'static str>,
    segments: Vec<Segment>,
    text: String,
    /// Bytes of `text` where the path begins, and of what stands for itself from there on: most paths differ in it.
    literal: std::ops::Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exactly(Box<str>),
    One,
    /// Begins with the one, ends with the other, and has something in between.
    Around(Box<str>, Box<str>),
    Rest,
}

/// Why a text is not a pattern: found, expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternProblem(pub String);

impl HttpPattern {
    /// Whether a request with this method and path may leave. A path that fails [`check_path`] matches nothing.
    #[must_use]
    pub fn allows(&self, method: &str, path: &str) -> bool {
        self.method.is_none_or(|own| own == method)
            && check_path(path).is_ok()
            && self.matches_checked(path)
    }

    /// Like [`HttpPattern::allows`], for a path that passed [`check_path`] just now.
    #[must_use]
    pub fn allows_checked(&self, method: &str, path: &str) -> bool {
        self.method.is_none_or(|own| own == method) && self.matches_checked(path)
    }

    /// Whether it lets through all that `other` does.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if self.method.is_some() && self.method != other.method {
            return false;
        }
        let mut inner = other.segments.iter();
        for segment in &self.segments {
            let within = match (segment, inner.next()) {
                (Segment::Rest, Some(found)) => return found.is_never_empty(),
                (Segment::Exactly(text), Some(Segment::Exactly(found))) => text == found,
                (Segment::Around(prefix, suffix), Some(Segment::Exactly(found))) => {
                    is_around(prefix, suffix, found)
                }
                (Segment::Around(prefix, suffix), Some(Segment::Around(begin, end))) => {
                    begin.starts_with(&**prefix) && end.ends_with(&**suffix)
                }
                (Segment::One, Some(found)) => *found != Segment::Rest && found.is_never_empty(),
                _ => false,
            };
            if !within {
                return false;
            }
        }
        inner.next().is_none()
    }

    /// The method, or nothing for `*`.
    #[must_use]
    pub fn method(&self) -> Option<&'static str> {
        self.method
    }

    fn matches_checked(&self, path: &str) -> bool {
        if !path.starts_with(&self.text[self.literal.clone()]) {
            return false;
        }
        let Some(path) = path.strip_prefix('/') else {
            return false;
        };
        let mut found = path.split('/');
        for segment in &self.segments {
            let Some(part) = found.next() else {
                return false;
            };
            match segment {
                Segment::Exactly(text) if **text == *part => {}
                Segment::One if !part.is_empty() => {}
                Segment::Around(prefix, suffix) if is_around(prefix, suffix, part) => {}
                Segment::Rest => return !part.is_empty(),
                Segment::Exactly(_) | Segment::One | Segment::Around(..) => return false,
            }
        }
        found.next().is_none()
    }
}

impl Segment {
    fn is_never_empty(&self) -> bool {
        !matches!(self, Self::Exactly(text) if text.is_empty())
    }
}

impl fmt::Display for HttpPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for HttpPattern {
    type Err = PatternProblem;

    fn from_str(text: &str) -> Result<Self, PatternProblem> {
        if text.len() > PATTERN_BYTES {
            return Err(PatternProblem(format!(
                "found a pattern of {} bytes, expected at most {PATTERN_BYTES}",
                text.len()
            )));
        }
        let wrong = |problem: String| {
            PatternProblem(format!(
                "`{}`: {problem}; a pattern is `METHOD /path/{{variable}}/*`",
                text.escape_debug()
            ))
        };
        let (method, path) = text
            .split_once(' ')
            .ok_or_else(|| wrong("found no space between a method and a path".into()))?;
        let method = parse_method(method).map_err(wrong)?;
        let inner = path
            .strip_prefix('/')
            .ok_or_else(|| wrong("found a path that does not begin with `/`, expected one below the connection's base".into()))?;
        let parts: Vec<&str> = inner.split('/').collect();
        let last = parts.len() - 1;
        let segments = parts
            .iter()
            .enumerate()
            .map(|(index, part)| parse_segment(part, index == last))
            .collect::<Result<Vec<Segment>, _>>()
            .map_err(wrong)?;
        let begin = text.len() - path.len();
        let literal = begin..begin + literal_bytes(&segments, path.len());
        Ok(Self {
            method,
            segments,
            text: text.to_owned(),
            literal,
        })
    }
}

/// Bytes of a path, of `whole`, before its first variable: `/orders/` of `/orders/{id}`.
fn literal_bytes(segments: &[Segment], whole: usize) -> usize {
    let mut bytes = 1;
    for segment in segments {
        match segment {
            Segment::Exactly(text) => bytes += text.len() + 1,
            Segment::One | Segment::Around(..) | Segment::Rest => return bytes,
        }
    }
    whole
}

fn parse_method(text: &str) -> Result<Option<&'static str>, String> {
    if text == "*" {
        return Ok(None);
    }
    METHODS
        .iter()
        .find(|known| **known == text)
        .map(|known| Some(*known))
        .ok_or_else(|| {
            format!(
                "found the method `{}`, expected one of {} or `*`",
                text.escape_debug(),
                METHODS.join(", ")
            )
        })
}

fn parse_segment(part: &str, last: bool) -> Result<Segment, String> {
    if part == "*" {
        return Ok(if last { Segment::Rest } else { Segment::One });
    }
    if part.is_empty() {
        let problem = "found two slashes side by side, expected a segment between them";
        return if last {
            Ok(Segment::Exactly("".into()))
        } else {
            Err(problem.into())
        };
    }
    if let Some(name) = part
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        let letters = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        return if letters && !name.is_empty() {
            Ok(Segment::One)
        } else {
            Err(format!(
                "found the variable `{}`, expected letters, digits, `-` and `_` in the braces",
                part.escape_debug()
            ))
        };
    }
    if let Some((prefix, suffix)) = around(part) {
        for side in [prefix, suffix] {
            path::check_segment(side).map_err(|problem| problem.to_string())?;
        }
        return Ok(Segment::Around(prefix.into(), suffix.into()));
    }
    if part.contains(['{', '}', '*']) {
        return Err(format!(
            "found `{}`, expected a variable or `*` to be a whole segment, or one variable in brackets: `{{name}}`, `orders({{name}})`",
            part.escape_debug()
        ));
    }
    path::check_segment(part).map_err(|problem| problem.to_string())?;
    Ok(Segment::Exactly(part.into()))
}

/// What stands before and after the variable of `orders({key})`. Brackets alone end a name on every server: `a{x}` would
/// let `account-delete` through where `a` followed by a number was meant.
fn around(part: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = part.split_once('{')?;
    let (name, suffix) = rest.split_once('}')?;
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let plain = !prefix.contains(['}', '*']) && !suffix.contains(['{', '}', '*']);
    let is_named = prefix.len() > 1 && prefix.ends_with('(') && suffix.starts_with(')');
    (letters && !name.is_empty() && plain && is_named).then_some((prefix, suffix))
}

/// To servers that cut parameters off, `orders(7;x)` is `orders(7`.
fn is_around(prefix: &str, suffix: &str, part: &str) -> bool {
    part.len() > prefix.len() + suffix.len()
        && part.starts_with(prefix)
        && part.ends_with(suffix)
        && path::before_parameters(part.as_bytes()).len() == part.len()
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
