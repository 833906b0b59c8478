//! JSON with expressions in it: what `with`, `data`, `set` and `question` hold.
//!
//! `"${...}"` alone keeps the value's type; inside a text it is interpolated; `$${` is a literal `${`. What holds no
//! expression is rendered once, when the flow is read.

use super::compile::CompileProblem;
use super::scope::Scope;
use super::{EvaluationError, Expression};
use crate::json;
use crate::problem::Place;
use crate::yaml::{self, Node};

/// JSON with expressions in it.
#[derive(Debug)]
pub enum Template {
    /// Holds no expression: JSON text.
    Fixed(String),
    /// One expression, any type.
    Value(Expression),
    /// A text with expressions inside.
    Text(Vec<Piece>),
    /// A list.
    List(Vec<Template>),
    /// An object: keys as JSON text with their colon.
    Map(Vec<(String, Template)>),
}

/// A piece of a text.
#[derive(Debug)]
pub enum Piece {
    /// As it is.
    Fixed(String),
    /// Its value.
    Value(Expression),
}

impl Template {
    /// Compiles a value of the flow's file.
    ///
    /// # Errors
    /// Everything that is wrong in its expressions.
    pub fn compile(node: &Node, source: &str) -> Result<Self, Vec<CompileProblem>> {
        let mut problems = Vec::new();
        let template = Self::read(node, source, &mut problems);
        if problems.is_empty() {
            Ok(template)
        } else {
            Err(problems)
        }
    }

    fn read(node: &Node, source: &str, problems: &mut Vec<CompileProblem>) -> Self {
        match &node.value {
            yaml::Value::Text(text) if text.contains("${") => {
                Self::read_text(text, node.place, source, problems)
            }
            yaml::Value::List(items) => {
                let items: Vec<Self> = items
                    .iter()
                    .map(|item| Self::read(item, source, problems))
                    .collect();
                if items.iter().all(|item| matches!(item, Self::Fixed(_))) {
                    return Self::Fixed(node.to_json());
                }
                Self::List(items)
            }
            yaml::Value::Map(entries) => {
                let fields: Vec<(String, Self)> = entries
                    .iter()
                    .map(|(key, value)| {
                        let mut name = String::new();
                        json::write_string(&key.text, &mut name);
                        name.push(':');
                        (name, Self::read(value, source, problems))
                    })
                    .collect();
                if fields
                    .iter()
                    .all(|(_, field)| matches!(field, Self::Fixed(_)))
                {
                    return Self::Fixed(node.to_json());
                }
                Self::Map(fields)
            }
            _ => Self::Fixed(node.to_json()),
        }
    }

    fn read_text(
        text: &str,
        place: Place,
        source: &str,
        problems: &mut Vec<CompileProblem>,
    ) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                plain.push_str(&rest[..at - 1]);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let Some(length) = expression_length(&rest[at + 2..]) else {
                let message =
                    "found ${ without its }, expected ${expression}; a literal ${ is written $${"
                        .to_owned();
                problems.push(CompileProblem { place, message });
                return Self::Fixed("null".to_owned());
            };
            let inner = &rest[at + 2..at + 2 + length];
            if !plain.is_empty() {
                pieces.push(Piece::Fixed(std::mem::take(&mut plain)));
            }
            match Expression::compile(inner, yaml::locate(source, place, inner)) {
                Ok(expression) => pieces.push(Piece::Value(expression)),
                Err(wrong) => problems.extend(wrong),
            }
            rest = &rest[at + 2 + length + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Fixed(plain));
        }
        match (pieces.len(), pieces.pop()) {
            (1, Some(Piece::Value(expression))) => Self::Value(expression),
            (1, Some(Piece::Fixed(text))) => {
                let mut out = String::new();
                json::write_string(&text, &mut out);
                Self::Fixed(out)
            }
            (_, last) => {
                pieces.extend(last);
                Self::Text(pieces)
            }
        }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The first expression that has no value.
    pub fn write_json(&self, scope: &Scope<'_>, out: &mut String) -> Result<(), EvaluationError> {
        match self {
            Self::Fixed(text) => out.push_str(text),
            Self::Value(expression) => expression.write_json(scope, out)?,
            Self::Text(_) => {
                let mut text = String::new();
                self.write_text(scope, &mut text)?;
                json::write_string(&text, out);
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    item.write_json(scope, out)?;
                }
                out.push(']');
            }
            Self::Map(fields) => {
                for (index, (name, field)) in fields.iter().enumerate() {
                    out.push(if index == 0 { '{' } else { ',' });
                    out.push_str(name);
                    field.write_json(scope, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    /// Writes it as a text.
    ///
    /// # Errors
    /// The first expression that has no value, or `null`.
    pub fn write_text(&self, scope: &Scope<'_>, out: &mut String) -> Result<(), EvaluationError> {
        match self {
            Self::Fixed(text) => match serde_json::from_str::<String>(text) {
                Ok(text) => out.push_str(&text),
                Err(_) => out.push_str(text),
            },
            Self::Value(expression) => expression.write_text(scope, out)?,
            Self::Text(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Fixed(text) => out.push_str(text),
                        Piece::Value(expression) => expression.write_text(scope, out)?,
                    }
                }
            }
            Self::List(_) | Self::Map(_) => self.write_json(scope, out)?,
        }
        Ok(())
    }

    /// The JSON it always is, where it holds no expression.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(text) => Some(text),
            _ => None,
        }
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Value(expression) => vec![expression],
            Self::Text(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Value(expression) => Some(expression),
                    Piece::Fixed(_) => None,
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Map(fields) => fields
                .iter()
                .flat_map(|(_, field)| field.expressions())
                .collect(),
        }
    }
}

/// Bytes up to the `}` that ends an expression: braces inside it and inside its strings do not.
fn expression_length(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}
