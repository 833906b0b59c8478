//! The body of a change: the system's properties, each with a value of its type, and what is made along with them.

use tombolo_sdk::Failure;
use tombolo_sdk::json::{elements, push_string};
use tombolo_sdk::template::Draft;

use crate::context::{Context, Hole};
use crate::entity::Entity;
use crate::properties::require_name;

/// A map of properties to values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body(Vec<(String, Shape)>);

#[derive(Debug, Clone)]
enum Shape {
    Value(Hole),
    Object(Body),
    List(Vec<Body>),
    /// One for each element, whose fields the holes name.
    Each(Hole, Body),
    /// The first that is not left out.
    First(Vec<Shape>),
}

impl Body {
    pub(crate) fn compile(draft: &Draft) -> Result<Self, String> {
        let Draft::Object(members) = draft else {
            return Err("expected a map of the system's properties to values".to_owned());
        };
        let mut shapes = Vec::new();
        for (name, draft) in members {
            require_name(name)?;
            let shape = Shape::compile(draft).map_err(|problem| format!("{name}: {problem}"))?;
            shapes.push((name.clone(), shape));
        }
        Ok(Self(shapes))
    }

    /// Appends the filled object. `extra` are properties of the caller's own.
    pub(crate) fn fill(
        &self,
        entity: &Entity,
        context: &Context,
        extra: &[(&str, &str)],
        out: &mut String,
    ) -> Result<(), Failure> {
        out.push('{');
        let start = out.len();
        for (name, shape) in &self.0 {
            let before = out.len();
            begin(start, name, out);
            if !shape.fill(name, entity, context, out)? {
                out.truncate(before);
            }
        }
        for (name, value) in extra {
            begin(start, name, out);
            push_string(out, value);
        }
        out.push('}');
        Ok(())
    }

    /// The filled properties as literals, by name.
    pub(crate) fn literals(
        &self,
        entity: &Entity,
        context: &Context,
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut pairs = Vec::new();
        for (name, text) in self.texts(context)? {
            let wrong = |problem: String| Failure::invalid_input("", format!("`{name}` {problem}"));
            let literal = entity
                .kind(&name)
                .literal(entity.version, &text)
                .map_err(wrong)?;
            pairs.push((name, literal));
        }
        Ok(pairs)
    }

    /// The filled properties as texts, by name.
    pub(crate) fn texts(&self, context: &Context) -> Result<Vec<(String, String)>, Failure> {
        let mut pairs = Vec::new();
        for (name, shape) in &self.0 {
            if let Some(text) = shape.text(context)? {
                pairs.push((name.clone(), text));
            }
        }
        Ok(pairs)
    }
}

fn begin(start: usize, name: &str, out: &mut String) {
    if out.len() > start {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
}

impl Shape {
    fn compile(draft: &Draft) -> Result<Self, String> {
        let members = match draft {
            Draft::Object(members) => members,
            Draft::List(drafts) => {
                let bodies = drafts.iter().map(Body::compile).collect::<Result<_, _>>();
                return bodies.map(Self::List);
            }
            _ => return Hole::compile(draft).map(Self::Value),
        };
        match members.as_slice() {
            [(each, hole), (body, inner)] if each == "each" && body == "body" => {
                Ok(Self::Each(Hole::compile(hole)?, Body::compile(inner)?))
            }
            [(first, Draft::List(shapes))] if first == "first" => shapes
                .iter()
                .map(Self::compile)
                .collect::<Result<_, _>>()
                .map(Self::First),
            _ => Body::compile(draft).map(Self::Object),
        }
    }

    /// `false`: left out, and `out` is to be cut.
    fn fill(
        &self,
        name: &str,
        entity: &Entity,
        context: &Context,
        out: &mut String,
    ) -> Result<bool, Failure> {
        match self {
            Self::Value(hole) => {
                let Some(raw) = hole.raw(context)? else {
                    return Ok(false);
                };
                entity
                    .kind(name)
                    .write(entity.version, &raw, out)
                    .map_err(|problem| Failure::invalid_input("", format!("`{name}` {problem}")))?;
            }
            Self::Object(body) => body.fill(entity, context, &[], out)?,
            Self::List(bodies) => {
                out.push('[');
                for (index, body) in bodies.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    body.fill(entity, context, &[], out)?;
                }
                out.push(']');
            }
            Self::Each(hole, body) => {
                let Some(raw) = hole.raw(context)? else {
                    return Ok(false);
                };
                out.push('[');
                let items = elements(&raw).unwrap_or_else(|| vec![&raw]);
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    body.fill(entity, &context.of(item), &[], out)
                        .map_err(|failure| failure.below(&format!("/{index}")))?;
                }
                out.push(']');
            }
            Self::First(shapes) => {
                for shape in shapes {
                    let before = out.len();
                    if shape.fill(name, entity, context, out)? {
                        return Ok(true);
                    }
                    out.truncate(before);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn text(&self, context: &Context) -> Result<Option<String>, Failure> {
        match self {
            Self::Value(hole) => hole.text(context),
            Self::First(shapes) => {
                for shape in shapes {
                    if let Some(text) = shape.text(context)? {
                        return Ok(Some(text));
                    }
                }
                Ok(None)
            }
            Self::Object(_) | Self::List(_) | Self::Each(..) => Err(Failure::internal(
                "expected a single value; a list or map cannot be a key or a parameter",
            )),
        }
    }
}
