//! From steps inside steps to a straight program with jumps, and what holds across steps: ids are unique, a result is
//! looked at only after its step, and never from the branch beside it.

use std::collections::HashMap;

use tombolo_kernel::limits;

use super::references::{Around, depth};
use super::step::{Case, Kind, Step};
use super::steps::{Body, Written};
use crate::expression::Expression;
use crate::problem::Place;
use crate::yaml::Reader;

pub(super) struct Lowering<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) program: Vec<Step>,
    pub(super) places: Vec<Place>,
    pub(super) around: Vec<Vec<Around>>,
    pub(super) ids: HashMap<String, usize>,
    pub(super) vars: Vec<String>,
    pub(super) all_kept: bool,
}

/// A jump that waits to know where it leads.
enum Open {
    Next(usize),
    Else(usize),
    Otherwise(usize),
}

/// The steps in one line, and where those begin that run when the flow failed for good; that is the end of the others.
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) closing_at: usize,
}

/// Makes the program.
pub(super) fn lower(
    reader: &mut Reader<'_>,
    tree: Vec<Written>,
    on_failure: Vec<Written>,
) -> Program {
    let mut lowering = Lowering {
        reader,
        program: Vec::new(),
        places: Vec::new(),
        around: Vec::new(),
        ids: HashMap::new(),
        vars: Vec::new(),
        all_kept: false,
    };
    let open = lowering.steps(tree, "", &[]);
    let closing_at = lowering.program.len();
    lowering.close(open, closing_at);
    let open = lowering.steps(on_failure, "on-failure", &[Around::Closing]);
    let end = lowering.program.len();
    lowering.close(open, end);
    if end > limits::FLOW_STEPS {
        let most = limits::FLOW_STEPS;
        let message = format!("the flow has {end} steps, expected at most {most}");
        let place = lowering.places[most];
        lowering.reader.wrong(place, message);
    }
    if lowering.all_kept {
        lowering
            .program
            .iter_mut()
            .for_each(|step| step.kept = true);
    }
    Program {
        steps: lowering.program,
        closing_at,
    }
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
                Open::Otherwise(at) => {
                    if let Kind::Choose { otherwise_at, .. } = &mut self.program[at].kind {
                        *otherwise_at = target;
                    }
                    self.program[at].next = target;
                }
            }
        }
    }

    fn steps(&mut self, tree: Vec<Written>, path: &str, around: &[Around]) -> Vec<Open> {
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

    fn step(&mut self, written: Written, path: &str, around: &[Around]) -> Vec<Open> {
        let here = self.program.len();
        let step = Step {
            id: self.id(written.id, path, here),
            depth: depth(around),
            level: around.len(),
            branch: around.last().and_then(Around::word),
            kind: Kind::Set(Vec::new()),
            next: 0,
            retry: written.retry,
            timeout_ms: written.timeout_ms,
            kept: false,
            on_failure: None,
            undo: written.undo,
            demands: written.demands,
            written: written.written,
        };
        self.places.push(written.place);
        self.around.push(around.to_vec());
        let kind = match written.body {
            Body::If {
                condition,
                then,
                otherwise,
            } => return self.branch(step, condition, [then, otherwise], path, around),
            Body::Choose { cases, otherwise } => {
                return self.choose(step, cases, otherwise, path, around);
            }
            Body::Each(each, body) => {
                if let Some(each) = &each {
                    self.look(&each.over, around, here);
                }
                let kind = each.map_or(Kind::Set(Vec::new()), Kind::Each);
                self.program.push(Step { kind, ..step });
                let known = self.vars.len();
                let inside = [around, &[Around::Body(here)]].concat();
                let open = self.steps(body, "", &inside);
                let end = self.program.len();
                self.close(open, end);
                if let Kind::Each(each) = &mut self.program[here].kind {
                    each.end = end;
                }
                self.vars.truncate(known);
                return self.on_failure(here, written.on_failure, path, around);
            }
            Body::Call(call) => {
                self.look_at(&call.with, around, here);
                Kind::Call(call)
            }
            Body::Flow(flow) => {
                self.look_at(&flow.with, around, here);
                Kind::Flow(flow)
            }
            Body::Wait(wait) => {
                if let Some(when) = &wait.when {
                    self.look(when, around, here);
                }
                Kind::Wait(wait)
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
            Body::Link(link) => {
                for (_, id, _) in &link.ids {
                    self.look_at(id, around, here);
                }
                Kind::Link(link)
            }
            Body::Return(value) => {
                if around.contains(&Around::Closing) {
                    let message = "return: found it in the flow's on-failure, expected it among its steps: a flow that \
                                   failed has no result";
                    self.reader.wrong(written.place, message);
                }
                self.look_at(&value, around, here);
                Kind::Return(value)
            }
            Body::Fail(words) => {
                self.look_at(&words, around, here);
                Kind::Fail(words)
            }
            Body::Check => Kind::Check,
            Body::Set(values) => {
                for (name, value) in &values {
                    self.look_at(value, around, here);
                    self.vars.push(name.clone());
                }
                Kind::Set(values)
            }
        };
        self.program.push(Step { kind, ..step });
        if let Some(undo) = self.program[here].undo.take() {
            // It is made when the step has ended: it may look at the step's own result.
            self.look_at(&undo.call.with, around, here + 1);
            self.program[here].undo = Some(undo);
        }
        let demands = std::mem::take(&mut self.program[here].demands);
        for demand in &demands {
            // They, too, may look at the step's own result.
            self.look(&demand.that, around, here + 1);
            self.look_at(&demand.says, around, here + 1);
        }
        self.program[here].demands = demands;
        self.on_failure(here, written.on_failure, path, around)
    }

    /// The steps that run when the step at `here` failed for good; then the flow goes on behind it.
    fn on_failure(
        &mut self,
        here: usize,
        steps: Vec<Written>,
        path: &str,
        around: &[Around],
    ) -> Vec<Open> {
        let mut open = vec![Open::Next(here)];
        if !steps.is_empty() {
            self.program[here].on_failure = Some(self.program.len());
            let inside = [around, &[Around::Handler(here)]].concat();
            open.extend(self.steps(steps, &format!("{path}.on-failure"), &inside));
        }
        open
    }

    fn choose(
        &mut self,
        step: Step,
        cases: Vec<(Option<Expression>, Vec<Written>)>,
        otherwise: Vec<Written>,
        path: &str,
        around: &[Around],
    ) -> Vec<Open> {
        let here = self.program.len();
        for when in cases.iter().filter_map(|(when, _)| when.as_ref()) {
            self.look(when, around, here);
        }
        let kind = Kind::Choose {
            cases: Vec::new(),
            otherwise_at: 0,
        };
        self.program.push(Step { kind, ..step });
        let mut open = Vec::new();
        for (number, (when, steps)) in cases.into_iter().enumerate() {
            let at = self.program.len();
            if let (Kind::Choose { cases, .. }, Some(when)) = (&mut self.program[here].kind, when) {
                cases.push(Case { when, at });
            }
            let word = format!("case {}", number + 1);
            let path = format!("{path}.{}", number + 1);
            open.extend(self.beside(steps, &path, (here, number), &word, around));
        }
        if otherwise.is_empty() {
            open.push(Open::Otherwise(here));
        } else {
            let at = self.program.len();
            self.close(vec![Open::Otherwise(here)], at);
            let path = format!("{path}.otherwise");
            open.extend(self.beside(otherwise, &path, (here, usize::MAX), "otherwise", around));
        }
        open
    }

    fn branch(
        &mut self,
        step: Step,
        condition: Option<Expression>,
        [then, otherwise]: [Vec<Written>; 2],
        path: &str,
        around: &[Around],
    ) -> Vec<Open> {
        let here = self.program.len();
        let kind = match condition {
            Some(condition) => {
                self.look(&condition, around, here);
                Kind::If {
                    condition,
                    then_at: here + 1,
                    else_at: 0,
                }
            }
            // Already a problem; the branches are still checked.
            None => Kind::Set(Vec::new()),
        };
        self.program.push(Step { kind, ..step });
        let mut open = self.beside(then, &format!("{path}.then"), (here, 0), "then", around);
        if otherwise.is_empty() {
            open.push(Open::Else(here));
        } else {
            let else_at = self.program.len();
            self.close(vec![Open::Else(here)], else_at);
            let path = format!("{path}.else");
            open.extend(self.beside(otherwise, &path, (here, 1), "else", around));
        }
        open
    }

    /// Steps of one branch.
    fn beside(
        &mut self,
        tree: Vec<Written>,
        path: &str,
        (at, number): (usize, usize),
        word: &str,
        around: &[Around],
    ) -> Vec<Open> {
        let branch = Around::Branch {
            at,
            number,
            word: word.to_owned(),
        };
        self.steps(tree, path, &[around, &[branch]].concat())
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
}
