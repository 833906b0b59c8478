//! The steps of a flow as they are written, one by one. What holds across steps is [`super::lower`]'s.

use tombolo_kernel::limits;

use super::nested;
use super::step::{Ask, Call, Demand, Each, Emit, SubFlow, Undo, Wait};
use super::{Link, cross, demand, expression, is_event_type, is_name};
use crate::delivery::RetryWish;
use crate::expression::{Expression, Template};
use crate::problem::{Place, did_you_mean};
use crate::yaml::{Key, Node, Reader, Value};

/// A step as read: branches inside.
pub(super) struct Written {
    pub(super) place: Place,
    pub(super) id: Option<(String, Place)>,
    pub(super) body: Body,
    pub(super) retry: RetryWish,
    pub(super) timeout_ms: Option<u64>,
    pub(super) undo: Option<Undo>,
    pub(super) demands: Vec<Demand>,
    pub(super) on_failure: Vec<Written>,
    pub(super) written: String,
}

pub(super) enum Body {
    Call(Call),
    If {
        condition: Option<Expression>,
        then: Vec<Written>,
        otherwise: Vec<Written>,
    },
    Choose {
        cases: Vec<(Option<Expression>, Vec<Written>)>,
        otherwise: Vec<Written>,
    },
    Emit(Emit),
    Set(Vec<(String, Template)>),
    Ask(Ask),
    Link(Link),
    Each(Option<Each>, Vec<Written>),
    Wait(Wait),
    Flow(SubFlow),
    Return(Template),
    Fail(Template),
    Check,
}

const KINDS: [&str; 12] = [
    "call", "if", "choose", "each", "wait", "emit", "set", "ask", "link", "check", "return", "fail",
];

/// Reads a list of steps.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Written> {
    read_as(reader, node, "steps")
}

/// Reads a list of steps under another key.
pub(super) fn read_as(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<Written> {
    match &node.value {
        Value::List(items) if !items.is_empty() => {
            items.iter().filter_map(|item| step(reader, item)).collect()
        }
        _ => {
            reader.wrong(
                node.place,
                format!(
                    "{what}: found {}, expected a list of steps",
                    node.describe()
                ),
            );
            Vec::new()
        }
    }
}

fn step(reader: &mut Reader<'_>, node: &Node) -> Option<Written> {
    let Value::Map(entries) = &node.value else {
        reader.wrong(
            node.place,
            format!(
                "a step: found {}, expected a mapping with one of {}",
                node.describe(),
                KINDS.join(", ")
            ),
        );
        return None;
    };
    let kind = kind_of(reader, node.place, entries)?;
    let known: &[&str] = match kind {
        "call" => &[
            "call",
            "id",
            "with",
            "retry",
            "timeout",
            "check",
            "undo",
            "on-failure",
        ],
        "if" => &["if", "id", "then", "else"],
        "choose" => &["choose", "id", "otherwise"],
        "each" => &["each", "id", "at-most", "keep-going", "steps", "on-failure"],
        "wait" => &["wait", "id", "timeout"],
        "ask" => &["ask", "id", "timeout"],
        "link" => &["link", "id", "timeout"],
        "emit" => &["emit", "id"],
        "set" => &["set", "id"],
        "check" => &["check", "id", "on-failure"],
        "return" => &["return"],
        _ => &["fail", "id"],
    };
    reader.mapping(node, &format!("a step with \"{kind}\""), known)?;
    let body = match kind {
        "call" => nested::flow_or_call(reader, node),
        "if" => branches(reader, node),
        "choose" => nested::choose(reader, node),
        "each" => nested::each(reader, node),
        _ => {
            let value = node.get(kind)?;
            match kind {
                "wait" => nested::wait(reader, value).map(Body::Wait),
                "emit" => emit(reader, value).map(Body::Emit),
                "ask" => ask(reader, value).map(Body::Ask),
                "link" => cross::read(reader, value).map(Body::Link),
                "set" => set(reader, value).map(Body::Set),
                "check" => Some(Body::Check),
                "return" => template(reader, value, "return").map(Body::Return),
                _ => {
                    reader.text(value, "fail")?;
                    template(reader, value, "fail").map(Body::Fail)
                }
            }
        }
    };
    let id = node.get("id").and_then(|id| step_id(reader, id));
    let retry = node
        .get("retry")
        .map_or_else(RetryWish::default, |retry| read_retry(reader, retry));
    let timeout_ms = node
        .get("timeout")
        .and_then(|timeout| reader.duration(timeout, "timeout"));
    let undo = node.get("undo").and_then(|undo| nested::undo(reader, undo));
    let demands = node
        .get("check")
        .map_or_else(Vec::new, |check| demand::read(reader, check));
    let on_failure = node
        .get("on-failure")
        .map_or_else(Vec::new, |steps| read_as(reader, steps, "on-failure"));
    body.map(|body| Written {
        place: node.place,
        id,
        body,
        retry,
        timeout_ms,
        undo,
        demands,
        on_failure,
        written: nested::written(entries),
    })
}

/// The one key that says what a step does.
fn kind_of<'n>(
    reader: &mut Reader<'_>,
    place: Place,
    entries: &'n [(Key, Node)],
) -> Option<&'n str> {
    let kinds: Vec<&Key> = entries
        .iter()
        .map(|(key, _)| key)
        .filter(|key| KINDS.contains(&key.text.as_str()))
        .collect();
    match kinds.as_slice() {
        [kind] => Some(kind.text.as_str()),
        // A call whose answer is looked at.
        [one, other]
            if [&one.text, &other.text]
                .iter()
                .all(|key| ["call", "check"].contains(&key.as_str())) =>
        {
            Some("call")
        }
        [] => {
            let near: String = entries
                .iter()
                .map(|(key, _)| did_you_mean(&key.text, KINDS))
                .collect();
            let found: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
            let found = found.join(", ");
            reader.wrong(
                place,
                format!(
                    "a step: found {found}, expected one of {}{near}",
                    KINDS.join(", ")
                ),
            );
            None
        }
        [one, other, ..] => {
            let message = format!(
                "a step: found both \"{}\" and \"{}\", expected one of them",
                one.text, other.text
            );
            reader.wrong(other.place, message);
            None
        }
    }
}

