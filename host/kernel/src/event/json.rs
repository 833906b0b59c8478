//! Checks JSON text without building anything from it: grammar (RFC 8259), size, depth, and that every string is
//! one that can be read. What passes can be parsed later without surprises of nesting or lone surrogates.

use serde::de::IgnoredAny;

/// Why a JSON text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// Too long.
    #[error("found {found} bytes of JSON, expected at most {most}")]
    TooLong {
        /// Bytes.
        found: usize,
        /// Bytes.
        most: usize,
    },
    /// Too deep.
    #[error("found JSON nested deeper than {most}, expected at most that")]
    TooDeep {
        /// Arrays and objects inside each other.
        most: usize,
    },
    /// A string that is no text.
    #[error(
        "found half of a surrogate pair (`\\ud800` to `\\udfff` alone) at byte {at}, expected whole characters"
    )]
    LoneSurrogate {
        /// Offset in bytes.
        at: usize,
    },
    /// Not JSON.
    #[error("found {0}, expected JSON")]
    Malformed(String),
}

/// Checks a text that is known to be JSON, such as a `RawValue`'s: size, depth, surrogates. Allocates nothing.
///
/// # Errors
/// The first thing wrong.
pub fn check(text: &str, most_bytes: usize, most_depth: usize) -> Result<(), JsonProblem> {
    if text.len() > most_bytes {
        return Err(JsonProblem::TooLong {
            found: text.len(),
            most: most_bytes,
        });
    }
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at + 1)?;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > most_depth {
                    return Err(JsonProblem::TooDeep { most: most_depth });
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Checks any text: [`check`], and before it that it is JSON at all.
///
/// # Errors
/// The first thing wrong.
pub fn check_untrusted(
    text: &str,
    most_bytes: usize,
    most_depth: usize,
) -> Result<(), JsonProblem> {
    check(text, most_bytes, most_depth)?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| JsonProblem::Malformed(error.to_string()))
}

/// The offset after the quote that ends the string which `at` is inside of.
fn skip_string(bytes: &[u8], mut at: usize) -> Result<usize, JsonProblem> {
    let mut high_surrogate = None;
    loop {
        let plain = bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| **byte != b'"' && **byte != b'\\')
            .count();
        if plain > 0 && high_surrogate.is_some() {
            return Err(JsonProblem::LoneSurrogate { at });
        }
        at += plain;
        match (bytes.get(at), high_surrogate) {
            (Some(b'\\'), half) => {
                let unit = surrogate(bytes, at);
                high_surrogate = match (half, unit) {
                    (None, Some(unit)) if unit < 0xdc00 => Some(unit),
                    (Some(_), Some(unit)) if unit >= 0xdc00 => None,
                    (None, None) => None,
                    _ => return Err(JsonProblem::LoneSurrogate { at }),
                };
                at += if unit.is_some() { 6 } else { 2 };
            }
            (_, Some(_)) => return Err(JsonProblem::LoneSurrogate { at }),
            (Some(_), None) => return Ok(at + 1),
            (None, None) => return Ok(at),
        }
    }
}

/// The surrogate that the escape at `at` spells, if it does.
fn surrogate(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes
        .get(at + 2..at + 6)
        .filter(|_| bytes.get(at + 1) == Some(&b'u'))?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}
