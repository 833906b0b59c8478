//! XML without an envelope: the request's body is the element itself, the answer's root is the result.

use std::collections::BTreeMap;

use tombolo_sdk::Failure;
use tombolo_sdk::template::{Draft, Template, Values};

use crate::fault;
use crate::operation::{filled, write};
use crate::options::{FaultKind, MethodOption, Options};
use crate::xml::{self, Element, Names};

/// Whether an operation makes sense without an envelope.
pub(crate) fn check(options: &Options) -> Result<(), String> {
    let of_envelopes = [
        ("version", options.version.is_some()),
        ("action", options.action.is_some()),
        ("header", options.header.is_some()),
        ("security", options.security.is_some()),
    ];
    if let Some((name, _)) = of_envelopes.iter().find(|(_, is_there)| *is_there) {
        return Err(format!("{name}: is for envelopes; found `envelope: none`"));
    }
    match (&options.body, options.method) {
        (None, Some(MethodOption::Get | MethodOption::Delete)) => Ok(()),
        (Some(_), Some(MethodOption::Get)) => Err("body: found one, and `method: GET`".to_owned()),
        (Some(Draft::Object(elements)), _) if elements.len() == 1 => Ok(()),
        _ => Err("body: expected a map with one member, the root element".to_owned()),
    }
}

/// The whole document. The root declares the namespaces.
pub(crate) fn document(
    body: &Template,
    values: Values<'_>,
    namespaces: &str,
) -> Result<String, Failure> {
    let filled = filled("body", body, values)?;
    // What is null is left out, what is a list repeats.
    let name = match &filled {
        Some(Draft::Object(members)) => match members.as_slice() {
            [(name, Draft::Text(_) | Draft::Object(_))] => Some(name),
            [(name, Draft::Raw(raw))] if raw != "null" => Some(name),
            _ => None,
        },
        _ => None,
    };
    let (Some(filled), Some(name)) = (&filled, name) else {
        let problem = "body: found a list or nothing in the root element, expected one element";
        return Err(Failure::invalid_input("", problem));
    };
    let mut root = String::new();
    write("body", filled, &mut root)?;
    root.insert_str(1 + name.len(), namespaces);
    Ok(format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{root}"))
}

/// The answer as a body that has its root; one without a word has none.
pub(crate) fn body(text: &str, names: &Names) -> Result<Element, String> {
    let mut body = Element::default();
    if !text.trim().is_empty() {
        body.children.push(xml::read(text, names)?);
    }
    Ok(body)
}

/// The failure that the operator says an answer with this root is. Its words are those of the elements inside.
pub(crate) fn failure(body: &Element, faults: &BTreeMap<String, FaultKind>) -> Option<Failure> {
    let root = body.children.first()?;
    let kind = *faults.get(&root.local)?;
    let inside = root.children.iter().map(Element::words);
    let words: Vec<&str> = std::iter::once(root.words())
        .chain(inside)
        .filter(|words| !words.is_empty())
        .collect();
    Some(fault::of_kind(kind, &root.local, &words.join(": ")))
}
