//! From steps inside steps to a straight program with jumps, and what holds across steps: ids are unique, a result is
//! looked at only after its step, and never from the branch beside it.

use std::collections::HashMap;

use tombolo_kernel::limits;

use super::step::{Kind, Step};
use super::steps::{Body, Written};
use crate::expression::{Expression, References, Template};
use crate::problem::{Place, did_you_mean};
use crate::yaml::Reader;

/// The branches around a step: which `if`, and whether its `then`.
type Branches = Vec<(usize, bool)>;

struct Lowering<'r, 'a> {
    reader: &'r mut Reader<'a>,
    program: Vec<Step>,
    places: Vec<Place>,
    branches: Vec<Branches>,
    ids: HashMap<String, usize>,
    vars: Vec<String>,
    all_kept: bool,
}

/// A jump that waits to know where it leads.
enum Open {
    Next(usize),
    Else(usize),
}

/// Makes the program.
pub(super) fn lower(reader: &mut Reader<'_>, tree: Vec<Written>) -> Vec<Step> {
    let mut lowering = Lowering {
        reader,
        program: Vec::new(),
        places: Vec::new(),
        branches: Vec::new(),
        ids: HashMap::new(),
        vars: Vec::new(),
        all_kept: false,
    };
    let open = lowering.steps(tree, "", &Vec::new());
    let end = lowering.program.len();
    lowering.close(open, end);
    if lowering.program.len() > limits::FLOW_STEPS {
        let most = limits::FLOW_STEPS;
        let message = format!(
            "the flow has {} steps, expected at most {most}",
            lowering.program.len()
        );
        let place = lowering.places[most];
        lowering.reader.wrong(place, message);
    }
    if lowering.all_kept {
        lowering
            .program
            .iter_mut()
            .for_each(|step| step.kept = true);
    }
    lowering.program
}

impl Lowering<'_, '_> {
    fn close(&mut self, open: Vec<Open>, target: usize) {
        for jump in open {
            match jump {
                Open::Next(at) => self.program[at].next = target,
                Open::Else(at) => {
                    if let Kind::If { else_at, .. } = &mut self.program[at].kind {
                        *else_at = target;
                    }
                    self.program[at].next = target;
                }
            }
        }
    }

    fn steps(&mut self, tree: Vec<Written>, path: &str, around: &Branches) -> Vec<Open> {
        let mut open = Vec::new();
        for (index, written) in tree.into_iter().enumerate() {
            let here = self.program.len();
            self.close(std::mem::take(&mut open), here);
            let place = if path.is_empty() {
                (index + 1).to_string()
            } else {
                format!("{path}.{}", index + 1)
            };
            open = self.step(written, &place, around);
        }
        open
    }

    fn step(&mut self, written: Written, path: &str, around: &Branches) -> Vec<Open> {
        let here = self.program.len();
        let step = Step {
            id: self.id(written.id, path, here),
            depth: around.len(),
            branch: around
                .last()
                .map(|(_, then)| if *then { "then" } else { "else" }),
            kind: Kind::Set(Vec::new()),
            next: 0,
            retry: written.retry,
            timeout_ms: written.timeout_ms,
            kept: false,
        };
        self.places.push(written.place);
        self.branches.push(around.clone());
        let kind = match written.body {
            Body::If {
                condition,
                then,
                otherwise,
            } => return self.branch(step, condition, [then, otherwise], path, around),
            Body::Call(call) => {
                self.look_at(&call.with, around, here);
                Kind::Call(call)
            }
            Body::Emit(emit) => {
                if let Some(subject) = &emit.subject {
                    self.look_at(subject, around, here);
                }
                self.look_at(&emit.data, around, here);
                Kind::Emit(emit)
            }
            Body::Ask(ask) => {
                self.look_at(&ask.question, around, here);
                Kind::Ask(ask)
            }
            Body::Set(values) => {
                for (name, value) in &values {
                    self.look_at(value, around, here);
                    self.vars.push(name.clone());
                }
                Kind::Set(values)
            }
        };
        self.program.push(Step { kind, ..step });
        vec![Open::Next(here)]
    }

