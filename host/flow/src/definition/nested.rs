//! The steps that hold other steps or wait for what others do, as they are written: `choose`, `each`, `wait`, a
//! sub-flow, `undo`.

use tombolo_kernel::limits;

use super::step::{Each, SubFlow, Undo, Wait};
use super::steps::{Body, call, read, read_as, read_retry, with};
use super::{NAME_RULE, expression, is_event_type, is_name};
use crate::expression::Equal;
use crate::json::write_string;
use crate::yaml::{Key, Node, Reader, Value};

/// A call of a system, or of another flow: `flow.NAME`.
pub(super) fn flow_or_call(reader: &mut Reader<'_>, node: &Node) -> Option<Body> {
    let target = node.get("call")?;
    let Value::Text(text) = &target.value else {
        return call(reader, node).map(Body::Call);
    };
    let Some(name) = text.strip_prefix("flow.") else {
        return call(reader, node).map(Body::Call);
    };
    for key in ["retry", "timeout", "undo", "check"] {
        if let Some(found) = node.get(key) {
            let message = format!(
                "{key}: found it beside the call of a flow, expected it on the calls inside \"{name}\""
            );
            reader.wrong(found.place, message);
        }
    }
    if !is_name(name) {
        let message = format!("call: found \"{text}\", expected flow.NAME with {NAME_RULE}");
        reader.wrong(target.place, message);
        return None;
    }
    let place = target.place;
    let name = name.to_owned();
    with(reader, node).map(|with| Body::Flow(SubFlow { name, with, place }))
}

/// Cases with `when` and `steps`, the first that holds; `otherwise`.
pub(super) fn choose(reader: &mut Reader<'_>, node: &Node) -> Option<Body> {
    let written = node.get("choose")?;
    let Value::List(items) = &written.value else {
        reader.wrong(
            written.place,
            format!(
                "choose: found {}, expected a list of cases with when and steps",
                written.describe()
            ),
        );
        return None;
    };
    if items.is_empty() {
        reader.wrong(
            written.place,
            "choose: found an empty list, expected at least one case with when and steps",
        );
    }
    let mut cases = Vec::new();
    for item in items {
        if reader
            .mapping(item, "a case of choose", &["when", "steps"])
            .is_none()
        {
            continue;
        }
        for (key, expected) in [("when", "a condition"), ("steps", "a list of steps")] {
            if item.get(key).is_none() {
                let message =
                    format!("a case of choose: \"{key}\" is missing, expected {expected}");
                reader.wrong(item.place, message);
            }
        }
        let when = item
            .get("when")
            .and_then(|when| expression(reader, when, "when"));
        let steps = item
            .get("steps")
            .map_or_else(Vec::new, |steps| read(reader, steps));
        cases.push((when, steps));
    }
    let otherwise = node
        .get("otherwise")
        .map_or_else(Vec::new, |steps| read_as(reader, steps, "otherwise"));
    Some(Body::Choose { cases, otherwise })
}

/// Steps for every item of a list.
pub(super) fn each(reader: &mut Reader<'_>, node: &Node) -> Option<Body> {
    let over = node
        .get("each")
        .and_then(|over| expression(reader, over, "each"));
    let most = u64::try_from(limits::EACH_AT_A_TIME).unwrap_or(u64::MAX);
    let at_most = match node.get("at-most") {
        Some(at_most) => reader.whole(at_most, "at-most", 1, most).unwrap_or(1),
        None => 1,
    };
    let keep_going = node
        .get("keep-going")
        .is_some_and(|keep| yes_or_no(reader, keep, "keep-going"));
    let steps = match node.get("steps") {
        Some(steps) => read(reader, steps),
        None => {
            reader.wrong(
                node.place,
                "each: \"steps\" is missing, expected a list of steps for every item",
            );
            Vec::new()
        }
    };
    let at_most = usize::try_from(at_most).unwrap_or(1);
    let each = over.map(|over| Each {
        over,
        at_most,
        keep_going,
        end: 0,
    });
    Some(Body::Each(each, steps))
}

fn yes_or_no(reader: &mut Reader<'_>, node: &Node, what: &str) -> bool {
    if let Value::Bool(value) = node.value {
        return value;
    }
    reader.wrong(
        node.place,
        format!("{what}: found {}, expected true or false", node.describe()),
    );
    false
}

/// For which event.
pub(super) fn wait(reader: &mut Reader<'_>, node: &Node) -> Option<Wait> {
    reader.mapping(node, "wait", &["on", "when"])?;
    let Some(on) = node.get("on") else {
        reader.wrong(
            node.place,
            "wait: \"on\" is missing, expected a type of event such as parcel.delivered",
        );
        return None;
    };
    let items: Vec<&Node> = match &on.value {
        Value::List(items) if (1..=limits::WAIT_TYPES).contains(&items.len()) => {
            items.iter().collect()
        }
        Value::List(items) => {
            let (found, most) = (items.len(), limits::WAIT_TYPES);
            let message = format!("wait.on: found {found} types, expected 1 to {most}");
            reader.wrong(on.place, message);
            return None;
        }
        _ => vec![on],
    };
    let mut kinds = Vec::new();
    for item in items {
        let text = reader.text(item, "wait.on")?;
        if !is_event_type(text) {
            let message = format!(
                "wait.on: found \"{text}\", expected a whole type of event such as parcel.delivered: what is waited for \
                 is found by its type"
            );
            reader.wrong(item.place, message);
            return None;
        }
        kinds.push(text.to_owned());
    }
    let when = match node.get("when") {
        Some(when) => Some(expression(reader, when, "wait.when")?),
        None => None,
    };
    let equal = when.as_ref().and_then(Equal::of);
    Some(Wait {
        on: kinds,
        when,
        equal,
    })
}

/// The call that takes back what a step did.
pub(super) fn undo(reader: &mut Reader<'_>, node: &Node) -> Option<Undo> {
    reader.mapping(node, "undo", &["call", "with", "retry"])?;
    if node.get("call").is_none() {
        reader.wrong(
            node.place,
            "undo: \"call\" is missing, expected SYSTEM.ACTION such as erp.order.cancel",
        );
    }
    let retry = node
        .get("retry")
        .map(|retry| read_retry(reader, retry))
        .unwrap_or_default();
    call(reader, node).map(|call| Undo { call, retry })
}

/// The step as JSON, without the branches that may change while it runs.
pub(super) fn written(entries: &[(Key, Node)]) -> String {
    let mut out = String::from("{");
    for (key, value) in entries {
        if matches!(
            key.text.as_str(),
            "then" | "else" | "otherwise" | "on-failure"
        ) {
            continue;
        }
        write_string(&key.text, &mut out);
        out.push(':');
        out.push_str(&value.to_json());
        out.push(',');
    }
    out.push('}');
    out
}
