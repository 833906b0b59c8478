//! What an expression of a step may look at: results of steps before it that are sure to be there or may be asked for
//! with `has`, variables set before it, the item, the failure.

use super::lower::Lowering;
use super::step::Kind;
use crate::expression::{Expression, References, Template};
use crate::problem::{Place, did_you_mean};

/// What is around a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Around {
    /// A branch of the `if` or `choose` at this place of the program.
    Branch {
        at: usize,
        number: usize,
        word: String,
    },
    /// The steps of an `each`.
    Body(usize),
    /// The `on-failure` of a step.
    Handler(usize),
    /// The `on-failure` of the flow.
    Closing,
}

impl Around {
    /// The branch for people.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Branch { word, .. } => Some(word.clone()),
            Self::Handler(_) | Self::Closing => Some("on-failure".to_owned()),
            Self::Body(_) => None,
        }
    }
}

/// Branches around a step since its `each` began: its place in the trace's tree.
pub(super) fn depth(around: &[Around]) -> usize {
    let inside = around.iter().rev();
    inside
        .take_while(|around| !matches!(around, Around::Body(_)))
        .filter(|around| **around != Around::Closing)
        .count()
}

impl Lowering<'_, '_> {
    pub(super) fn look_at(&mut self, template: &Template, around: &[Around], here: usize) {
        for expression in template.expressions() {
            self.look(expression, around, here);
        }
    }

    /// Checks what an expression of the step `here` refers to, and keeps the results it needs.
    pub(super) fn look(&mut self, expression: &Expression, around: &[Around], here: usize) {
        let References {
            steps,
            vars,
            all_steps,
            special,
            tables: _,
            cross: _,
        } = expression.references();
        self.all_kept |= all_steps;
        for (name, place) in steps {
            self.result(name, *place, around, here);
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
        for (name, place) in special {
            let inside = |around: &Around| match *name {
                "failure" => matches!(around, Around::Handler(_) | Around::Closing),
                _ => matches!(around, Around::Body(_)),
            };
            if !around.iter().any(inside) {
                let home = if *name == "failure" {
                    "on-failure"
                } else {
                    "each"
                };
                let message = format!("\"{name}\" is known only to the steps inside `{home}`");
                self.reader.wrong(*place, message);
            }
        }
    }

    fn result(&mut self, name: &str, place: Place, around: &[Around], here: usize) {
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
            self.reader.wrong(place, message);
            return;
        };
        let message = if self.is_beside(at, around) {
            format!(
                "the step \"{name}\" is in the other branch: it never runs together with this one"
            )
        } else if around.contains(&Around::Handler(at)) {
            format!("the step \"{name}\" has no result here: these steps run because it failed")
        } else if around.contains(&Around::Body(at)) {
            format!("the step \"{name}\" has no result before its items have ended")
        } else if let Some(each) = self.each_around(at, around) {
            format!(
                "the step \"{name}\" is inside the `each` at line {}: it has a result per item, look at the result of \
                 the `each`",
                self.places[each].line
            )
        } else if matches!(
            self.program[at].kind,
            Kind::If { .. }
                | Kind::Choose { .. }
                | Kind::Set(_)
                | Kind::Fail(_)
                | Kind::Return(_)
                | Kind::Check
        ) {
            format!(
                "the step \"{name}\" has no result: only call, each, wait, ask, link and emit have one"
            )
        } else {
            self.program[at].kept = true;
            return;
        };
        self.reader.wrong(place, message);
    }

    fn is_beside(&self, at: usize, around: &[Around]) -> bool {
        self.around[at].iter().any(|theirs| {
            let Around::Branch { at, number, .. } = theirs else {
                return false;
            };
            around.iter().any(|mine| {
                matches!(mine, Around::Branch { at: one, number: other, .. } if one == at && other != number)
            })
        })
    }

    /// The `each` that is around the step at `at` and not around us.
    fn each_around(&self, at: usize, around: &[Around]) -> Option<usize> {
        self.around[at].iter().find_map(|theirs| match theirs {
            Around::Body(each) if !around.contains(theirs) => Some(*each),
            _ => None,
        })
    }
}
