//! `:name` parameters: found in a statement's text without being fooled by strings, quoted names, comments and
//! casts, and rewritten into the form the database takes. Pure.
//!
//! Text that two readers could read differently (comments that a server executes, parameters of the database's own
//! form) is refused, so that what the reviewer read is what runs.

use std::ops::Range;

use super::Dialect;

/// A statement ready to be prepared by its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    /// With `$1`, `?1` or `?`.
    pub(super) text: String,
    /// Names, each once.
    pub(super) names: Vec<String>,
    /// For `?`: which name each stands for; for numbered forms one of each.
    pub(super) order: Vec<usize>,
    /// Where each stands in `text`.
    places: Vec<Range<usize>>,
}

/// Finds and rewrites the parameters; the error says what was found and what is expected.
pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Parsed, String> {
    let mut reader = Reader {
        text,
        at: 0,
        dialect,
    };
    let mut out = Parsed {
        text: String::with_capacity(text.len()),
        names: Vec::new(),
        order: Vec::new(),
        places: Vec::new(),
    };
    while reader.at < text.len() {
        let start = reader.at;
        match reader.next()? {
            Piece::Plain => out.text.push_str(&text[start..reader.at]),
            // A comment is a space to the database; leaving it out leaves nothing to disagree on.
            Piece::Comment => out.text.push(' '),
            Piece::Parameter(name) => out.parameter(name, dialect),
        }
    }
    let kept = out
        .text
        .trim_end_matches(|c: char| c == ';' || c.is_whitespace())
        .len();
    out.text.truncate(kept);
    if dialect != Dialect::MySql {
        out.order = (0..out.names.len()).collect();
    }
    Ok(out)
}

impl Parsed {
    fn parameter(&mut self, name: &str, dialect: Dialect) {
        let index = self
            .names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            });
        self.order.push(index);
        let start = self.text.len();
        match dialect {
            Dialect::Postgres => self.text.push_str(&format!("${}", index + 1)),
            Dialect::Sqlite => self.text.push_str(&format!("?{}", index + 1)),
            Dialect::MySql => self.text.push('?'),
        }
        self.places.push(start..self.text.len());
    }

    /// The text with each numbered parameter written anew: `write` gets its index and what stands there.
    pub(super) fn rewritten(&self, write: impl Fn(usize, &str) -> String) -> String {
        let mut out = String::with_capacity(self.text.len() + self.places.len() * 16);
        let mut rest = 0;
        for place in &self.places {
            out.push_str(&self.text[rest..place.start]);
            let mark = &self.text[place.clone()];
            let index = mark
                .trim_start_matches(['$', '?'])
                .parse::<usize>()
                .unwrap_or(1)
                - 1;
            out.push_str(&write(index, mark));
            rest = place.end;
        }
        out.push_str(&self.text[rest..]);
        out
    }
}

