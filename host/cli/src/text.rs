//! Foreign text made harmless before it reaches a terminal: names, questions, error messages and log lines were
//! written by vendors, senders and systems. Nothing here changes what machines read apart from spelling.

use std::borrow::Cow;
use std::fmt::Write;

/// One line of text in which every character that can move the cursor, colour the screen or make text read in
/// another order is spelled out: `\n`, `\u{1b}`. The reviewer's sentences are made harmless by the same function.
pub(crate) use tombolo_kernel::grant::printable as harmless;

fn is_harmful(character: char) -> bool {
    let mut buffer = [0; 4];
    let text: &str = character.encode_utf8(&mut buffer);
    !character.is_ascii_graphic() && character != ' ' && harmless(text) != text
}

/// Text of several lines, each made harmless; the line breaks stay.
pub(crate) fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// JSON for people and machines: indented, and harmful characters as `\uXXXX`, which means the same to a parser.
pub(crate) fn json(value: &serde_json::Value) -> String {
    spelled_out(&format!("{value:#}"))
}

/// The same in one line.
pub(crate) fn json_line(value: &serde_json::Value) -> String {
    spelled_out(&value.to_string())
}

fn spelled_out(plain: &str) -> String {
    let mut safe = String::with_capacity(plain.len());
    for character in plain.chars() {
        if character != '\n' && is_harmful(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// At most `most` characters, the cut marked.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(
            text.chars()
                .take(most.saturating_sub(1))
                .chain(['…'])
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_bidirectional_marks_are_spelled_out_and_other_scripts_stay() {
        let table = [
            ("plain", "plain"),
            ("仓库 ERP, Größe, 日本", "仓库 ERP, Größe, 日本"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("two\nlines\r", "two\\nlines\\r"),
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ];
        for (foreign, shown) in table {
            assert_eq!(harmless(foreign), shown);
        }
    }

    #[test]
    fn json_keeps_its_meaning_when_made_harmless() {
        let value = serde_json::json!({"name": "a\u{1b}\u{202e}\u{e0041}b\nc", "仓库": 1});
        let shown = json(&value);
        assert!(
            !shown
                .chars()
                .any(|character| character != '\n' && is_harmful(character)),
            "{shown}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).ok(),
            Some(value)
        );
    }

    #[test]
    fn long_text_is_cut_with_a_mark_and_short_text_is_not() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 5), "long…");
    }
}
