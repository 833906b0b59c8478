//! `check` as it is written, a step of its own or beside a `call`: what must hold before the flow goes on.

use tombolo_kernel::limits;

use super::expression;
use super::step::Demand;
use super::steps::template;
use crate::yaml::{Node, Reader, Value};

/// A list of `that`, `says` and, where one field is to blame, `field`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Demand> {
    let most = limits::FIELD_PROBLEMS;
    match &node.value {
        Value::List(items) if (1..=most).contains(&items.len()) => {
            let demands = items.iter().filter_map(|item| demand(reader, item));
            demands.collect()
        }
        _ => {
            let message = format!(
                "check: found {}, expected a list of 1 to {most} with that, says and field",
                node.describe()
            );
            reader.wrong(node.place, message);
            Vec::new()
        }
    }
}

fn demand(reader: &mut Reader<'_>, node: &Node) -> Option<Demand> {
    reader.mapping(node, "a check", &["that", "says", "field"])?;
    for (key, expected) in [
        ("that", "the condition that must hold"),
        ("says", "what a person reads where it does not"),
    ] {
        if node.get(key).is_none() {
            let message = format!("a check: \"{key}\" is missing, expected {expected}");
            reader.wrong(node.place, message);
        }
    }
    let (that, says) = (node.get("that")?, node.get("says")?);
    let that = expression(reader, that, "that");
    reader.text(says, "says")?;
    let says = template(reader, says, "says");
    let field = match node.get("field") {
        Some(field) => pointer(reader, field)?,
        None => String::new(),
    };
    Some(Demand {
        that: that?,
        field,
        says: says?,
    })
}

/// A JSON pointer (RFC 6901).
fn pointer(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node, "field")?;
    if text.starts_with('/') && text.len() <= limits::EVENT_NAME {
        return Some(text.to_owned());
    }
    let message =
        format!("field: found \"{text}\", expected a JSON pointer such as /customer/name");
    reader.wrong(node.place, message);
    None
}
