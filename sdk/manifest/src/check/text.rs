//! Texts that people will read, and names that people will type.

use super::Report;
use crate::names;

/// Longest reason or summary, characters.
const SENTENCE: usize = 500;

/// A text as it can be shown: one line, nothing invisible, in backticks.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    format!("`{shown}`")
}

/// A sentence for the reviewer or operator.
pub(super) fn sentence(text: &str, what: &str, report: &mut Report) {
    report.require(!text.trim().is_empty(), || {
        format!("found an empty {what}, expected a sentence: the reviewer decides by what it says")
    });
    let length = text.chars().count();
    report.require(length <= SENTENCE, || {
        format!("found a {what} of {length} characters, expected at most {SENTENCE}")
    });
    if let Some(hidden) = text.chars().find(|character| is_hidden(*character)) {
        report.wrong(format!(
            "found the invisible character {} in the {what}, expected plain text in one line",
            hidden.escape_unicode()
        ));
    }
}

/// A connection, key, hook or feed.
pub(super) fn name(text: &str, what: &str, report: &mut Report) {
    report.require(names::is_name(text), || {
        format!(
            "found the {what} {}, expected lower case ASCII letters, digits and `-`, beginning with a letter, at most {} characters",
            quoted(text),
            names::NAME
        )
    });
}

/// An action or statement.
pub(super) fn dotted(text: &str, what: &str, report: &mut Report) {
    report.require(names::is_dotted(text), || {
        format!(
            "found the {what} {}, expected lower case names joined by dots, such as `item.stock`",
            quoted(text)
        )
    });
}

/// Control characters, and those that reorder or hide what stands beside them (Unicode bidi controls, zero width).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
        || ('\u{e0000}'..='\u{e007f}').contains(&character)
}
