//! `text.*`: prefixes and paddings of ids, as one system has them and another has not.

use cel::common::value::CowVal;
use tombolo_kernel::limits;

use super::{Arguments, Declared, Outcome, texts};

pub(super) const FUNCTIONS: &[Declared] = &[
    ("text.with_prefix", 2, with_prefix),
    ("text.without_prefix", 2, without_prefix),
    ("text.pad_left", 3, pad_left),
    ("text.first", 2, first),
];

/// Bytes that a compiled pattern may take.
const PATTERN: usize = 1 << 20;

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

/// `text.first('where is order S-42?', 'order ([A-Z0-9-]+)')` is `S-42`: the first group of the first match, the whole match
/// where the pattern has no group, an empty text where nothing matches. Patterns are those of the `regex` crate, in time
/// linear in the text.
fn first<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let arguments = Arguments {
        function: "text.first",
        values: &values,
    };
    let (text, pattern) = (arguments.text_or_number(0)?, arguments.text(1)?);
    let pattern = regex::RegexBuilder::new(pattern)
        .size_limit(PATTERN)
        .build()
        .map_err(|error| arguments.unfit(pattern, &format!("a regular expression: {error}")))?;
    let found = pattern.captures(&text).and_then(|found| {
        let group = found.iter().flatten().nth(1);
        group.or_else(|| found.get(0).filter(|_| pattern.captures_len() == 1))
    });
    Ok(texts(found.map_or("", |found| found.as_str()).to_owned()))
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
