//! Which option somebody meant: by a reaction, or in words. What could mean something else is no answer.

use crate::question::Question;

impl Question {
    /// By a reaction's key: the option's own, its number, or its words.
    pub(crate) fn by_reaction(&self, key: &str) -> Option<&str> {
        let key = plain(key);
        let own = self.keys.iter().position(|own| plain(own) == key);
        let index = own.or_else(|| self.options.iter().position(|option| is_same(option, &key)));
        index
            .or_else(|| self.numbered(&key))
            .and_then(|index| self.options.get(index))
            .map(String::as_str)
    }

    /// By words: `approve`, `Approve!`, `2`, `reject: too dear`. With what follows the option as comment.
    pub(crate) fn by_words<'a>(&self, text: &'a str) -> Option<(&str, Option<&'a str>)> {
        let text = text.trim();
        let mut options: Vec<&String> = self.options.iter().collect();
        options.sort_by_key(|option| std::cmp::Reverse(option.len()));
        for option in options {
            if let Some(rest) = after(text, option)
                && let Some(comment) = comment(rest)
            {
                return Some((option.as_str(), comment));
            }
        }
        for (index, key) in self.keys.iter().enumerate() {
            if let Some(comment) = after(text, key).and_then(comment) {
                return Some((self.options.get(index)?.as_str(), comment));
            }
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let index = self.numbered(&text[..digits])?;
        Some((self.options[index].as_str(), comment(&text[digits..])?))
    }

    fn numbered(&self, text: &str) -> Option<usize> {
        let index = text.parse::<usize>().ok()?.checked_sub(1)?;
        (index < self.options.len()).then_some(index)
    }
}

/// A key without what makes it look like a button or a hand of some colour: keyboards differ in that.
fn plain(key: &str) -> String {
    let is_look = |c: &char| !matches!(c, '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}');
    key.trim().chars().filter(is_look).collect()
}

fn is_same(one: &str, other: &str) -> bool {
    after(one, other) == Some("")
}

/// What follows `start` in `text`, upper and lower case being one.
fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in start.trim().chars() {
        let found = rest.next()?;
        if found != expected && !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// What is written beside an option, if the option is set apart from it: `approve the other one` may mean something else,
/// and `approve?` asks.
fn comment(rest: &str) -> Option<Option<&str>> {
    const APART: &[char] = &[
        '.', ',', ';', ':', '!', ')', '-', '\u{2013}', '\u{2014}', '\u{3002}', '\u{ff0c}',
        '\u{ff01}', '\u{ff1a}',
    ];
    let words = rest.trim_start_matches(|c: char| APART.contains(&c) || c.is_whitespace());
    let between = &rest[..rest.len() - words.len()];
    if words.is_empty() {
        return Some(None);
    }
    let ends_apart = between.ends_with(char::is_whitespace) || !between.is_ascii();
    let is_apart = between.contains(APART) || between.contains('\n');
    (ends_apart && is_apart && words.contains(char::is_alphanumeric)).then_some(Some(words))
}
