//! `$filter` out of conditions that the operator wrote and values that came. Every value becomes a literal of its
//! property's type, in which a quote doubles: no value can end its literal.

use tombolo_sdk::Failure;
use tombolo_sdk::json::{elements, scalar};
use tombolo_sdk::template::Draft;

use crate::context::{Context, Hole};
use crate::entity::Entity;
use crate::options::Version;
use crate::properties::require_name;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter(Vec<(String, Operator, Hole)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Compare(&'static str),
    Contains,
    /// Upper and lower case alike.
    ContainsAnyCase,
    Starts,
    /// One of a list.
    In,
}

/// A filled filter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Without a condition it is empty.
    Some(Vec<String>),
    /// One of an empty list: nothing can fit.
    Nothing,
}

impl Filter {
    /// Makes `{ Property: value, Property: { ge: value } }`, or a list of such maps, ready.
    pub(crate) fn compile(draft: Option<&Draft>) -> Result<Self, String> {
        let mut conditions = Vec::new();
        match draft {
            None => {}
            Some(Draft::List(drafts)) => {
                for draft in drafts {
                    conditions.extend(Self::compile(Some(draft))?.0);
                }
            }
            Some(Draft::Object(members)) => {
                for (property, draft) in members {
                    for part in property.split('/') {
                        require_name(part)?;
                    }
                    let of = |problem: String| format!("{property}: {problem}");
                    match draft {
                        Draft::Object(cases) => {
                            for (name, value) in cases {
                                let hole = Hole::compile(value).map_err(of)?;
                                conditions.push((
                                    property.clone(),
                                    operator(name).map_err(of)?,
                                    hole,
                                ));
                            }
                        }
                        value => {
                            let hole = Hole::compile(value).map_err(of)?;
                            conditions.push((property.clone(), Operator::Compare("eq"), hole));
                        }
                    }
                }
            }
            Some(_) => return Err("expected a map of properties to values".to_owned()),
        }
        Ok(Self(conditions))
    }

    /// A condition whose optional value is absent is left out.
    pub(crate) fn fill(&self, entity: &Entity, context: &Context) -> Result<Filled, Failure> {
        let mut parts = Vec::new();
        for (property, operator, hole) in &self.0 {
            let Some(raw) = hole.raw(context)? else {
                continue;
            };
            let literal = |raw: &str| literal(entity, property, raw);
            parts.push(match operator {
                Operator::Compare(name) => format!("{property} {name} {}", literal(&raw)?),
                Operator::Contains if entity.version == Version::V2 => {
                    format!("substringof({},{property})", literal(&raw)?)
                }
                Operator::Contains => format!("contains({property},{})", literal(&raw)?),
                Operator::ContainsAnyCase => {
                    let lower = literal(&raw.to_lowercase())?;
                    match entity.version {
                        Version::V2 => format!("substringof({lower},tolower({property}))"),
                        Version::V4 => format!("contains(tolower({property}),{lower})"),
                    }
                }
                Operator::Starts => format!("startswith({property},{})", literal(&raw)?),
                Operator::In => {
                    let items = elements(&raw).unwrap_or_else(|| vec![&raw]);
                    let mut alternatives = Vec::new();
                    for item in items {
                        let alternative = format!("{property} eq {}", literal(item)?);
                        if !alternatives.contains(&alternative) {
                            alternatives.push(alternative);
                        }
                    }
                    if alternatives.is_empty() {
                        return Ok(Filled::Nothing);
                    }
                    format!("({})", alternatives.join(" or "))
                }
            });
        }
        Ok(Filled::Some(parts))
    }
}

fn operator(name: &str) -> Result<Operator, String> {
    Ok(match name {
        "eq" => Operator::Compare("eq"),
        "ne" => Operator::Compare("ne"),
        "gt" => Operator::Compare("gt"),
        "ge" => Operator::Compare("ge"),
        "lt" => Operator::Compare("lt"),
        "le" => Operator::Compare("le"),
        "contains" => Operator::Contains,
        "contains-any-case" => Operator::ContainsAnyCase,
        "starts" => Operator::Starts,
        "in" => Operator::In,
        other => {
            return Err(format!(
                "found `{other}`, expected eq, ne, gt, ge, lt, le, contains, contains-any-case, starts or in"
            ));
        }
    })
}

fn literal(entity: &Entity, property: &str, raw: &str) -> Result<String, Failure> {
    if raw == "null" {
        return Ok(raw.to_owned());
    }
    let wrong = |problem: String| Failure::invalid_input("", format!("`{property}` {problem}"));
    let text = scalar(raw).ok_or_else(|| wrong("found an object or a list".to_owned()))?;
    entity
        .kind(property)
        .literal(entity.version, &text)
        .map_err(wrong)
}

/// Behind these values in this order: `(A gt a or (A eq a and B gt b))`. Nothing of equal rank is lost or told twice.
pub(crate) fn behind(
    entity: &Entity,
    order: &[String],
    values: &[String],
) -> Result<String, Failure> {
    let mut equal: Vec<String> = Vec::new();
    let mut alternatives = Vec::new();
    for (property, value) in order.iter().zip(values) {
        let wrong = |problem: String| {
            Failure::invalid_input(
                "",
                format!("the place to go on from: `{property}` {problem}"),
            )
        };
        let kind = entity.kind(property);
        let literal = kind.literal(entity.version, value).map_err(wrong)?;
        let mut all = equal.clone();
        all.push(format!("{property} gt {literal}"));
        let alternative = all.join(" and ");
        alternatives.push(if all.len() > 1 {
            format!("({alternative})")
        } else {
            alternative
        });
        equal.push(format!("{property} eq {literal}"));
    }
    Ok(format!("({})", alternatives.join(" or ")))
}
