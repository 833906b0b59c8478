//! From an entity, as the system gives it, to ours: which property is which field.

use std::collections::BTreeMap;

use tombolo_sdk::Failure;
use tombolo_sdk::json::{Pointers, elements, push_string, scalar};
use tombolo_sdk::template::Draft;

use crate::edm::As;
use crate::options::{Type, Version};
use crate::properties::Properties;

/// An object that is made of an entity.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pointers: Pointers,
    fields: Vec<(String, Field)>,
}

#[derive(Debug, Clone)]
enum Field {
    Property {
        slot: usize,
        name: String,
        kind: Type,
        told: Option<As>,
        /// The system's value to ours.
        values: Option<BTreeMap<String, String>>,
    },
    /// Absent as soon as one of its fields is, unless that one may be (`true`).
    Object(Vec<(String, bool, Field)>),
    Each {
        slot: usize,
        fields: Fields,
    },
    /// The first whose conditions hold.
    Choose(Vec<(Vec<Condition>, String)>),
    /// JSON as it is.
    Constant(String),
}

/// That a property has one of these values.
#[derive(Debug, Clone)]
struct Condition {
    slot: usize,
    values: Vec<String>,
}

/// What compiling needs to know.
pub(crate) struct Model<'a> {
    pub(crate) version: Version,
    pub(crate) types: &'a BTreeMap<String, Type>,
}

impl Fields {
    /// Makes a map of field to property ready; notes what is used of which entity in `used`.
    pub(crate) fn compile(
        draft: &Draft,
        model: &Model<'_>,
        used: &mut Properties,
    ) -> Result<Self, String> {
        let Draft::Object(members) = draft else {
            return Err("expected a map of our fields to the system's properties".to_owned());
        };
        let mut pointers = Pointers::new();
        let mut fields = Vec::new();
        for (name, draft) in members {
            let field = Field::compile(draft, model, &mut pointers, used)
                .map_err(|problem| format!("{name}: {problem}"))?;
            fields.push((name.clone(), field));
        }
        Ok(Self { pointers, fields })
    }

    /// Appends the object.
    pub(crate) fn tell(&self, entity: &str, out: &mut String) -> Result<(), Failure> {
        let found = self
            .pointers
            .find(entity)
            .map_err(|error| Failure::unavailable(format!("an entity: {error}"), None))?;
        let get = |slot: usize| found.get(slot);
        out.push('{');
        let start = out.len();
        for (name, field) in &self.fields {
            let before = out.len();
            begin(start, name, out);
            let told = field.tell(&get, out).map_err(|problem| {
                Failure::unavailable(
                    format!(
                        "the system's value for `{name}`: {problem}; if that is right, mend `types`"
                    ),
                    None,
                )
            })?;
            if !told {
                out.truncate(before);
            }
        }
        out.push('}');
        Ok(())
    }
}

