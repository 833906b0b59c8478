//! The file of a flow's tests, `flows/NAME.test.yaml`, read and checked.

use serde_json::Value as Json;
use tombolo_kernel::failure::Failure;
use tombolo_store::{Link, Maker, SystemId};

use crate::problem::{Place, Problem, did_you_mean};
use crate::yaml::{self, Node, Reader, Value};

/// One test.
#[derive(Debug)]
pub struct Rehearsal {
    /// A sentence.
    pub test: String,
    /// Where it begins.
    pub place: Place,
    /// What actions answer, in order; the last again and again. An action that is not named answers `{}`.
    pub systems: Vec<(String, Vec<Reply>)>,
    /// What is linked when it begins.
    pub links: Vec<Link>,
    /// What happens.
    pub happenings: Vec<Happening>,
    /// What must have come of it.
    pub expected: Expected,
}

/// How a call ends.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Well, with this JSON.
    Result(String),
    /// It fails.
    Fails(Failure),
}

/// One thing that happens.
#[derive(Debug)]
pub enum Happening {
    /// An event comes.
    Event {
        /// Its type.
        kind: String,
        /// What it is about.
        subject: Option<String>,
        /// JSON.
        data: String,
    },
    /// Time passes, milliseconds.
    After(u64),
    /// Somebody answers the only open question, or the one that holds this text.
    Answer {
        /// One of the options.
        answer: String,
        /// Who.
        by: String,
        /// What they add.
        comment: String,
        /// A part of the question.
        question: Option<String>,
    },
}

/// What is expected at the end; what is not named is not looked at.
#[derive(Debug, Default)]
pub struct Expected {
    /// Calls in their order: action and input. Attempts of one step are one call.
    pub calls: Option<Vec<(String, Json)>>,
    /// Emitted events in their order: any of type, subject, data.
    pub events: Option<Vec<Json>>,
    /// Questions asked, in their order: any of role, question, options.
    pub tasks: Option<Vec<Json>>,
    /// Every entity that has links at the end, by number: kind and ids.
    pub links: Option<Vec<Json>>,
    /// How each run stands, in the order of their events: `done`, `dead`, `waiting`, `queued`.
    pub runs: Option<Vec<String>>,
    /// Text in the error of some run.
    pub error: Option<String>,
    /// What the first run returned.
    pub result: Option<Json>,
}

const FAILURES: [&str; 9] = [
    "unavailable",
    "rate-limited",
    "internal",
    "rejected",
    "not-found",
    "conflict",
    "unauthorized",
    "invalid-input",
    "not-offered",
];
const ENDS: [&str; 4] = ["done", "dead", "waiting", "queued"];

impl Rehearsal {
    /// Reads all tests of a file.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn parse(file: &str, text: &str) -> Result<Vec<Self>, Vec<Problem>> {
        let root = yaml::parse(file, text).map_err(|problem| vec![problem])?;
        let mut reader = Reader::new(file, text);
        let tests: Vec<Self> = items(&mut reader, &root, "a test file")
            .iter()
            .filter_map(|node| one(&mut reader, node))
            .collect();
        if reader.problems.is_empty() {
            return Ok(tests);
        }
        reader.problems.sort();
        Err(reader.problems)
    }
}

fn items<'n>(reader: &mut Reader<'_>, node: &'n Node, what: &str) -> &'n [Node] {
    if let Value::List(items) = &node.value {
        return items;
    }
    reader.wrong(
        node.place,
        format!("{what}: found {}, expected a list", node.describe()),
    );
    &[]
}

fn one(reader: &mut Reader<'_>, node: &Node) -> Option<Rehearsal> {
    reader.mapping(
        node,
        "a test",
        &["test", "systems", "links", "do", "expect"],
    )?;
    for (key, expected) in [("test", "a sentence"), ("do", "a list of what happens")] {
        if node.get(key).is_none() {
            let message = format!("a test: \"{key}\" is missing, expected {expected}");
            reader.wrong(node.place, message);
        }
    }
    let test = node
        .get("test")
        .and_then(|test| reader.text(test, "test"))?
        .to_owned();
    let mut systems = Vec::new();
    if let Some(Value::Map(entries)) = node.get("systems").map(|node| &node.value) {
        for (action, replies) in entries {
            let replies = match &replies.value {
                Value::List(all) => all.iter().collect(),
                _ => vec![replies],
            };
            let replies = replies.iter().filter_map(|node| reply(reader, node));
            systems.push((action.text.clone(), replies.collect()));
        }
    }
    let happenings = node.get("do").map_or_else(Vec::new, |node| {
        let all = items(reader, node, "do");
        all.iter()
            .filter_map(|node| happening(reader, node))
            .collect()
    });
    let links = node.get("links").map_or_else(Vec::new, |node| {
        let all = items(reader, node, "links");
        all.iter().filter_map(|node| link(reader, node)).collect()
    });
    let expected = node
        .get("expect")
        .map(|node| expected(reader, node))
        .unwrap_or_default();
    Some(Rehearsal {
        test,
        place: node.place,
        systems,
        links,
        happenings,
        expected,
    })
}

