//! From text to a checked expression: syntax, bounds, names and functions, before any event comes.

use std::collections::BTreeSet;

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, SourceInfo, operators};
use cel::{Context, ExecutionError, IdedExpr, Value};
use tombolo_kernel::limits;

use super::scope::{EVENT_FIELDS, ROOTS, RUN_FIELDS};
use super::{Body, ENVIRONMENT, Expression, NamedReference, functions};
use crate::problem::{Place, did_you_mean};

/// Something wrong in an expression, with its place in the flow's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileProblem {
    /// Where.
    pub place: Place,
    /// Found, expected.
    pub message: String,
}

/// What an expression refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// `steps.x`, with the place.
    pub steps: Vec<(String, Place)>,
    /// `vars.x`, with the place.
    pub vars: Vec<(String, Place)>,
    /// `steps` as a whole: every result may be needed.
    pub all_steps: bool,
    /// Value maps that are named, with the place.
    pub tables: Vec<(String, Place)>,
    /// Cross-references that are looked up, with the place.
    pub cross: Vec<(NamedReference, Place)>,
    /// `item`, `index`, `failure`, with the place: not every step has them.
    pub special: Vec<(&'static str, Place)>,
}

/// Above this many bytes an expression is parsed on a thread with a deep stack: the parser recurses.
const SHORT: usize = 256;
/// Bytes of that stack.
const DEEP_STACK: usize = 128 << 20;

pub(super) fn compile(source: &str, place: Place) -> Result<Expression, Vec<CompileProblem>> {
    let wrong = |message: String| Err(vec![CompileProblem { place, message }]);
    if source.trim().is_empty() {
        return wrong(
            "found nothing, expected an expression such as event.data.severity >= 3".to_owned(),
        );
    }
    if source.len() > limits::EXPRESSION_BYTES {
        return wrong(format!(
            "the expression has {} bytes, expected at most {}: move the logic into an adapter",
            source.len(),
            limits::EXPRESSION_BYTES
        ));
    }
    if source.contains("${") {
        return wrong("found ${ inside an expression, expected it without ${ and }".to_owned());
    }
    if source.len() <= SHORT {
        return parse(source, place);
    }
    let deep = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, || parse(source, place))
            .map(std::thread::ScopedJoinHandle::join)
    });
    match deep {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => {
            wrong("the expression cannot be parsed: write it shorter".to_owned())
        }
    }
}

fn parse(source: &str, place: Place) -> Result<Expression, Vec<CompileProblem>> {
    let (mut body, info) = ENVIRONMENT
        .parser()
        .parse_with_source_info(source)
        .map_err(|errors| {
            let mut problems: Vec<CompileProblem> = errors
                .errors
                .iter()
                .map(|error| CompileProblem {
                    place: inside(place, error.pos),
                    message: syntax(&error.msg),
                })
                .collect();
            problems.truncate(3);
            problems
        })?;
    let mut checker = Checker {
        info: &info,
        place,
        bound: Vec::new(),
        references: References::default(),
        problems: vec![],
    };
    checker.visit(&mut body, 0, 0);
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    let references = checker.references;
    let body = match path(&body) {
        Some(path) => Body::Path(path),
        None => Body::Cel(body),
    };
    Ok(Expression {
        source: source.to_owned(),
        place,
        body,
        references,
    })
}

fn syntax(message: &str) -> String {
    let message = message.trim_start_matches("Syntax error: ");
    format!(
        "the expression does not parse: {}",
        message.replace("<EOF>", "its end")
    )
}

/// A position inside the expression as a place in the file: exact for the first line.
fn inside(place: Place, (line, column): (isize, isize)) -> Place {
    let number = |value: isize| u32::try_from(value.max(1) - 1).unwrap_or(0);
    match number(line) {
        0 => Place {
            line: place.line,
            column: place.column + number(column),
        },
        lines => Place {
            line: place.line + lines,
            column: number(column) + 1,
        },
    }
}

/// The names of an expression that only selects fields of a root.
pub(super) fn path(expression: &IdedExpr) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut expression = expression;
    loop {
        match &expression.expr {
            Expr::Select(select) if !select.test => {
                names.push(select.field.clone());
                expression = &select.operand;
            }
            Expr::Ident(root) if ROOTS.contains(&root.as_str()) && !names.is_empty() => {
                names.push(root.clone());
                names.reverse();
                return Some(names);
            }
            _ => return None,
        }
    }
}

