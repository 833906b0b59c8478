//! What an expression sees: `event`, `steps`, `vars`, `run`, `item`, `failure`, and how much work it may make.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use cel::common::value::CowVal;
use cel::context::VariableResolver;
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tombolo_kernel::event::Event;
use tombolo_kernel::limits;

use super::Found;
use super::functions::{
    Counterparts, NoCounterparts, REFERENCES, ReferencesVal, TABLES, TablesVal,
};
use super::value::{Names, to_val};
use crate::json::{Document, Json, Named, Node, Shape};
use crate::tables::Tables;

/// The fields of `event`.
pub(crate) const EVENT_FIELDS: [&str; 6] = ["id", "source", "type", "subject", "time", "data"];

/// The names every expression starts from.
pub(crate) const ROOTS: [&str; 7] = ["event", "steps", "vars", "run", "item", "index", "failure"];

/// The fields of `run`.
pub(crate) const RUN_FIELDS: [&str; 2] = ["id", "event"];

/// An event whose data is looked into at most once, whoever asks.
#[derive(Debug)]
pub struct EventDocument {
    /// Its place in the log.
    pub seq: i64,
    /// The event.
    pub event: Event,
    data: Node,
    whole: OnceLock<Document>,
}

impl EventDocument {
    /// Nothing of the data is looked at yet.
    #[must_use]
    pub fn new(seq: i64, event: Event) -> Self {
        let data = Node::whole(event.data.get());
        let whole = OnceLock::new();
        Self {
            seq,
            event,
            data,
            whole,
        }
    }

    /// The place of the event from outside that it came of; its own where it came from outside.
    #[must_use]
    pub fn root(&self) -> i64 {
        self.event.root.unwrap_or(self.seq)
    }

    /// The same event with other data: what a sub-flow sees.
    #[must_use]
    pub fn with_data(&self, data: Box<RawValue>) -> Self {
        let event = Event {
            data,
            ..self.event.clone()
        };
        Self::new(self.seq, event)
    }

    /// All of it as one JSON value.
    #[must_use]
    pub fn whole(&self) -> Json<'_> {
        let whole = self.whole.get_or_init(|| {
            // An event is texts and JSON: writing it into memory does not fail.
            let text = serde_json::to_string(&self.event).unwrap_or_else(|_| "null".to_owned());
            Document::new(text).unwrap_or_else(|_| Document::from_raw(self.event.data.clone()))
        });
        whole.json()
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> Json<'_> {
        Json::new(self.event.data.get(), &self.data)
    }
}

/// One item of an `each`.
#[derive(Debug)]
pub struct Item {
    /// The item.
    pub value: Document,
    /// Its place in the list, from 0.
    pub index: Document,
}

/// What one expression is evaluated over.
pub struct Scope<'a> {
    /// The event of the run.
    pub event: &'a EventDocument,
    /// Results of the steps so far.
    pub steps: &'a Named,
    /// What `set` kept.
    pub vars: &'a Named,
    /// The run's id.
    pub run: &'a str,
    tables: Arc<Tables>,
    references: Option<&'a Arc<dyn Counterparts>>,
    /// Results and variables of the steps around an `each`, the nearest first.
    pub around: Vec<(&'a Named, &'a Named)>,
    /// The item of the `each` around.
    pub item: Option<&'a Item>,
    /// Why `on-failure` runs.
    pub failure: Option<&'a Document>,
    /// The event that began the run, where `event` is another.
    pub began: Option<&'a EventDocument>,
    work: AtomicU32,
    missed: Mutex<Option<String>>,
}

impl<'a> Scope<'a> {
    /// Over these.
    #[must_use]
    pub fn new(event: &'a EventDocument, steps: &'a Named, vars: &'a Named, run: &'a str) -> Self {
        Self {
            event,
            steps,
            vars,
            run,
            tables: Arc::default(),
            references: None,
            around: Vec::new(),
            item: None,
            failure: None,
            began: None,
            work: AtomicU32::new(0),
            missed: Mutex::new(None),
        }
    }

    /// With the site's value maps.
    #[must_use]
    pub fn with_tables(mut self, tables: Arc<Tables>) -> Self {
        self.tables = tables;
        self
    }

    /// With the site's cross-references.
    #[must_use]
    pub fn with_references(mut self, references: &'a Arc<dyn Counterparts>) -> Self {
        self.references = Some(references);
        self
    }

    /// Starts counting for one evaluation.
    pub(super) fn begin(&self) {
        self.work.store(0, Ordering::Relaxed);
        *self.missed.lock() = None;
    }

    /// Counts a value that is handed out; false when there were too many.
    pub(super) fn charge(&self, bytes: usize) -> bool {
        let units = u32::try_from(1 + bytes / 64).unwrap_or(u32::MAX);
        let before = self.work.load(Ordering::Relaxed);
        self.work
            .store(before.saturating_add(units), Ordering::Relaxed);
        before < limits::EXPRESSION_WORK
    }

    pub(super) fn exhausted(&self) -> bool {
        self.work.load(Ordering::Relaxed) >= limits::EXPRESSION_WORK
    }