enum Piece<'a> {
    Plain,
    Comment,
    Parameter(&'a str),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Piece<'a>, String> {
        let rest = &self.text[self.at..];
        let mysql = self.dialect == Dialect::MySql;
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            'u' | 'U'
                if self.dialect == Dialect::Postgres
                    && rest[1..].starts_with("&'") | rest[1..].starts_with("&\"")
                    && !self.follows_name() =>
            {
                Err("a name or text with Unicode escapes (`U&`), which is not what it looks like; write its characters".into())
            }
            '\'' => self.quoted('\'', mysql || self.is_escape_string()),
            '"' => self.quoted('"', mysql),
            '`' if self.dialect != Dialect::Postgres => self.quoted('`', false),
            '[' if self.dialect == Dialect::Sqlite => self.quoted(']', false),
            '-' if rest.starts_with("--")
                && (!mysql || rest[2..].chars().next().is_none_or(char::is_whitespace)) =>
            {
                Ok(self.line_comment())
            }
            '#' if mysql => Ok(self.line_comment()),
            '/' if rest.starts_with("/*") => self.block_comment(),
            '$' if self.dialect == Dialect::Postgres && !self.follows_name() => self.dollar(),
            '?' if self.dialect != Dialect::Postgres => {
                Err("a bare `?`; write parameters as :name".into())
            }
            '$' | '@' if self.dialect == Dialect::Sqlite && !self.follows_name() => Err(format!(
                "a parameter that begins with `{first}`; write parameters as :name"
            )),
            ':' => self.colon(),
            _ => {
                self.at += first.len_utf8();
                Ok(Piece::Plain)
            }
        }
    }

    /// Whether the byte before is part of a name: `a$b`, `E'...'`.
    fn follows_name(&self) -> bool {
        self.text[..self.at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$'))
    }

    /// PostgreSQL's `E'...'`, where a backslash escapes.
    fn is_escape_string(&self) -> bool {
        let before = &self.text[..self.at];
        let word = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        self.dialect == Dialect::Postgres && before[word.len()..].eq_ignore_ascii_case("e")
    }

    fn quoted(&mut self, close: char, backslash: bool) -> Result<Piece<'a>, String> {
        let mut characters = self.text[self.at..].char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            if character == '\\' && backslash {
                characters.next();
            } else if character == close {
                if characters.peek().is_some_and(|(_, next)| *next == close) && close != ']' {
                    characters.next();
                } else {
                    self.at += offset + 1;
                    return Ok(Piece::Plain);
                }
            }
        }
        Err(format!(
            "a quotation that does not end; expected a closing `{close}`"
        ))
    }

    fn line_comment(&mut self) -> Piece<'a> {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').unwrap_or(rest.len());
        Piece::Comment
    }

    fn block_comment(&mut self) -> Result<Piece<'a>, String> {
        let rest = &self.text[self.at..];
        if self.dialect == Dialect::MySql
            && (rest.starts_with("/*!") || rest.starts_with("/*M!") || rest.starts_with("/*+"))
        {
            return Err(
                "a comment that the server executes (`/*!`, `/*+`); write it as plain SQL".into(),
            );
        }
        let (mut depth, mut offset) = (0usize, 0);
        while let Some(next) = rest[offset..].find(['/', '*']).map(|found| offset + found) {
            if rest[next..].starts_with("*/") {
                depth -= 1;
                offset = next + 2;
                if depth == 0 {
                    self.at += offset;
                    return Ok(Piece::Comment);
                }
            } else if rest[next..].starts_with("/*")
                && (depth == 0 || self.dialect == Dialect::Postgres)
            {
                depth += 1;
                offset = next + 2;
            } else {
                offset = next + 1;
            }
        }
        Err("a comment that does not end; expected `*/`".into())
    }

    /// `$tag$ ... $tag$`.
    fn dollar(&mut self) -> Result<Piece<'a>, String> {
        let rest = &self.text[self.at..];
        let tag_end = rest[1..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(rest.len(), |end| end + 1);
        if !rest[tag_end..].starts_with('$') {
            return Err("a parameter that begins with `$`; write parameters as :name".into());
        }
        let tag = &rest[..=tag_end];
        let close = rest[tag.len()..]
            .find(tag)
            .ok_or_else(|| format!("a quotation that does not end; expected a closing `{tag}`"))?;
        self.at += tag.len() + close + tag.len();
        Ok(Piece::Plain)
    }

    fn colon(&mut self) -> Result<Piece<'a>, String> {
        let rest = &self.text[self.at..];
        if rest.starts_with("::") {
            self.at += 2;
            return Ok(Piece::Plain);
        }
        if rest.starts_with(":=") {
            return Err("an assignment (`:=`), which outlives the statement; compute the value in the statement".into());
        }
        let name = rest[1..]
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()
            .unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            return Ok(Piece::Plain);
        }
        self.at += 1 + name.len();
        Ok(Piece::Parameter(name))
    }
}
