//! `text.*`: prefixes and paddings of ids, as one system has them and another has not.

use cel::common::value::CowVal;
use tombolo_kernel::limits;

use super::{Arguments, Declared, Outcome, texts};

pub(super) const FUNCTIONS: &[Declared] = &[
    ("text.with_prefix", 2, with_prefix),
    ("text.without_prefix", 2, without_prefix),
    ("text.pad_left", 3, pad_left),
];

/// `text.with_prefix('17', 'C-')` is `C-17`, and stays so.
fn with_prefix<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "text.with_prefix",
        values: &values,
    };
    let (text, prefix) = (arguments.text_or_number(0)?, arguments.text(1)?);
    Ok(texts(if text.starts_with(prefix) {
        text
    } else {
        format!("{prefix}{text}")
    }))
}

/// `text.without_prefix('C-17', 'C-')` is `17`. A text without it is refused: it is no id of that kind.
fn without_prefix<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "text.without_prefix",
        values: &values,
    };
    let (text, prefix) = (arguments.text_or_number(0)?, arguments.text(1)?);
    match text.strip_prefix(prefix) {
        Some(rest) => Ok(texts(rest.to_owned())),
        None => Err(arguments.unfit(&text, &format!("a text that begins with \"{prefix}\""))),
    }
}

/// `text.pad_left('17', 6, '0')` is `000017`. A longer text is refused: cut, it would be another id.
fn pad_left<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "text.pad_left",
        values: &values,
    };
    let text = arguments.text_or_number(0)?;
    let most = i64::try_from(limits::EVENT_NAME).unwrap_or(i64::MAX);
    let width = usize::try_from(arguments.whole(1, most)?).unwrap_or(0);
    let fill = arguments.text(2)?;
    let mut letters = fill.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return Err(arguments.unfit(fill, "one letter to pad with"));
    };
    let there = text.chars().count();
    if there > width {
        return Err(arguments.unfit(&text, &format!("at most {width} letters")));
    }
    let padding: String = std::iter::repeat_n(letter, width - there).collect();
    Ok(texts(format!("{padding}{text}")))
}