fn step_id(reader: &mut Reader<'_>, node: &Node) -> Option<(String, Place)> {
    let text = reader.text(node, "id")?;
    let fits = text.len() <= 40
        && text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if !fits {
        let message = format!(
            "id: found \"{text}\", expected at most 40 small letters, digits and _, beginning with a letter, \
             so that steps.{} can be written",
            text.replace('-', "_")
        );
        reader.wrong(node.place, message);
        return None;
    }
    Some((text.to_owned(), node.place))
}

/// `call` and `with` of a step or an `undo`.
pub(super) fn call(reader: &mut Reader<'_>, node: &Node) -> Option<Call> {
    let target = node.get("call")?;
    let text = reader.text(target, "call")?;
    let with = with(reader, node)?;
    match text.split_once('.') {
        Some((system, action)) if is_name(system) && is_event_type(action) => Some(Call {
            system: system.to_owned(),
            action: action.to_owned(),
            with,
            place: target.place,
        }),
        _ => {
            let message =
                format!("call: found \"{text}\", expected SYSTEM.ACTION such as erp.item.stock");
            reader.wrong(target.place, message);
            None
        }
    }
}

/// The input of a call: none is an empty one.
pub(super) fn with(reader: &mut Reader<'_>, node: &Node) -> Option<Template> {
    match node.get("with") {
        None => Some(Template::Fixed("{}".to_owned())),
        Some(with) if matches!(with.value, Value::Map(_)) || is_expression(with) => {
            template(reader, with, "with")
        }
        Some(with) => {
            let message = format!(
                "with: found {}, expected a mapping of input fields, or one ${{...}}",
                with.describe()
            );
            reader.wrong(with.place, message);
            None
        }
    }
}

fn is_expression(node: &Node) -> bool {
    matches!(&node.value, Value::Text(text) if text.starts_with("${") && text.ends_with('}'))
}

