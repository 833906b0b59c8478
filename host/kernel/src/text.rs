//! Text that others wrote, made harmless for logs and terminals: bounded, one line, nothing a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write;

/// The longest prefix of whole characters within `most` bytes.
#[must_use]
pub fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Escapes control characters (line breaks too), and the characters that turn the direction of text around.
#[must_use]
pub fn cleaned(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_harmful(character) {
            // Writing to a string cannot fail.
            let _ = write!(cleaned, "{}", character.escape_unicode());
        } else {
            cleaned.push(character);
        }
    }
    Cow::Owned(cleaned)
}

fn is_harmful(character: char) -> bool {
    // Unicode Standard Annex 9: the explicit formatting characters, and line and paragraph separators.
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let cases = [
            ("plain, größer", "plain, größer"),
            ("a\nb", "a\\u{a}b"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{202e}evil", "\\u{202e}evil"),
        ];
        for (text, expected) in cases {
            assert_eq!(cleaned(text), expected);
        }
    }

    #[test]
    fn a_cut_keeps_whole_characters() {
        for (text, most, expected) in [
            ("äöü", 3, "ä"),
            ("abc", 3, "abc"),
            ("abc", 9, "abc"),
            ("ä", 1, ""),
        ] {
            assert_eq!(cut(text, most), expected);
        }
    }
}