    fn branch(
        &mut self,
        step: Step,
        condition: Option<Expression>,
        [then, otherwise]: [Vec<Written>; 2],
        path: &str,
        around: &Branches,
    ) -> Vec<Open> {
        let here = self.program.len();
        let Some(condition) = condition else {
            // Already a problem; the branches are still checked.
            let mut open = self.steps_beside(then, path, "then", around, here);
            open.extend(self.steps_beside(otherwise, path, "else", around, here));
            return open;
        };
        self.look(&condition, around, here);
        let (then_at, else_at) = (here + 1, 0);
        let kind = Kind::If {
            condition,
            then_at,
            else_at,
        };
        self.program.push(Step { kind, ..step });
        let mut open = self.steps_beside(then, path, "then", around, here);
        if otherwise.is_empty() {
            open.push(Open::Else(here));
        } else {
            let else_at = self.program.len();
            self.close(vec![Open::Else(here)], else_at);
            open.extend(self.steps_beside(otherwise, path, "else", around, here));
        }
        open
    }

    fn look_at(&mut self, template: &Template, around: &Branches, here: usize) {
        for expression in template.expressions() {
            self.look(expression, around, here);
        }
    }

    fn steps_beside(
        &mut self,
        tree: Vec<Written>,
        path: &str,
        name: &str,
        around: &Branches,
        at: usize,
    ) -> Vec<Open> {
        let mut inside = around.clone();
        inside.push((at, name == "then"));
        self.steps(tree, &format!("{path}.{name}"), &inside)
    }

    fn id(&mut self, id: Option<(String, Place)>, path: &str, here: usize) -> String {
        let Some((id, place)) = id else {
            return path.to_owned();
        };
        match self.ids.get(&id) {
            Some(first) => {
                let line = self.places[*first].line;
                self.reader.wrong(
                    place,
                    format!("id: found \"{id}\" again, it is already the step at line {line}"),
                );
            }
            None => {
                self.ids.insert(id.clone(), here);
            }
        }
        id
    }

    /// Checks what an expression of the step `here` refers to, and keeps the results it needs.
    fn look(&mut self, expression: &Expression, around: &Branches, here: usize) {
        let References {
            steps,
            vars,
            all_steps,
            tables: _,
        } = expression.references();
        self.all_kept |= all_steps;
        for (name, place) in steps {
            let found = self
                .ids
                .get(name)
                .copied()
                .filter(|at| *at < here && *at < self.program.len());
            let Some(at) = found else {
                let mut known: Vec<&str> = self
                    .ids
                    .iter()
                    .filter(|(_, at)| **at < here)
                    .map(|(id, _)| id.as_str())
                    .collect();
                known.sort_unstable();
                let near = did_you_mean(name, known.iter().copied());
                let known = if known.is_empty() {
                    "none has an id".to_owned()
                } else {
                    known.join(", ")
                };
                let message = format!(
                    "there is no step \"{name}\" before this one; steps with results: {known}{near}"
                );
                self.reader.wrong(*place, message);
                continue;
            };
            let beside = self.branches[at]
                .iter()
                .any(|(one, then)| around.contains(&(*one, !then)));
            if beside {
                let message = format!(
                    "the step \"{name}\" is in the other branch: it never runs together with this one"
                );
                self.reader.wrong(*place, message);
            }
            match &self.program[at].kind {
                Kind::If { .. } | Kind::Set(_) => {
                    let message = format!(
                        "the step \"{name}\" has no result: only call, ask and emit have one"
                    );
                    self.reader.wrong(*place, message);
                }
                _ => self.program[at].kept = true,
            }
        }
        for (name, place) in vars {
            if !self.vars.contains(name) {
                let near = did_you_mean(name, self.vars.iter().map(String::as_str));
                let message = format!(
                    "there is no variable vars.{name} before this step: `set` it first{near}"
                );
                self.reader.wrong(*place, message);
            }
        }
    }
}