struct Checker<'i> {
    info: &'i SourceInfo,
    place: Place,
    bound: Vec<String>,
    references: References,
    problems: Vec<CompileProblem>,
}

impl Checker<'_> {
    fn wrong(&mut self, id: u64, message: String) {
        let problem = CompileProblem {
            place: self.place_of(id),
            message,
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn place_of(&self, id: u64) -> Place {
        let Some((start, _)) = self.info.offset_for(id) else {
            return self.place;
        };
        let before: String = self.info.source.chars().take(start as usize).collect();
        let line = before.matches('\n').count();
        let column = before
            .chars()
            .rev()
            .take_while(|letter| *letter != '\n')
            .count();
        let number = |value: usize| isize::try_from(value).unwrap_or(0);
        inside(self.place, (number(line) + 1, number(column) + 1))
    }

    fn visit(&mut self, node: &mut IdedExpr, depth: usize, loops: usize) {
        if depth > limits::EXPRESSION_DEPTH {
            let most = limits::EXPRESSION_DEPTH;
            return self.wrong(
                node.id,
                format!("the expression is nested deeper than {most}: split it with `set`"),
            );
        }
        if self.field(node) {
            return;
        }
        let id = node.id;
        match functions::table_call(node) {
            Ok(name) => {
                let place = self.place_of(id);
                self.references
                    .tables
                    .extend(name.map(|name| (name, place)));
            }
            Err(message) => return self.wrong(id, message),
        }
        match functions::xref_call(node) {
            Ok(named) => {
                let place = self.place_of(id);
                self.references
                    .cross
                    .extend(named.map(|named| (named, place)));
            }
            Err(message) => return self.wrong(id, message),
        }
        match &mut node.expr {
            Expr::Unspecified => self.wrong(id, "the expression does not parse here".to_owned()),
            Expr::Literal(_) => {}
            Expr::Ident(name) => {
                let name = name.clone();
                self.identifier(id, &name);
            }
            Expr::Select(select) => self.visit(&mut select.operand, depth + 1, loops),
            Expr::Call(call) => {
                swap_literal(&call.func_name, &mut call.args);
                let library = library(call.target.as_deref()).map(str::to_owned);
                if let Some(target) = call.target.as_mut().filter(|_| library.is_none()) {
                    self.visit(target, depth + 1, loops);
                }
                for argument in &mut call.args {
                    self.visit(argument, depth + 1, loops);
                }
                let (name, on_value) = (call.func_name.clone(), call.target.is_some());
                match library {
                    Some(library) => self.function(id, &format!("{library}.{name}"), false),
                    None => self.function(id, &name, on_value),
                }
            }
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.visit(element, depth + 1, loops);
                }
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.visit(&mut entry.key, depth + 1, loops);
                        self.visit(&mut entry.value, depth + 1, loops);
                    }
                }
            }
            Expr::Struct(made) => {
                let name = made.type_name.clone();
                self.wrong(
                    id,
                    format!(
                        "found the message type \"{name}\", expected an object such as {{\"a\": 1}}"
                    ),
                );
            }
            Expr::Comprehension(comprehension) => self.visit_loop(id, comprehension, depth, loops),
        }
    }

    fn visit_loop(
        &mut self,
        id: u64,
        comprehension: &mut ComprehensionExpr,
        depth: usize,
        loops: usize,
    ) {
        let most = limits::EXPRESSION_COMPREHENSIONS;
        if loops >= most {
            let message = format!("loops (all, exists, map, filter) are nested deeper than {most}");
            return self.wrong(id, message);
        }
        self.visit(&mut comprehension.iter_range, depth + 1, loops);
        self.visit(&mut comprehension.accu_init, depth + 1, loops);
        let outer = self.bound.len();
        self.bound.push(comprehension.iter_var.clone());
        self.bound.extend(comprehension.iter_var2.clone());
        self.bound.push(comprehension.accu_var.clone());
        // What the macro itself adds around the loop's body is not the author's nesting.
        let within = depth.saturating_sub(1);
        self.visit(&mut comprehension.loop_cond, within, loops + 1);
        self.visit(&mut comprehension.loop_step, within, loops + 1);
        self.visit(&mut comprehension.result, within, loops + 1);
        self.bound.truncate(outer);
    }

    /// Takes note of `steps.x`, `vars.x`, `event.x`, `run.x`, `has(steps.x)`; true when nothing is left to visit.
    fn field(&mut self, node: &IdedExpr) -> bool {
        let Expr::Select(select) = &node.expr else {
            return false;
        };
        let Expr::Ident(root) = &select.operand.expr else {
            return false;
        };
        if self.bound.contains(root) {
            return true;
        }
        let place = self.place_of(select.operand.id);
        match root.as_str() {
            "steps" => self.references.steps.push((select.field.clone(), place)),
            "vars" => self.references.vars.push((select.field.clone(), place)),
            "event" if !EVENT_FIELDS.contains(&select.field.as_str()) => {
                let near = did_you_mean(&select.field, EVENT_FIELDS);
                let hint = if near.is_empty() {
                    format!(". Is it event.data.{}?", select.field)
                } else {
                    near
                };
                let known = EVENT_FIELDS.join(", ");
                self.wrong(
                    node.id,
                    format!(
                        "there is no event.{}, expected one of {known}{hint}",
                        select.field
                    ),
                );
            }
            "run" if !RUN_FIELDS.contains(&select.field.as_str()) => {
                self.wrong(
                    node.id,
                    format!(
                        "there is no run.{}, expected run.id or run.event",
                        select.field
                    ),
                );
            }
            "event" | "run" => {}
            root => return self.special(root, place),
        }
        true
    }

    /// Takes note of what only some steps have.
    fn special(&mut self, root: &str, place: Place) -> bool {
        let known = ["item", "index", "failure"];
        let found = known.into_iter().find(|known| *known == root);
        self.references
            .special
            .extend(found.map(|name| (name, place)));
        found.is_some()
    }

    fn identifier(&mut self, id: u64, name: &str) {
        if name.starts_with('@') || self.bound.iter().any(|bound| bound == name) {
            return;
        }
        match name {
            "steps" => self.references.all_steps = true,
            _ if self.special(name, self.place_of(id)) => {}
            _ if ROOTS.contains(&name) => {}
            _ if ENVIRONMENT.types().find_type(name).is_some() => {}
            _ => {
                let known = ROOTS.join(", ");
                let near = did_you_mean(name, ROOTS);
                let near = if near.is_empty() {
                    format!(". Is it event.data.{name}?")
                } else {
                    near
                };
                self.wrong(
                    id,
                    format!("there is no variable \"{name}\", expected one of {known}{near}"),
                );
            }
        }
    }

    /// Asks the interpreter whether it knows a function, by calling it on nothing.
    fn function(&mut self, id: u64, name: &str, on_value: bool) {
        if name.starts_with('@') || !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            return;
        }
        let text = if on_value {
            format!("null.{name}()")
        } else {
            format!("{name}()")
        };
        let Ok(probe) = ENVIRONMENT.parser().parse(&text) else {
            return;
        };
        let context = Context::with_env(ENVIRONMENT.clone());
        let unknown = matches!(
            Value::resolve_val(&probe, &context),
            Err(ExecutionError::UndeclaredReference(_))
        );
        if unknown {
            self.wrong(
                id,
                format!(
                    "there is no function \"{name}\"{}",
                    if on_value { " on a value" } else { "" }
                ),
            );
        }
    }
}

/// `math.ceil(...)`: the target names a library, not a value.
fn library(target: Option<&IdedExpr>) -> Option<&str> {
    match target.map(|target| &target.expr) {
        Some(Expr::Ident(name)) => Some(name.as_str())
            .filter(|name| LIBRARIES.contains(name) || functions::LIBRARIES.contains(name)),
        _ => None,
    }
}

const LIBRARIES: [&str; 3] = ["math", "optional", "strings"];

/// The interpreter asks the left side of `==` whether it equals the right one, and its own lists and objects know
/// nothing of ours: a literal goes to the right.
fn swap_literal(function: &str, arguments: &mut [IdedExpr]) {
    if !matches!(function, operators::EQUALS | operators::NOT_EQUALS) {
        return;
    }
    let literal = |node: &IdedExpr| matches!(node.expr, Expr::List(_) | Expr::Map(_));
    if let [left, right] = arguments
        && literal(left)
        && !literal(right)
    {
        std::mem::swap(left, right);
    }
}

impl References {
    /// Names of the steps it refers to.
    #[must_use]
    pub fn step_names(&self) -> BTreeSet<&str> {
        self.steps.iter().map(|(name, _)| name.as_str()).collect()
    }
}