fn begin(start: usize, name: &str, out: &mut String) {
    if out.len() > start {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
}

impl Field {
    fn compile(
        draft: &Draft,
        model: &Model<'_>,
        pointers: &mut Pointers,
        used: &mut Properties,
    ) -> Result<Self, String> {
        let members = match draft {
            Draft::Text(path) => return Self::property(path, None, None, model, pointers, used),
            Draft::Object(members) => members,
            Draft::Raw(_) | Draft::List(_) => {
                return Err("expected the name of a property, or a map".to_owned());
            }
        };
        let get = |name: &str| {
            let mut found = members.iter().filter(|(member, _)| member == name);
            found.next().map(|(_, draft)| draft)
        };
        if let Some(Draft::Text(path)) = get("property") {
            only(members, &["property", "as", "values"])?;
            let told = get("as").map(how).transpose()?;
            let values = get("values").map(values).transpose()?;
            Self::property(path, told, values, model, pointers, used)
        } else if let Some(Draft::Text(path)) = get("each") {
            only(members, &["each", "fields"])?;
            let slot = pointers.add(&used.list(path, model.version)?)?;
            let draft = get("fields").ok_or("fields: is missing; it says what each is made of")?;
            let fields = Fields::compile(draft, model, used.within(path))?;
            Ok(Self::Each { slot, fields })
        } else if let Some(Draft::List(cases)) = get("choose") {
            only(members, &["choose"])?;
            let case = |case: &Draft| choice(case, model, pointers, used);
            cases
                .iter()
                .map(case)
                .collect::<Result<_, _>>()
                .map(Self::Choose)
        } else if let Some(constant) = get("constant") {
            only(members, &["constant"])?;
            constant_of(constant).map(Self::Constant)
        } else {
            let mut fields = Vec::new();
            for (name, draft) in members {
                let optional = name.strip_suffix('?');
                let field = Self::compile(draft, model, pointers, used)
                    .map_err(|problem| format!("{name}: {problem}"))?;
                fields.push((
                    optional.unwrap_or(name).to_owned(),
                    optional.is_some(),
                    field,
                ));
            }
            Ok(Self::Object(fields))
        }
    }

    fn property(
        path: &str,
        told: Option<As>,
        values: Option<BTreeMap<String, String>>,
        model: &Model<'_>,
        pointers: &mut Pointers,
        used: &mut Properties,
    ) -> Result<Self, String> {
        let slot = pointers.add(&used.property(path, model.version)?)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        Ok(Self::Property {
            slot,
            name: path.to_owned(),
            kind: model.types.get(name).copied().unwrap_or_default(),
            told,
            values,
        })
    }

    fn tell<'a>(
        &self,
        get: &dyn Fn(usize) -> Option<&'a str>,
        out: &mut String,
    ) -> Result<bool, String> {
        match self {
            Self::Property {
                slot,
                name,
                kind,
                told,
                values,
            } => {
                let Some(raw) = get(*slot) else {
                    return Ok(false);
                };
                let named = |problem: String| format!("`{name}`: {problem}");
                let Some(values) = values else {
                    return kind.tell(*told, raw, out).map_err(named);
                };
                let Some(text) = kind.read(raw).map_err(named)? else {
                    return Ok(false);
                };
                match values.get(&text) {
                    Some(value) => push_string(out, value),
                    None if text.is_empty() => return Ok(false),
                    None => {
                        return Err(named(format!(
                            "found `{text}`, which `values` does not have"
                        )));
                    }
                }
                Ok(true)
            }
            Self::Object(fields) => {
                out.push('{');
                let start = out.len();
                for (name, optional, field) in fields {
                    let before = out.len();
                    begin(start, name, out);
                    if !field.tell(get, out)? {
                        if !optional {
                            return Ok(false);
                        }
                        out.truncate(before);
                    }
                }
                out.push('}');
                Ok(true)
            }
            Self::Each { slot, fields } => {
                // Of an entity that was not expanded nothing is known.
                let Some(items) = get(*slot).and_then(elements) else {
                    return Ok(false);
                };
                out.push('[');
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    fields
                        .tell(item, out)
                        .map_err(|failure| failure.message().to_owned())?;
                }
                out.push(']');
                Ok(true)
            }
            Self::Choose(cases) => {
                let holds = |condition: &Condition| {
                    let text = get(condition.slot).and_then(scalar).unwrap_or_default();
                    condition.values.iter().any(|value| *value == text)
                };
                let chosen = cases
                    .iter()
                    .find(|(conditions, _)| conditions.iter().all(holds));
                if let Some((_, raw)) = chosen {
                    out.push_str(raw);
                }
                Ok(chosen.is_some())
            }
            Self::Constant(raw) => {
                out.push_str(raw);
                Ok(true)
            }
        }
    }
}

/// `{ when: { Property: value }, value: ours }`; without `when` it always holds.
fn choice(
    case: &Draft,
    model: &Model<'_>,
    pointers: &mut Pointers,
    used: &mut Properties,
) -> Result<(Vec<Condition>, String), String> {
    let Draft::Object(members) = case else {
        return Err("choose: expected a list of `{ when: {...}, value: ... }`".to_owned());
    };
    only(members, &["when", "value"])?;
    let (mut conditions, mut value) = (Vec::new(), None);
    for (name, draft) in members {
        match (name.as_str(), draft) {
            ("when", Draft::Object(properties)) => {
                for (property, wanted) in properties {
                    let slot = pointers.add(&used.property(property, model.version)?)?;
                    let wanted = match wanted {
                        Draft::List(list) => list.iter().map(plain).collect::<Result<_, _>>()?,
                        one => vec![plain(one)?],
                    };
                    conditions.push(Condition {
                        slot,
                        values: wanted,
                    });
                }
            }
            ("when", _) => return Err("when: expected a map of properties to values".to_owned()),
            (_, draft) => value = Some(constant_of(draft)?),
        }
    }
    let value = value.ok_or("choose: `value` is missing")?;
    Ok((conditions, value))
}

fn only(members: &[(String, Draft)], known: &[&str]) -> Result<(), String> {
    match members
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(format!("found `{name}`, expected {}", known.join(", "))),
        None => Ok(()),
    }
}

fn how(draft: &Draft) -> Result<As, String> {
    match draft {
        Draft::Text(text) if text == "number" => Ok(As::Number),
        Draft::Text(text) if text == "text" => Ok(As::Text),
        _ => Err("as: expected `number` or `text`".to_owned()),
    }
}

fn values(draft: &Draft) -> Result<BTreeMap<String, String>, String> {
    let Draft::Object(members) = draft else {
        return Err("values: expected a map of the system's values to ours".to_owned());
    };
    let pair = |(name, draft): &(String, Draft)| Ok((name.clone(), plain(draft)?));
    members.iter().map(pair).collect()
}

/// A value that stands in the system file.
fn plain(draft: &Draft) -> Result<String, String> {
    match draft {
        Draft::Text(text) | Draft::Raw(text) => Ok(text.clone()),
        _ => Err("expected a single value".to_owned()),
    }
}

fn constant_of(draft: &Draft) -> Result<String, String> {
    let mut raw = String::new();
    match draft {
        Draft::Text(text) => push_string(&mut raw, text),
        Draft::Raw(text) => raw.push_str(text),
        _ => return Err("expected a single value".to_owned()),
    }
    Ok(raw)
}