pub(super) fn template(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Template> {
    match Template::compile(node, reader.source) {
        Ok(template) => Some(template),
        Err(problems) => {
            for problem in problems {
                reader.wrong(problem.place, format!("{what}: {}", problem.message));
            }
            None
        }
    }
}

fn branches(reader: &mut Reader<'_>, node: &Node) -> Option<Body> {
    let condition = node
        .get("if")
        .and_then(|condition| expression(reader, condition, "if"));
    let then = match node.get("then") {
        Some(then) => read(reader, then),
        None => {
            reader.wrong(
                node.place,
                "if: \"then\" is missing, expected a list of steps",
            );
            Vec::new()
        }
    };
    let otherwise = node
        .get("else")
        .map_or_else(Vec::new, |otherwise| read(reader, otherwise));
    Some(Body::If {
        condition,
        then,
        otherwise,
    })
}

fn emit(reader: &mut Reader<'_>, node: &Node) -> Option<Emit> {
    reader.mapping(node, "emit", &["type", "subject", "data"])?;
    let Some(kind) = node.get("type") else {
        reader.wrong(
            node.place,
            "emit: \"type\" is missing, expected a type of event such as order.delayed",
        );
        return None;
    };
    let text = reader.text(kind, "emit.type")?;
    if !is_event_type(text) {
        reader.wrong(
            kind.place,
            format!("emit.type: found \"{text}\", expected a type such as order.delayed"),
        );
        return None;
    }
    let subject = match node.get("subject") {
        Some(subject) => Some(template(reader, subject, "emit.subject")?),
        None => None,
    };
    let data = match node.get("data") {
        Some(data) => template(reader, data, "emit.data")?,
        None => Template::Fixed("{}".to_owned()),
    };
    Some(Emit {
        kind: text.to_owned(),
        subject,
        data,
    })
}

fn set(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<(String, Template)>> {
    let Value::Map(entries) = &node.value else {
        reader.wrong(
            node.place,
            format!(
                "set: found {}, expected a mapping of names to values",
                node.describe()
            ),
        );
        return None;
    };
    let mut values = Vec::new();
    for (key, value) in entries {
        let fits = key
            .text
            .starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
            && key
                .text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !fits || key.text.len() > 40 {
            let message = format!(
                "set: found the name \"{}\", expected letters, digits and _",
                key.text
            );
            reader.wrong(key.place, message);
            continue;
        }
        if let Some(value) = template(reader, value, &format!("set.{}", key.text)) {
            values.push((key.text.clone(), value));
        }
    }
    Some(values)
}

fn ask(reader: &mut Reader<'_>, node: &Node) -> Option<Ask> {
    reader.mapping(node, "ask", &["role", "question", "options"])?;
    let mut need = |name: &str, expected: &str| {
        let found = node.get(name);
        if found.is_none() {
            reader.wrong(
                node.place,
                format!("ask: \"{name}\" is missing, expected {expected}"),
            );
        }
        found
    };
    let role = need("role", "the role of who may answer");
    let question = need("question", "a text");
    let options = need("options", "a list of answers such as [approve, reject]");
    let (role, question, options) = (role?, question?, options?);
    let name = reader.text(role, "ask.role")?.to_owned();
    reader.text(question, "ask.question")?;
    let question = template(reader, question, "ask.question")?;
    let options = read_options(reader, options)?;
    Some(Ask {
        role: name,
        place: role.place,
        question,
        options,
    })
}

fn read_options(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    let most = limits::TASK_OPTIONS;
    let items = match &node.value {
        Value::List(items) if (1..=most).contains(&items.len()) => items,
        _ => {
            let message = format!(
                "ask.options: found {}, expected a list of 1 to {most} answers",
                node.describe()
            );
            reader.wrong(node.place, message);
            return None;
        }
    };
    let mut options: Vec<String> = Vec::new();
    for item in items {
        let text = reader.text(item, "ask.options")?.to_owned();
        if options.contains(&text) {
            reader.wrong(
                item.place,
                format!("ask.options: found \"{text}\" twice, expected different answers"),
            );
        }
        options.push(text);
    }
    Some(options)
}

pub(super) fn read_retry(reader: &mut Reader<'_>, node: &Node) -> RetryWish {
    let mut retry = RetryWish::default();
    if reader
        .mapping(node, "retry", &["attempts", "backoff", "most"])
        .is_none()
    {
        return retry;
    }
    if let Some(attempts) = node.get("attempts") {
        let most = u64::from(limits::ATTEMPTS_MOST);
        let attempts = reader
            .whole(attempts, "retry.attempts", 1, most)
            .unwrap_or(1);
        retry.attempts = u32::try_from(attempts).ok();
    }
    if let Some(backoff) = node
        .get("backoff")
        .and_then(|backoff| reader.duration(backoff, "retry.backoff"))
    {
        retry.backoff_ms = Some(backoff);
    }
    if let Some(most) = node
        .get("most")
        .and_then(|most| reader.duration(most, "retry.most"))
    {
        retry.most_ms = Some(most);
    }
    retry
}
