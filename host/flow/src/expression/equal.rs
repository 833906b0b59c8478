//! What in a condition on a new event says that one of its fields equals something the run knows:
//! `event.data.order == steps.ship.order`. Among thousands of runs that wait, those an event may be for are found by
//! it, not by asking each.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};
use sha2::{Digest, Sha256};

use super::scope::{EventDocument, Scope};
use super::{Body, Expression, Found, compile};
use crate::json::{Named, Shape, write_string};

/// Keys longer than this, bytes, are kept as their digest.
const LONG: usize = 200;

/// A field of the event, and what it must equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equal {
    theirs: Vec<String>,
    ours: Vec<String>,
}

impl Equal {
    /// The first comparison of that form which the condition cannot hold without.
    #[must_use]
    pub fn of(condition: &Expression) -> Option<Self> {
        match &condition.body {
            Body::Cel(expression) => among(expression),
            Body::Path(_) => None,
        }
    }

    /// The event's field as it is written: `event.data.order`.
    #[must_use]
    pub fn path(&self) -> String {
        self.theirs.join(".")
    }

    /// What an event must have to be meant; none where our side is no text, number or truth value.
    ///
    /// # Errors
    /// Our side has no value.
    pub fn key(&self, scope: &Scope<'_>) -> Result<Option<String>, String> {
        let found = scope.find(&self.ours)?;
        Ok(canonical(&found).map(|value| key(&self.path(), &value)))
    }
}

/// The key by which an event is found through this field, if it has it.
#[must_use]
pub fn key_of(path: &str, event: &EventDocument) -> Option<String> {
    let nothing = Named::default();
    let scope = Scope::new(event, &nothing, &nothing, "");
    let names: Vec<String> = path.split('.').map(str::to_owned).collect();
    let found = scope.find(&names).ok()?;
    canonical(&found).map(|value| key(path, &value))
}

fn key(path: &str, value: &str) -> String {
    let key = format!("{path}={value}");
    if key.len() <= LONG {
        return key;
    }
    format!("{path}#{:x?}", Sha256::digest(value.as_bytes()))
}

/// Equal values have equal texts; some different ones may have, too.
fn canonical(found: &Found<'_>) -> Option<String> {
    let quoted = |text: &str| {
        let mut out = String::new();
        write_string(text, &mut out);
        out
    };
    match found {
        Found::Text(text) => Some(quoted(text)),
        Found::Json(json) => match json.shape() {
            Shape::Text => json.text().map(|text| quoted(&text)),
            Shape::Bool => Some(json.raw().to_owned()),
            Shape::Number => json
                .raw()
                .parse::<f64>()
                .ok()
                .map(|number| number.to_string()),
            _ => None,
        },
    }
}

fn among(expression: &IdedExpr) -> Option<Equal> {
    let Expr::Call(call) = &expression.expr else {
        return None;
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND, sides) => sides.iter().find_map(among),
        (operators::EQUALS, [left, right]) => {
            let (left, right) = (compile::path(left)?, compile::path(right)?);
            match (left[0] == "event", right[0] == "event") {
                (true, false) => Some(Equal {
                    theirs: left,
                    ours: right,
                }),
                (false, true) => Some(Equal {
                    theirs: right,
                    ours: left,
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::problem::Place;

    #[test]
    fn a_comparison_that_must_hold_is_found_and_others_are_not() {
        for (text, expected) in [
            (
                "event.data.order == steps.ship.order",
                Some(("event.data.order", "steps.ship.order")),
            ),
            (
                "vars.id == event.subject",
                Some(("event.subject", "vars.id")),
            ),
            (
                "event.data.ok && (event.subject == run.event.subject && true)",
                Some(("event.subject", "run.event.subject")),
            ),
            ("event.data.ok || event.subject == vars.id", None),
            ("event.subject == event.id", None),
            ("event.subject != vars.id", None),
            ("event.data.ok", None),
        ] {
            let found = Equal::of(&Expression::compile(text, Place::default()).unwrap());
            let found = found.map(|equal| (equal.path(), equal.ours.join(".")));
            assert_eq!(
                found,
                expected.map(|(one, other)| (one.to_owned(), other.to_owned())),
                "{text}"
            );
        }
    }
}
