//! From XML to a tree, and from a tree to JSON.

use std::collections::BTreeMap;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use tombolo_sdk::json::push_string;

use super::{DEPTH, XSI};

/// How the names of an answer are told.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Namespace to prefix; `None`: local names alone.
    pub(crate) prefixes: Option<BTreeMap<String, String>>,
}

/// One element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    /// As JSON names it.
    pub(crate) name: String,
    /// Without its prefix.
    pub(crate) local: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    text: String,
    nil: bool,
}

/// Reads a document; answers its root.
///
/// # Errors
/// What was found that no answer may have, or that is no XML.
pub(crate) fn read(text: &str, names: &Names) -> Result<Element, String> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    loop {
        let wrong = |at: u64, error: &dyn std::fmt::Display| format!("at byte {at}: {error}");
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((namespace, event)) => (uri(&namespace), event),
            Err(error) => return Err(wrong(reader.error_position(), &error)),
        };
        match event {
            Event::Start(start) => {
                if open.len() >= DEPTH {
                    return Err(format!("elements nest deeper than {DEPTH}"));
                }
                let at = reader.buffer_position();
                open.push(
                    begun(&reader, &start, namespace, names).map_err(|error| wrong(at, &error))?,
                );
            }
            Event::End(_) => {
                let Some(element) = open.pop() else {
                    return Err("found an end without a beginning".to_owned());
                };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|error| error.to_string())?;
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::CData(text) => {
                let text = text.xml10_content().map_err(|error| error.to_string())?;
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| error.to_string())?;
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| error.to_string())?;
                let Some(element) = open.last_mut() else {
                    continue;
                };
                match (
                    character,
                    quick_xml::escape::resolve_predefined_entity(&name),
                ) {
                    (Some(character), _) => element.text.push(character),
                    (None, Some(text)) => element.text.push_str(text),
                    (None, None) => {
                        return Err(format!(
                            "found the entity `&{name};`, which XML does not know by itself"
                        ));
                    }
                }
            }
            Event::DocType(_) => {
                return Err("found a document type, which no answer may have".to_owned());
            }
            Event::Eof => return Err("the document ends before its elements do".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
        }
    }
}

fn uri(namespace: &ResolveResult<'_>) -> Option<String> {
    match namespace {
        ResolveResult::Bound(namespace) => {
            Some(String::from_utf8_lossy(namespace.as_ref()).into_owned())
        }
        _ => None,
    }
}

fn begun(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    namespace: Option<String>,
    names: &Names,
) -> Result<Element, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let local = text(start.local_name().as_ref());
    let name = match (&names.prefixes, namespace) {
        (Some(prefixes), Some(namespace)) => match prefixes.get(&namespace) {
            Some(prefix) => format!("{prefix}:{local}"),
            None => format!("{{{namespace}}}{local}"),
        },
        _ => local.clone(),
    };
    let mut element = Element {
        name,
        local,
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
        if uri(&namespace).as_deref() == Some(XSI) {
            element.nil |= local.as_ref() == b"nil" && matches!(&*value, "true" | "1");
        } else {
            element
                .attributes
                .push((text(local.as_ref()), value.into_owned()));
        }
    }
    Ok(element)
}

impl Element {
    /// The first child with this local name.
    pub(crate) fn child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.local == local)
    }

    /// Its text, without the spaces around it.
    pub(crate) fn words(&self) -> &str {
        self.text.trim()
    }

    /// Its value as JSON. `lists` are the paths, from here, of what is always a list.
    pub(crate) fn json(&self, lists: &[&[String]], out: &mut String) {
        if self.nil {
            out.push_str("null");
            return;
        }
        if self.children.is_empty()
            && self.attributes.is_empty()
            && !lists.iter().any(|path| !path.is_empty())
        {
            push_string(out, &self.text);
            return;
        }
        out.push('{');
        let mut first = true;
        let mut name = |out: &mut String, name: &str| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            push_string(out, name);
            out.push(':');
        };
        for (attribute, value) in &self.attributes {
            name(out, &format!("@{attribute}"));
            push_string(out, value);
        }
        for (index, child) in self.children.iter().enumerate() {
            if self.children[..index]
                .iter()
                .any(|earlier| earlier.name == child.name)
            {
                continue;
            }
            name(out, &child.name);
            let same: Vec<&Self> = self.children[index..]
                .iter()
                .filter(|other| other.name == child.name)
                .collect();
            let below = below(lists, &child.name);
            let is_list = same.len() > 1 || below.iter().any(|path| path.is_empty());
            if !is_list {
                child.json(&below, out);
                continue;
            }
            out.push('[');
            for (index, child) in same.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                child.json(&below, out);
            }
            out.push(']');
        }
        // A list that has no element here is an empty one.
        let mut told: Vec<&str> = Vec::new();
        for path in lists {
            if let [last] = path
                && !self.children.iter().any(|child| child.name == *last)
                && !told.contains(&last.as_str())
            {
                told.push(last);
                name(out, last);
                out.push_str("[]");
            }
        }
        // Spaces between elements are layout.
        let has_text = match self.children.is_empty() {
            true => !self.text.is_empty(),
            false => !self.text.trim().is_empty(),
        };
        if has_text {
            name(out, "#text");
            push_string(out, &self.text);
        }
        out.push('}');
    }
}

/// The paths that go on behind a child's name.
fn below<'a>(lists: &[&'a [String]], name: &str) -> Vec<&'a [String]> {
    lists
        .iter()
        .filter_map(|path| {
            let (first, rest) = path.split_first()?;
            (first == name).then_some(rest)
        })
        .collect()
}
