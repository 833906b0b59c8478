//! Templates that an operator writes for the generic adapters: JSON, text and paths with holes for the input.
//!
//! `{name}` is a field of the input, `{/json/pointer}` a value inside it, `{idempotency-key}` the call's key. A hole
//! that is a whole string keeps its JSON type; inside text it is interpolated. `{name?}` may be absent: the field of
//! the template that holds it is left out then. `{{` and `}}` are braces.
//!
//! Compiled once per instance; rendering copies the input's own text, so numbers keep every digit.

mod draft;
mod text;

use crate::json::{Found, Pointers, push_string};
use crate::{Failure, json};

pub use draft::Draft;
use text::{Hole, Piece};
pub use text::{PathTemplate, TextTemplate};

/// What fills the holes of one call.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    found: &'a Found<'a>,
    idempotency_key: &'a str,
}

impl<'a> Values<'a> {
    /// The values that the pointers of the templates found in the input, and the call's key.
    #[must_use]
    pub fn new(found: &'a Found<'a>, idempotency_key: &'a str) -> Self {
        Self {
            found,
            idempotency_key,
        }
    }
}

/// A JSON value with holes.
#[derive(Debug, Clone)]
pub struct Template(Shape);

#[derive(Debug, Clone)]
enum Shape {
    /// JSON text without holes.
    Literal(String),
    /// The hole's own JSON.
    Whole(Hole),
    /// A string with holes.
    Text(TextTemplate),
    List(Vec<Shape>),
    /// Each name is written as JSON already, with its colon.
    Object(Vec<(String, Shape)>),
}

impl Template {
    /// Makes a draft ready; what its holes name is added to `pointers`.
    ///
    /// # Errors
    /// A sentence about a hole that cannot be.
    pub fn compile(draft: &Draft, pointers: &mut Pointers) -> Result<Self, String> {
        Shape::compile(draft, pointers).map(Self)
    }

    /// Appends the filled JSON. `false`: it was left out, and nothing was appended.
    ///
    /// # Errors
    /// `invalid-input` for an absent value that is not optional.
    pub fn render(&self, values: Values<'_>, out: &mut String) -> Result<bool, Failure> {
        self.0.render(values, out)
    }

    /// Whether it is nothing but JSON without holes.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.0, Shape::Literal(_))
    }

    /// The filled value as the text of a query field or header: none if left out or null, several for a list.
    ///
    /// # Errors
    /// `invalid-input` for an absent value that is not optional, and for an object.
    pub fn texts(&self, values: Values<'_>) -> Result<Vec<String>, Failure> {
        if let Shape::Text(template) = &self.0 {
            return Ok(template.render(values)?.into_iter().collect());
        }
        let mut raw = String::new();
        if !self.render(values, &mut raw)? || raw == "null" {
            return Ok(Vec::new());
        }
        let items = json::elements(&raw).unwrap_or_else(|| vec![&raw]);
        let text = |item: &str| {
            json::scalar(item).map(std::borrow::Cow::into_owned).ok_or_else(|| {
                Failure::invalid_input(self.path(), "expected a text, number or boolean, or a list of them, as this goes into a query or header")
            })
        };
        items.into_iter().map(text).collect()
    }

    fn path(&self) -> String {
        if let Shape::Whole(hole) = &self.0 {
            hole.pointer()
        } else {
            String::new()
        }
    }
}

impl Shape {
    fn compile(draft: &Draft, pointers: &mut Pointers) -> Result<Self, String> {
        Ok(match draft {
            Draft::Raw(raw) => Self::Literal(raw.clone()),
            Draft::Text(text) => {
                let template = TextTemplate::compile(text, pointers)?;
                match template.pieces.as_slice() {
                    [] => Self::Literal("\"\"".to_owned()),
                    [Piece::Text(text)] => {
                        let mut raw = String::new();
                        push_string(&mut raw, text);
                        Self::Literal(raw)
                    }
                    [Piece::Hole(hole)] => Self::Whole(hole.clone()),
                    _ => Self::Text(template),
                }
            }
            Draft::List(drafts) => {
                let shapes: Vec<Self> = drafts
                    .iter()
                    .map(|draft| Self::compile(draft, pointers))
                    .collect::<Result<_, _>>()?;
                Self::List(shapes).folded()
            }
            Draft::Object(drafts) => {
                let mut fields = Vec::with_capacity(drafts.len());
                for (name, draft) in drafts {
                    let shape = Self::compile(draft, pointers)
                        .map_err(|problem| format!("{name}: {problem}"))?;
                    let mut key = String::new();
                    push_string(&mut key, name);
                    key.push(':');
                    fields.push((key, shape));
                }
                Self::Object(fields).folded()
            }
        })
    }

    /// A list or object of literals is one literal.
    fn folded(self) -> Self {
        let all_literal = match &self {
            Self::List(shapes) => shapes.iter().all(|shape| matches!(shape, Self::Literal(_))),
            Self::Object(fields) => fields
                .iter()
                .all(|(_, shape)| matches!(shape, Self::Literal(_))),
            _ => false,
        };
        if !all_literal {
            return self;
        }
        let found = Found::default();
        let mut raw = String::new();
        match self.render(Values::new(&found, ""), &mut raw) {
            Ok(true) => Self::Literal(raw),
            _ => self,
        }
    }

    fn render(&self, values: Values<'_>, out: &mut String) -> Result<bool, Failure> {
        match self {
            Self::Literal(raw) => out.push_str(raw),
            Self::Whole(hole) => match hole.raw(values)? {
                Some(raw) => out.push_str(&raw),
                None => return Ok(false),
            },
            Self::Text(template) => match template.render(values)? {
                Some(text) => push_string(out, &text),
                None => return Ok(false),
            },
            Self::List(shapes) => {
                out.push('[');
                let start = out.len();
                for shape in shapes {
                    Self::render_item(start, "", shape, values, out)?;
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                let start = out.len();
                for (key, shape) in fields {
                    Self::render_item(start, key, shape, values, out)?;
                }
                out.push('}');
            }
        }
        Ok(true)
    }

    /// One element or member; what is left out leaves no comma behind.
    fn render_item(
        start: usize,
        key: &str,
        shape: &Self,
        values: Values<'_>,
        out: &mut String,
    ) -> Result<(), Failure> {
        let before = out.len();
        if before > start {
            out.push(',');
        }
        out.push_str(key);
        if !shape.render(values, out)? {
            out.truncate(before);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
