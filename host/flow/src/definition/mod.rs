//! What an operator wrote in `flows/NAME.yaml`, read and checked: on which events, under which condition, in which
//! order, which steps. A [`Flow`] never changes; runs keep the version they began on.

mod check;
mod cross;
mod demand;
mod draw;
mod link;
mod lower;
mod needs;
mod nested;
mod references;
mod step;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::expression::{Expression, NamedReference, References};
use crate::problem::{Place, Problem};
use crate::tables::Tables;
use crate::yaml::{self, Key, Node, Reader, Value};

pub use check::{FlowSet, Offers};
pub use cross::Link;
pub use needs::Need;
pub use step::{Ask, Call, Case, Demand, Each, Emit, Kind, Step, SubFlow, Undo, Wait};

/// One flow, compiled.
#[derive(Debug)]
pub struct Flow {
    /// From the file's name.
    pub name: String,
    /// `sha256:...` of the text.
    pub version: String,
    /// The file as the operator knows it.
    pub file: String,
    /// The file's text, with those of the flows it calls: kept with the runs that wait on it.
    pub text: String,
    /// Types of events; none where other flows call it.
    pub on: Vec<Pattern>,
    /// The fields of its data where other flows may call it.
    pub takes: Option<Vec<String>>,
    /// Systems that it uses only as profiles say.
    pub needs: Vec<Need>,
    /// Whether an event is meant.
    pub when: Option<Expression>,
    /// What makes the lane.
    pub key: Option<Expression>,
    /// All steps in the order of the file; branches are jumps.
    pub program: Vec<Step>,
    /// Value maps that its expressions name, each with a place.
    pub named_tables: Vec<(String, Place)>,
    /// Cross-references that its expressions look up, each with a place.
    pub named_references: Vec<(NamedReference, Place)>,
    /// Whether one of its own steps emits an event.
    pub has_emits: bool,
    /// The site's value maps.
    pub tables: Arc<Tables>,
    /// Where the steps begin that run when it failed for good; the others end there.
    pub closing_at: usize,
    /// The flows it calls, and those they call.
    pub parts: BTreeMap<String, Arc<Flow>>,
}

/// `device.alarm` or `device.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this type.
    Exact(String),
    /// Types that begin so: `device.`.
    Prefix(String),
}

const KNOWN: [&str; 7] = ["on", "takes", "needs", "when", "key", "steps", "on-failure"];

impl Flow {
    /// Reads a flow. `file` is named in problems; its stem is the flow's name.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let root = yaml::parse(file, text).map_err(|problem| vec![problem])?;
        let mut reader = Reader::new(file, text);
        let name = flow_name(&mut reader);
        let Some(entries) = reader
            .mapping(&root, "a flow", &KNOWN)
            .map(<[(Key, Node)]>::to_vec)
        else {
            return Err(reader.problems);
        };
        let field = |name: &str| {
            entries
                .iter()
                .find(|(key, _)| key.text == name)
                .map(|(_, node)| node)
        };
        let takes = field("takes").map(|node| takes(&mut reader, node));
        let on = match field("on") {
            Some(node) => patterns(&mut reader, node),
            None => {
                if takes.is_none() {
                    reader.wrong(
                        root.place,
                        "a flow: \"on\" is missing, expected a type of event such as device.alarm",
                    );
                }
                Vec::new()
            }
        };
        let needs = field("needs").map_or_else(Vec::new, |node| needs::read(&mut reader, node));
        let when = field("when").and_then(|node| expression(&mut reader, node, "when"));
        let key = field("key").and_then(|node| expression(&mut reader, node, "key"));
        for (what, expression) in [("when", &when), ("key", &key)] {
            if let Some(expression) = expression {
                refuse_results(&mut reader, what, expression.references());
            }
        }
        for name in ["when", "key"] {
            if let Some(node) = field(name).filter(|_| on.is_empty() && takes.is_some()) {
                let message = format!(
                    "{name}: found it in a flow that is only called, expected it beside \"on\""
                );
                reader.wrong(node.place, message);
            }
        }
        let tree = match field("steps") {
            Some(node) => steps::read(&mut reader, node),
            None => {
                reader.wrong(
                    root.place,
                    "a flow: \"steps\" is missing, expected a list of steps",
                );
                Vec::new()
            }
        };
        let on_failure = field("on-failure").map_or_else(Vec::new, |node| {
            steps::read_as(&mut reader, node, "on-failure")
        });
        let program = lower::lower(&mut reader, tree, on_failure);
        if !reader.problems.is_empty() {
            reader.problems.sort();
            return Err(reader.problems);
        }
        let (named_tables, named_references) = named(&when, &key, &program.steps);
        let mut steps = program.steps.iter();
        let has_emits = steps.any(|step| matches!(step.kind, Kind::Emit(_)));
        Ok(Self {
            name,
            version: digest(text),
            file: file.to_owned(),
            text: text.to_owned(),
            on,
            takes,
            needs,
            when,
            key,
            program: program.steps,
            closing_at: program.closing_at,
            parts: BTreeMap::new(),
            named_tables,
            named_references,
            has_emits,
            tables: Arc::default(),
        })
    }

    /// Whether it, or a flow it calls, looks up cross-references.
    #[must_use]
    pub fn looks_up(&self) -> bool {
        let looks = |flow: &Self| !flow.named_references.is_empty();
        looks(self) || self.parts.values().any(|part| looks(part))
    }

    /// Whether it, or a flow it calls, emits events.
    #[must_use]
    pub fn emits(&self) -> bool {
        self.has_emits || self.parts.values().any(|part| part.has_emits)
    }

    /// Whether it reacts to a type of event.
    #[must_use]
    pub fn reacts_to(&self, kind: &str) -> bool {
        self.on.iter().any(|pattern| pattern.matches(kind))
    }
}