/// Ids that are of one entity: `{ kind: customer, ids: { crm: C-7, erp: 42 } }`.
fn link(reader: &mut Reader<'_>, node: &Node) -> Option<Link> {
    reader.mapping(node, "links", &["kind", "ids"])?;
    let kind = node
        .get("kind")
        .and_then(|kind| reader.text(kind, "links.kind"))?;
    let kind = kind.to_owned();
    let mut ids = Vec::new();
    if let Some(Value::Map(entries)) = node.get("ids").map(|node| &node.value) {
        for (system, id) in entries {
            let id = match &id.value {
                Value::Text(text) => text.clone(),
                _ => id.to_json(),
            };
            let system = system.text.clone();
            ids.push(SystemId { system, id });
        }
    }
    let link = Link {
        kind,
        ids,
        maker: Maker::default(),
    };
    match link.check() {
        Ok(()) => Some(link),
        Err(message) => {
            reader.wrong(node.place, format!("links: {message}"));
            None
        }
    }
}

fn reply(reader: &mut Reader<'_>, node: &Node) -> Option<Reply> {
    reader.mapping(node, "an answer", &["result", "fails", "message", "code"])?;
    if let Some(result) = node.get("result") {
        return Some(Reply::Result(result.to_json()));
    }
    let Some(fails) = node.get("fails") else {
        reader.wrong(
            node.place,
            "an answer: found neither result nor fails, expected one of them",
        );
        return None;
    };
    let kind = reader.text(fails, "fails")?;
    if !FAILURES.contains(&kind) {
        let near = did_you_mean(kind, FAILURES);
        let known = FAILURES.join(", ");
        reader.wrong(
            fails.place,
            format!("fails: found \"{kind}\", expected one of {known}{near}"),
        );
        return None;
    }
    let text = |key: &str| match node.get(key).map(|node| &node.value) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let failure = serde_json::json!({
        "kind": kind, "message": text("message"), "code": text("code"), "retry_after_ms": null,
        "problems": [{ "path": "", "message": text("message") }],
    });
    // Every kind finds its fields in it.
    serde_json::from_value(failure).ok().map(Reply::Fails)
}

fn happening(reader: &mut Reader<'_>, node: &Node) -> Option<Happening> {
    if let Some(event) = node.get("event") {
        reader.mapping(node, "do", &["event"])?;
        reader.mapping(event, "event", &["type", "subject", "data"])?;
        let Some(kind) = event.get("type") else {
            reader.wrong(event.place, "event: \"type\" is missing, expected its type");
            return None;
        };
        let subject = event
            .get("subject")
            .and_then(|node| reader.text(node, "subject"));
        let subject = subject.map(str::to_owned);
        let kind = reader.text(kind, "event.type")?.to_owned();
        let data = event.get("data").map_or("{}".to_owned(), Node::to_json);
        return Some(Happening::Event {
            kind,
            subject,
            data,
        });
    }
    if let Some(after) = node.get("after") {
        reader.mapping(node, "do", &["after"])?;
        return reader.duration(after, "after").map(Happening::After);
    }
    if let Some(answer) = node.get("answer") {
        reader.mapping(node, "do", &["answer", "by", "comment", "question"])?;
        let answer = reader.text(answer, "answer")?.to_owned();
        let mut text = |key: &str| {
            let found = node.get(key).and_then(|node| reader.text(node, key));
            found.map(str::to_owned)
        };
        return Some(Happening::Answer {
            answer,
            by: text("by").unwrap_or_else(|| "somebody".to_owned()),
            comment: text("comment").unwrap_or_default(),
            question: text("question"),
        });
    }
    reader.wrong(
        node.place,
        format!(
            "do: found {}, expected one of event, after, answer",
            node.describe()
        ),
    );
    None
}

fn expected(reader: &mut Reader<'_>, node: &Node) -> Expected {
    let known = [
        "calls", "events", "tasks", "links", "runs", "error", "result",
    ];
    if reader.mapping(node, "expect", &known).is_none() {
        return Expected::default();
    }
    let json = |node: &Node| serde_json::from_str(&node.to_json()).unwrap_or(Json::Null);
    let mut expected = Expected {
        error: node
            .get("error")
            .and_then(|node| reader.text(node, "error"))
            .map(str::to_owned),
        result: node.get("result").map(json),
        ..Expected::default()
    };
    expected.calls = node.get("calls").map(|node| {
        let mut calls = Vec::new();
        for call in items(reader, node, "expect.calls") {
            match &call.value {
                Value::Map(entries) if entries.len() == 1 => {
                    let (action, input) = &entries[0];
                    calls.push((action.text.clone(), json(input)));
                }
                _ => reader.wrong(
                    call.place,
                    format!(
                        "expect.calls: found {}, expected SYSTEM.ACTION: input",
                        call.describe()
                    ),
                ),
            }
        }
        calls
    });
    for (key, fields, list) in [
        (
            "events",
            &["type", "subject", "data"] as &[&str],
            &mut expected.events,
        ),
        (
            "tasks",
            &["role", "question", "options"],
            &mut expected.tasks,
        ),
        ("links", &["kind", "ids"], &mut expected.links),
    ] {
        *list = node.get(key).map(|node| {
            let all = items(reader, node, key);
            all.iter()
                .filter_map(|one| reader.mapping(one, key, fields).map(|_| json(one)))
                .collect()
        });
    }
    expected.runs = node.get("runs").map(|node| {
        let mut runs = Vec::new();
        for run in items(reader, node, "expect.runs") {
            let Some(word) = reader.text(run, "expect.runs").map(str::to_owned) else {
                continue;
            };
            if !ENDS.contains(&word.as_str()) {
                let known = ENDS.join(", ");
                let message = format!("expect.runs: found \"{word}\", expected one of {known}");
                reader.wrong(run.place, message);
            }
            runs.push(word);
        }
        runs
    });
    expected
}
