//! Text and paths with holes.

use std::borrow::Cow;

use super::Values;
use crate::json::{self, Pointers, push_string};
use crate::{Failure, http};

/// A text with holes.
#[derive(Debug, Clone)]
pub struct TextTemplate {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    Hole(Hole),
}

/// One `{...}`.
#[derive(Debug, Clone)]
pub(super) struct Hole {
    /// As written, without the question mark.
    name: String,
    source: Source,
    optional: bool,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// A slot of the pointers.
    Input(usize),
    IdempotencyKey,
}

impl Hole {
    fn compile(inside: &str, pointers: &mut Pointers) -> Result<Self, String> {
        let (name, optional) = match inside.strip_suffix('?') {
            Some(name) => (name, true),
            None => (inside, false),
        };
        let source = match name {
            "" => {
                return Err(
                    "`{}` is empty; expected the name of an input field, or `{{` for a brace"
                        .to_owned(),
                );
            }
            "idempotency-key" => Source::IdempotencyKey,
            pointer if pointer.starts_with('/') => Source::Input(pointers.add(pointer)?),
            field => Source::Input(pointers.add_member(field)),
        };
        Ok(Self {
            name: name.to_owned(),
            source,
            optional,
        })
    }

    /// Where the input has it, as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        if self.name.starts_with('/') {
            self.name.clone()
        } else {
            format!("/{}", self.name)
        }
    }

    /// The value as JSON text; `None` where it is left out.
    pub(super) fn raw<'a>(&self, values: Values<'a>) -> Result<Option<Cow<'a, str>>, Failure> {
        match self.source {
            Source::Input(slot) => match values.found.get(slot) {
                Some(raw) => Ok(Some(Cow::Borrowed(raw))),
                None if self.optional => Ok(None),
                None => Err(Failure::invalid_input(
                    self.pointer(),
                    "is missing; this action needs it",
                )),
            },
            Source::IdempotencyKey => {
                let mut raw = String::new();
                push_string(&mut raw, values.idempotency_key);
                Ok(Some(Cow::Owned(raw)))
            }
        }
    }

    /// The value as people write it; `None` where it is left out. Null counts as absent inside text.
    fn text<'a>(&self, values: Values<'a>) -> Result<Option<Cow<'a, str>>, Failure> {
        let Source::Input(slot) = self.source else {
            return Ok(Some(Cow::Borrowed(values.idempotency_key)));
        };
        let raw = values.found.get(slot).filter(|raw| *raw != "null");
        match raw {
            None if self.optional => Ok(None),
            None => Err(Failure::invalid_input(
                self.pointer(),
                "is missing; this action needs it",
            )),
            Some(raw) => match json::scalar(raw) {
                Some(text) => Ok(Some(text)),
                None => Err(Failure::invalid_input(
                    self.pointer(),
                    "expected a text, number or boolean, as it goes into a text",
                )),
            },
        }
    }
}

impl TextTemplate {
    /// Makes `text` ready; what its holes name is added to `pointers`.
    ///
    /// # Errors
    /// A sentence about the brace or hole that cannot be.
    pub fn compile(text: &str, pointers: &mut Pointers) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let tail = &rest[at..];
            if let Some(after) = tail.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = tail.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(after) = tail.strip_prefix('{') {
                let end = after
                    .find(['{', '}'])
                    .filter(|end| after.as_bytes()[*end] == b'}');
                let end = end.ok_or_else(|| {
                    format!(
                        "`{text}`: a `{{` is not closed; expected `{{name}}`, or `{{{{` for a brace"
                    )
                })?;
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                let hole = Hole::compile(&after[..end], pointers)
                    .map_err(|problem| format!("`{text}`: {problem}"))?;
                pieces.push(Piece::Hole(hole));
                rest = &after[end + 1..];
            } else {
                return Err(format!(
                    "`{text}`: a `}}` stands alone; expected `}}}}` for a brace"
                ));
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces })
    }

    /// The filled text; `None` if an optional value in it is absent.
    ///
    /// # Errors
    /// `invalid-input` for a value that is absent and not optional, or no scalar.
    pub fn render(&self, values: Values<'_>) -> Result<Option<String>, Failure> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole(hole) => match hole.text(values)? {
                    Some(text) => out.push_str(&text),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(out))
    }
}

/// A path with holes, each of which stays inside its segment.
#[derive(Debug, Clone)]
pub struct PathTemplate(TextTemplate);

impl PathTemplate {
    /// Makes `path` ready; what its holes name is added to `pointers`.
    ///
    /// # Errors
    /// A sentence about a path that cannot be.
    pub fn compile(path: &str, pointers: &mut Pointers) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!(
                "`{path}` must begin with `/`: it is a path below the connection's address"
            ));
        }
        let template = TextTemplate::compile(path, pointers)?;
        for piece in &template.pieces {
            match piece {
                Piece::Hole(hole) if hole.optional => {
                    return Err(format!(
                        "`{path}`: `{{{}?}}` cannot be optional in a path",
                        hole.name
                    ));
                }
                Piece::Text(text)
                    if text.contains(['?', '#', '\\']) || text.contains(char::is_whitespace) =>
                {
                    return Err(format!(
                        "`{path}`: expected a path alone; query fields stand under `query`"
                    ));
                }
                _ => {}
            }
        }
        Ok(Self(template))
    }

    /// The filled path, percent-encoded.
    ///
    /// # Errors
    /// `invalid-input` for a value that is absent, empty, no scalar, or that would not stay one segment.
    pub fn render(&self, values: Values<'_>) -> Result<String, Failure> {
        let mut out = String::new();
        for piece in &self.0.pieces {
            let hole = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Hole(hole) => hole,
            };
            let value = hole.text(values)?.unwrap_or_default();
            if value.is_empty() {
                return Err(Failure::invalid_input(
                    hole.pointer(),
                    "is empty; a part of the path is made of it",
                ));
            }
            http::encode(&value, &mut out)
                .map_err(|failure| Failure::invalid_input(hole.pointer(), failure.message()))?;
        }
        if let Some(dots) = out
            .split('/')
            .find(|segment| matches!(*segment, "." | ".."))
        {
            return Err(Failure::invalid_input(
                "",
                format!(
                    "the input makes a path with the segment `{dots}`; expected a name or number"
                ),
            ));
        }
        Ok(out)
    }
}
