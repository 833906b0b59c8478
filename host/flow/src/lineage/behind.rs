//! What is behind a name that an expression looks at: the expressions that made a result, a variable, an item, what a flow
//! was called with, and so on back to the event.

use std::collections::HashSet;

use super::key_of;
use super::names::names;
use crate::definition::{Flow, Kind, Step};
use crate::expression::{Expression, Template};

/// What the expressions of a flow see.
pub(super) struct Sight<'f> {
    /// Has all flows that are called.
    root: &'f Flow,
    pub(super) flow: &'f Flow,
    /// What the names of its steps begin with.
    prefix: String,
    /// Who calls it, and at which step.
    caller: Option<(&'f Sight<'f>, usize)>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    names: Vec<String>,
    /// Looked at already, by flow and step.
    seen: HashSet<(String, usize, String)>,
}

impl<'f> Sight<'f> {
    pub(super) fn of(flow: &'f Flow) -> Self {
        Self {
            root: flow,
            flow,
            prefix: String::new(),
            caller: None,
        }
    }

    /// The flow that a step calls.
    pub(super) fn inside(&'f self, at: usize) -> Option<Self> {
        let step = self.flow.program.get(at)?;
        let Kind::Flow(called) = &step.kind else {
            return None;
        };
        Some(Self {
            root: self.root,
            flow: self.root.parts.get(&called.name)?,
            prefix: format!("{}{}.", self.prefix_at(at), step.id),
            caller: Some((self, at)),
        })
    }

    /// What a step's name begins with: `lines[].` inside an `each`.
    pub(super) fn prefix_at(&self, at: usize) -> String {
        let around = self.around(at).map(|(_, step)| format!("{}[].", step.id));
        around.fold(self.prefix.clone(), |prefix, more| prefix + &more)
    }

    /// The `each` steps around a step, the outermost first.
    fn around(&self, at: usize) -> impl DoubleEndedIterator<Item = (usize, &'f Step)> {
        let before = self.flow.program.iter().enumerate().take(at);
        before.filter(move |(_, step)| matches!(&step.kind, Kind::Each(each) if at < each.end))
    }

    /// What a template of a step looks at, and what is behind that.
    pub(super) fn looked_at(&self, at: usize, template: &Template) -> (Vec<String>, Vec<String>) {
        let (mut from, mut behind) = (Vec::new(), Found::default());
        for expression in template.expressions() {
            for name in names(expression.source()) {
                self.follow(at, &name, &mut behind);
                from.push(match name.strip_prefix("event.data") {
                    Some(rest) if self.caller.is_some() => format!("with{rest}"),
                    _ => name,
                });
            }
            from.extend(tables_and_references(expression));
        }
        let mut seen = HashSet::new();
        from.retain(|name| seen.insert(name.clone()));
        behind.names.retain(|name| seen.insert(name.clone()));
        (from, behind.names)
    }

    fn look(&self, at: usize, expression: &Expression, found: &mut Found) {
        for name in names(expression.source()) {
            self.follow(at, &name, found);
        }
        found.names.extend(tables_and_references(expression));
    }

    fn look_all(&self, at: usize, template: &Template, found: &mut Found) {
        for expression in template.expressions() {
            self.look(at, expression, found);
        }
    }

    fn follow(&self, at: usize, name: &str, found: &mut Found) {
        let key = (self.prefix.clone(), at, name.to_owned());
        if !found.seen.insert(key) {
            return;
        }
        let mut parts = name.splitn(3, '.');
        let (root, field) = (parts.next().unwrap_or_default(), parts.next());
        match (root, field, &self.caller) {
            ("event", Some("data"), Some((caller, at))) => {
                let field = parts.next().and_then(|rest| rest.split('.').next());
                caller.called_with(*at, field, found);
            }
            ("event", ..) => found.names.push(name.to_owned()),
            ("item", ..) => {
                if let Some((outer, step)) = self.around(at).next_back()
                    && let Kind::Each(each) = &step.kind
                {
                    self.look(outer, &each.over, found);
                }
            }
            ("vars", Some(variable), _) => {
                for (at, step) in self.flow.program.iter().enumerate() {
                    let Kind::Set(values) = &step.kind else {
                        continue;
                    };
                    for (_, value) in values.iter().filter(|(name, _)| name == variable) {
                        self.look_all(at, value, found);
                    }
                }
            }
            ("steps", Some(id), _) => {
                let steps = self.flow.program.iter().enumerate();
                for (at, step) in steps.filter(|(_, step)| step.id == id) {
                    self.result(at, step, found);
                }
            }
            _ => {}
        }
    }

    /// What a step's result was made of: what was sent, or what was returned.
    fn result(&self, at: usize, step: &Step, found: &mut Found) {
        match &step.kind {
            Kind::Call(call) => self.look_all(at, &call.with, found),
            Kind::Link(link) => {
                for (_, id, _) in &link.ids {
                    self.look_all(at, id, found);
                }
            }
            Kind::Each(each) => {
                // Its result is that of every item's last step, or what that returned.
                self.look(at, &each.over, found);
                self.returned(at + 1..each.end, found);
                let last = each.end.saturating_sub(1);
                if let Some(step) = self.flow.program.get(last).filter(|_| last > at) {
                    self.result(last, step, found);
                }
            }
            Kind::Flow(_) => {
                if let Some(inside) = self.inside(at) {
                    inside.returned(0..inside.flow.program.len(), found);
                }
            }
            _ => {}
        }
    }

    fn returned(&self, among: std::ops::Range<usize>, found: &mut Found) {
        for at in among {
            if let Some(Kind::Return(value)) = self.flow.program.get(at).map(|step| &step.kind) {
                self.look_all(at, value, found);
            }
        }
    }

    /// What a called flow sees as a field of `event.data`.
    fn called_with(&self, at: usize, field: Option<&str>, found: &mut Found) {
        let Some(Kind::Flow(flow)) = self.flow.program.get(at).map(|step| &step.kind) else {
            return;
        };
        let (Some(field), Template::Map(entries)) = (field, &flow.with) else {
            return self.look_all(at, &flow.with, found);
        };
        for (_, value) in entries.iter().filter(|(key, _)| key_of(key) == field) {
            self.look_all(at, value, found);
        }
    }
}

fn tables_and_references(expression: &Expression) -> impl Iterator<Item = String> {
    let references = expression.references();
    let tables = references.tables.iter();
    let cross = references.cross.iter();
    tables
        .map(|(name, _)| format!("tables/{name}.csv"))
        .chain(cross.map(|(named, _)| named.to_string()))
}