impl Pattern {
    /// Whether a type is meant.
    #[must_use]
    pub fn matches(&self, kind: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == kind,
            Self::Prefix(prefix) => kind.starts_with(prefix.as_str()),
        }
    }
}

/// `sha256:...`
fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .fold("sha256:".to_owned(), |mut version, byte| {
            version.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            version.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            version
        })
}

/// Names of the fields that a caller gives.
fn takes(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let Value::List(items) = &node.value else {
        reader.wrong(
            node.place,
            format!(
                "takes: found {}, expected a list of field names such as [customer, text]",
                node.describe()
            ),
        );
        return Vec::new();
    };
    let names = items.iter().filter_map(|item| reader.text(item, "takes"));
    names.map(str::to_owned).collect()
}

fn flow_name(reader: &mut Reader<'_>) -> String {
    let stem = reader
        .file
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(reader.file);
    let stem = stem
        .strip_suffix(".yaml")
        .or_else(|| stem.strip_suffix(".yml"))
        .unwrap_or(stem)
        .to_owned();
    if !is_name(&stem) {
        let message = format!(
            "found the file name \"{stem}\", expected {NAME_RULE}, for example spare-part.yaml"
        );
        reader.wrong(Place::default(), message);
    }
    stem
}

pub(crate) const NAME_RULE: &str =
    "a name of at most 40 small letters, digits and -, beginning with a letter";

pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

fn patterns(reader: &mut Reader<'_>, node: &Node) -> Vec<Pattern> {
    let nodes = match &node.value {
        Value::List(items) if !items.is_empty() => items.iter().collect(),
        Value::List(_) => {
            reader.wrong(
                node.place,
                "on: found an empty list, expected at least one type of event",
            );
            return Vec::new();
        }
        _ => vec![node],
    };
    nodes
        .into_iter()
        .filter_map(|node| pattern(reader, node))
        .collect()
}

fn pattern(reader: &mut Reader<'_>, node: &Node) -> Option<Pattern> {
    let text = reader.text(node, "on")?;
    if text == "*" {
        return Some(Pattern::Prefix(String::new()));
    }
    let prefix = text.strip_suffix(".*");
    if is_event_type(prefix.unwrap_or(text)) {
        return Some(match prefix {
            Some(prefix) => Pattern::Prefix(format!("{prefix}.")),
            None => Pattern::Exact(text.to_owned()),
        });
    }
    let message = format!(
        "on: found \"{text}\", expected a type of event such as device.alarm, or device.* for all that begin so"
    );
    reader.wrong(node.place, message);
    None
}

/// Letters, digits, `.`, `-`, `_`, `/` and `:`; CloudEvents asks for reverse-DNS names and forbids none of these.
pub(crate) fn is_event_type(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= tombolo_kernel::limits::EVENT_NAME
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '/' | ':'))
}

/// An expression that stands alone, without `${}`.
pub(crate) fn expression(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Expression> {
    let text = match &node.value {
        Value::Bool(value) => value.to_string(),
        _ => reader.text(node, what)?.to_owned(),
    };
    match Expression::compile(&text, yaml::locate(reader.source, node.place, &text)) {
        Ok(expression) => Some(expression),
        Err(problems) => {
            for problem in problems {
                reader.wrong(problem.place, format!("{what}: {}", problem.message));
            }
            None
        }
    }
}

/// Something that expressions name, with its place.
type Named<T> = Vec<(T, Place)>;

/// Value maps and cross-references named anywhere in the flow.
fn named(
    when: &Option<Expression>,
    key: &Option<Expression>,
    program: &[Step],
) -> (Named<String>, Named<NamedReference>) {
    let (mut tables, mut cross) = (Vec::new(), Vec::new());
    let steps = program.iter().flat_map(Step::expressions);
    for expression in when.iter().chain(key).chain(steps) {
        tables.extend(expression.references().tables.iter().cloned());
        cross.extend(expression.references().cross.iter().cloned());
    }
    (tables, cross)
}

fn refuse_results(reader: &mut Reader<'_>, what: &str, references: &References) {
    if let Some((name, place)) = references.special.first() {
        let message =
            format!("{what}: refers to \"{name}\", expected only event: no step has run yet");
        reader.wrong(*place, message);
    }
    if let Some((name, place)) = references.steps.first().or(references.vars.first()) {
        reader.wrong(
            *place,
            format!(
                "{what}: refers to the result \"{name}\", expected only event: no step has run yet"
            ),
        );
    }
}

#[cfg(test)]
mod tests;