    /// Remembers what there was where a name was missing, for the message.
    pub(super) fn miss(&self, message: String) {
        *self.missed.lock() = Some(message);
    }

    pub(super) fn missed(&self) -> Option<String> {
        self.missed.lock().take()
    }

    /// A field of `event`, a step's result, a variable, `run.id`.
    pub(super) fn field(&self, root: &str, name: &str) -> Option<Found<'_>> {
        let event = &self.event.event;
        match (root, name) {
            ("event", "data") => Some(Found::Json(self.event.data())),
            ("event", "id") => Some(Found::Text(&event.id)),
            ("event", "source") => Some(Found::Text(&event.source)),
            ("event", "type") => Some(Found::Text(&event.kind)),
            ("event", "subject") => event.subject.as_deref().map(Found::Text),
            ("event", "time") => Some(Found::Text(&event.time)),
            ("steps", name) => {
                let around = self.around.iter().map(|(steps, _)| *steps);
                let mut all = std::iter::once(self.steps).chain(around);
                all.find_map(|steps| steps.get(name))
                    .map(|document| Found::Json(document.json()))
            }
            ("vars", name) => {
                let around = self.around.iter().map(|(_, vars)| *vars);
                let mut all = std::iter::once(self.vars).chain(around);
                all.find_map(|vars| vars.get(name))
                    .map(|document| Found::Json(document.json()))
            }
            ("run", "event") => Some(Found::Json(self.began.unwrap_or(self.event).whole())),
            ("run", "id") => Some(Found::Text(self.run)),
            (root, name) => self.special(root)?.get(name).map(Found::Json),
        }
    }

    /// `item`, `index`, `failure`, where there is one.
    fn special(&self, root: &str) -> Option<Json<'_>> {
        let document = match root {
            "item" => &self.item?.value,
            "index" => &self.item?.index,
            "failure" => self.failure?,
            _ => return None,
        };
        Some(document.json())
    }

    /// The names under a root.
    pub(super) fn names(&self, root: &str) -> Vec<&str> {
        match root {
            "event" => EVENT_FIELDS
                .into_iter()
                .filter(|name| self.field(root, name).is_some())
                .collect(),
            "steps" => {
                let around = self.around.iter().flat_map(|(steps, _)| steps.names());
                self.steps.names().chain(around).collect()
            }
            "vars" => {
                let around = self.around.iter().flat_map(|(_, vars)| vars.names());
                self.vars.names().chain(around).collect()
            }
            "run" => RUN_FIELDS.to_vec(),
            root => {
                let fields = self.special(root).map(|json| json.fields());
                fields.into_iter().flatten().map(|(name, _)| name).collect()
            }
        }
    }

    /// Follows a path; the error says how far it led and what is there.
    pub(super) fn find(&self, path: &[String]) -> Result<Found<'_>, String> {
        let [root, name, rest @ ..] = path else {
            return Err("expected a field".to_owned());
        };
        let Some(mut found) = self.field(root, name) else {
            return Err(missing(name, root, self.names(root).into_iter()));
        };
        for (depth, name) in rest.iter().enumerate() {
            let Found::Json(json) = found else {
                return Err(format!(
                    "{} is a text and has no field \"{name}\"",
                    path[..depth + 2].join(".")
                ));
            };
            let here = || path[..depth + 2].join(".");
            found = match json.get(name) {
                Some(json) => Found::Json(json),
                None if json.shape() == Shape::Map => {
                    return Err(missing(name, &here(), json.fields().map(|(name, _)| name)));
                }
                None => {
                    let found = super::output::cut(json.raw());
                    return Err(format!("{} is {found} and has no field \"{name}\"", here()));
                }
            };
        }
        Ok(found)
    }
}

/// `there is no "part" in event.data; there are: device, severity`
pub(super) fn missing<'n>(name: &str, place: &str, there: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = there.take(21).collect();
    let more = if names.len() > 20 { ", ..." } else { "" };
    names.truncate(20);
    if names.is_empty() {
        return format!("there is no \"{name}\" in {place}, which is empty");
    }
    let near = crate::problem::did_you_mean(name, names.iter().copied());
    format!(
        "there is no \"{name}\" in {place}; there are: {}{more}{near}",
        names.join(", ")
    )
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable {
            "event.data" => Some(CowVal::Owned(to_val(self.event.data(), self))),
            "event" => Some(CowVal::owned(Names::new("event", self))),
            "steps" => Some(CowVal::owned(Names::new("steps", self))),
            "vars" => Some(CowVal::owned(Names::new("vars", self))),
            "run" => Some(CowVal::owned(Names::new("run", self))),
            TABLES => Some(CowVal::owned(TablesVal(Arc::clone(&self.tables)))),
            REFERENCES => Some(CowVal::owned(ReferencesVal(match self.references {
                Some(references) => Arc::clone(references),
                None => Arc::new(NoCounterparts),
            }))),
            name => self
                .special(name)
                .map(|json| CowVal::Owned(to_val(json, self))),
        }
    }
}
