//! Expressions in CEL over `event`, `steps`, `vars`, `run`, `item` and `failure`, compiled once when a flow is read.
//!
//! An expression that only names a value (`event.data.part`) never reaches the interpreter: its text is copied from
//! the event to the input as it is. What is evaluated sees the JSON lazily through [`value`]; nothing is converted
//! that is not looked at. Every evaluation is bounded by [`limits::EXPRESSION_WORK`](tombolo_kernel::limits).

mod compile;
mod equal;
mod functions;
mod output;
mod scope;
mod template;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};

use crate::json::{Json, Shape};
use crate::problem::Place;

pub use compile::{CompileProblem, References};
pub use equal::{Equal, key_of};
pub use functions::{Counterparts, NamedReference, NoCounterparts};
pub use scope::{EventDocument, Item, Scope};
pub use template::Template;

/// The functions and macros of every expression: CEL's standard ones, the string and math extensions, and [`functions`].
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // They extend a fresh standard environment, with which they have no name in common.
    let _ = env.add_extension(cel::extensions::strings);
    let _ = env.add_extension(cel::extensions::math);
    let _ = env.add_extension(functions::extension);
    Arc::new(env)
});

/// One compiled expression.
#[derive(Debug)]
pub struct Expression {
    source: String,
    place: Place,
    body: Body,
    references: References,
}

#[derive(Debug)]
enum Body {
    /// `event.data.part`: names joined by dots, the first is one of [`scope::ROOTS`].
    Path(Vec<String>),
    Cel(IdedExpr),
}

/// Why an expression has no value: which, where, what was missing or unfitting, what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression `{source_text}` at line {}, column {}: {message}", place.line, place.column)]
pub struct EvaluationError {
    /// The expression as written.
    pub source_text: String,
    /// Where it stands in the flow's file.
    pub place: Place,
    /// Found, expected, what is there.
    pub message: String,
}

/// A value that only has a name.
pub(crate) enum Found<'a> {
    Text(&'a str),
    Json(Json<'a>),
}

impl Expression {
    /// Compiles an expression that begins at `place` of its file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(source: &str, place: Place) -> Result<Self, Vec<CompileProblem>> {
        compile::compile(source, place)
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What it refers to.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Evaluates it as a condition.
    ///
    /// # Errors
    /// It has no value, or one that is not `true` or `false`.
    pub fn condition(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        match &self.body {
            Body::Path(path) => match self.find(path, scope)? {
                Found::Json(json) if json.shape() == Shape::Bool => Ok(json.raw() == "true"),
                found => Err(self.error(format!(
                    "expected true or false, found {}",
                    found.describe()
                ))),
            },
            Body::Cel(expression) => self.evaluate(expression, scope, |value| {
                value
                    .downcast_ref::<CelBool>()
                    .map(|bool| *bool.inner())
                    .ok_or_else(|| {
                        format!(
                            "expected true or false, found a value of type {}",
                            value.get_type().name()
                        )
                    })
            }),
        }
    }

    /// Writes its value as JSON.
    ///
    /// # Errors
    /// It has no value, or one that JSON has no form for.
    pub fn write_json(&self, scope: &Scope<'_>, out: &mut String) -> Result<(), EvaluationError> {
        match &self.body {
            Body::Path(path) => {
                match self.find(path, scope)? {
                    Found::Text(text) => crate::json::write_string(text, out),
                    Found::Json(json) => out.push_str(json.raw()),
                }
                Ok(())
            }
            Body::Cel(expression) => self.evaluate(expression, scope, |value| {
                output::write_json(&**value, out, 0)
            }),
        }
    }

    /// Writes its value into a text: strings as they are, everything else as JSON.
    ///
    /// # Errors
    /// It has no value, or it is `null`, which is no text.
    pub fn write_text(&self, scope: &Scope<'_>, out: &mut String) -> Result<(), EvaluationError> {
        match &self.body {
            Body::Path(path) => match self.find(path, scope)? {
                Found::Text(text) => out.push_str(text),
                Found::Json(json) => match json.shape() {
                    Shape::Null => return Err(self.error(output::NULL_IN_TEXT.to_owned())),
                    Shape::Text => out.push_str(&json.text().unwrap_or_default()),
                    _ => out.push_str(json.raw()),
                },
            },
            Body::Cel(expression) => {
                return self.evaluate(expression, scope, |value| output::write_text(&**value, out));
            }
        }
        Ok(())
    }

    fn find<'s>(
        &self,
        path: &[String],
        scope: &'s Scope<'_>,
    ) -> Result<Found<'s>, EvaluationError> {
        scope.find(path).map_err(|message| self.error(message))
    }

    fn evaluate<T>(
        &self,
        expression: &IdedExpr,
        scope: &Scope<'_>,
        take: impl FnOnce(&CowVal<'_, '_>) -> Result<T, String>,
    ) -> Result<T, EvaluationError> {
        scope.begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
            context.set_variable_resolver(scope);
            match Value::resolve_val(expression, &context) {
                Ok(value) => take(&value),
                Err(error) => Err(output::explain(&error, scope)),
            }
        }))
        .unwrap_or_else(|_| Err("the interpreter gave up on it".to_owned()));
        match scope.exhausted() {
            true => Err(self.error(output::too_much_work())),
            false => outcome.map_err(|message| self.error(message)),
        }
    }

    fn error(&self, message: String) -> EvaluationError {
        EvaluationError {
            source_text: self.source.clone(),
            place: self.place,
            message,
        }
    }
}

impl Found<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("the text \"{}\"", output::cut(text)),
            Self::Json(json) => output::cut(json.raw()).to_string(),
        }
    }
}

/// Whether an [`ExecutionError`] only says that something is not there.
pub(crate) fn is_missing(error: &ExecutionError) -> bool {
    matches!(error, ExecutionError::NoSuchKey(_))
}

#[cfg(test)]
mod mutated;
#[cfg(test)]
mod tests;
