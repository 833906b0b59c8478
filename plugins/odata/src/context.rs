//! What the holes of a step are filled with: the action's input, the results of the steps before, the call's key.

use std::borrow::Cow;

use tombolo_sdk::Failure;
use tombolo_sdk::json::{Found, Pointers, push_string};
use tombolo_sdk::template::{Draft, Template, Values};

/// One object: the input's members, and `steps` with what each named step gave.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    text: String,
    key: String,
}

impl Context {
    /// Of an input, which is an object, or of one element of a list; anything else is its `value`.
    pub(crate) fn new(input: &str, key: &str) -> Self {
        let input = input.trim();
        let text = if input.starts_with('{') {
            input.to_owned()
        } else if input == "null" || input.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{\"value\":{input}}}")
        };
        Self {
            text,
            key: key.to_owned(),
        }
    }

    /// The same for an element of a list in it.
    pub(crate) fn of(&self, element: &str) -> Self {
        Self::new(element, &self.key)
    }

    /// With one more member; it counts in place of one of its name.
    pub(crate) fn with(&self, name: &str, raw: &str) -> Self {
        let mut text = self.text.clone();
        text.pop();
        if text.trim_end().len() > 1 {
            text.push(',');
        }
        push_string(&mut text, name);
        text.push(':');
        text.push_str(raw);
        text.push('}');
        Self {
            text,
            key: self.key.clone(),
        }
    }

    pub(crate) fn find(&self, pointers: &Pointers) -> Result<Found<'_>, Failure> {
        pointers
            .find(&self.text)
            .map_err(|error| Failure::invalid_input("", error.to_string()))
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// A template with what its holes name.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    pointers: Pointers,
    template: Template,
}

impl Hole {
    pub(crate) fn compile(draft: &Draft) -> Result<Self, String> {
        let mut pointers = Pointers::new();
        let template = Template::compile(draft, &mut pointers)?;
        Ok(Self { pointers, template })
    }

    /// The filled JSON; `None` where it is left out.
    pub(crate) fn raw(&self, context: &Context) -> Result<Option<String>, Failure> {
        let found = context.find(&self.pointers)?;
        let mut out = String::new();
        let there = self
            .template
            .render(Values::new(&found, context.key()), &mut out)?;
        Ok(there.then_some(out))
    }

    /// A single value as text; `None` where it is left out, null or an object or list.
    pub(crate) fn text(&self, context: &Context) -> Result<Option<String>, Failure> {
        let raw = self.raw(context)?;
        Ok(raw.and_then(|raw| tombolo_sdk::json::scalar(&raw).map(Cow::into_owned)))
    }

    /// Whether there is anything: not absent, null, false, 0 or empty.
    pub(crate) fn is_true(&self, context: &Context) -> Result<bool, Failure> {
        let raw = self.raw(context)?;
        Ok(!matches!(
            raw.as_deref(),
            None | Some("null" | "false" | "0" | "\"\"" | "[]" | "{}")
        ))
    }
}

/// Whether a step is taken.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// Something is there.
    There(Hole),
    /// Each value is one of those.
    Among(Vec<(Hole, Vec<String>)>),
}

impl Condition {
    pub(crate) fn compile(draft: &Draft) -> Result<Self, String> {
        let Draft::Object(members) = draft else {
            return Hole::compile(draft).map(Self::There);
        };
        let plain = |draft: &Draft| match draft {
            Draft::Text(text) | Draft::Raw(text) => Ok(text.clone()),
            _ => Err("expected a value or a list of values".to_owned()),
        };
        let one = |(name, wanted): &(String, Draft)| {
            let wanted = match wanted {
                Draft::List(list) => list.iter().map(plain).collect::<Result<_, _>>()?,
                one => vec![plain(one)?],
            };
            Ok((Hole::compile(&Draft::Text(name.clone()))?, wanted))
        };
        members
            .iter()
            .map(one)
            .collect::<Result<_, String>>()
            .map(Self::Among)
    }

    pub(crate) fn holds(&self, context: &Context) -> Result<bool, Failure> {
        match self {
            Self::There(hole) => hole.is_true(context),
            Self::Among(cases) => {
                for (hole, wanted) in cases {
                    let text = hole.text(context)?.unwrap_or_default();
                    if !wanted.contains(&text) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}
