//! Functions for data that must fit: exact decimals, time zones and dates, phone numbers, prefixes, value maps,
//! cross-references.
//!
//! Each takes what it is given by its value, not by its type alone, so that what does not fit is told by what was
//! found. None guesses: a text that could mean two things is refused.

mod decimal;
mod phone;
mod table;
mod text;
mod time;
mod xref;

use cel::common::types::{CelDouble, CelInt, CelString, CelTimestamp, CelUInt, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::output::cut;

pub(super) use table::{TABLES, TablesVal, table_call};
pub use xref::{Counterparts, NamedReference, NoCounterparts};
pub(super) use xref::{REFERENCES, ReferencesVal, xref_call};

/// The names before the dot.
pub(super) const LIBRARIES: [&str; 4] = ["decimal", "phone", "text", "time"];

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
type Function = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v>;

/// Adds them to an environment.
pub(super) fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    let all = [
        decimal::FUNCTIONS,
        phone::FUNCTIONS,
        table::FUNCTIONS,
        text::FUNCTIONS,
        time::FUNCTIONS,
        xref::FUNCTIONS,
    ];
    for (name, arguments, function) in all.into_iter().flatten() {
        let id = format!("{name}({arguments})");
        env.add_overload(
            name,
            &id,
            (0..*arguments).map(|_| DYN_TYPE).collect(),
            *function,
        )?;
    }
    Ok(())
}

/// Name, number of arguments, what it does.
type Declared = (&'static str, usize, Function);

/// What a function was called with.
struct Arguments<'a, 'b, 'v> {
    function: &'static str,
    values: &'a [CowVal<'b, 'v>],
}

impl Arguments<'_, '_, '_> {
    fn wrong(&self, message: impl Into<String>) -> ExecutionError {
        ExecutionError::function_error(self.function, message.into())
    }

    fn value(&self, at: usize) -> Result<&dyn Val, ExecutionError> {
        match self.values.get(at) {
            Some(value) => Ok(&**value),
            None => Err(self.wrong(format!("expected more than {at} arguments"))),
        }
    }

    /// A text.
    fn text(&self, at: usize) -> Result<&str, ExecutionError> {
        let value = self.value(at)?;
        value
            .downcast_ref::<CelString<'_>>()
            .map(CelString::inner)
            .ok_or_else(|| {
                self.wrong(format!(
                    "found a value of type {}, expected a text",
                    value.get_type().name()
                ))
            })
    }

    /// A text or a number, as text. A number with a fraction is the shortest text that means it.
    fn text_or_number(&self, at: usize) -> Result<String, ExecutionError> {
        let value = self.value(at)?;
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            return Ok(text.inner().trim().to_owned());
        }
        if let Some(int) = value.downcast_ref::<CelInt>() {
            return Ok(int.inner().to_string());
        }
        if let Some(uint) = value.downcast_ref::<CelUInt>() {
            return Ok(uint.inner().to_string());
        }
        if let Some(double) = value.downcast_ref::<CelDouble>() {
            return Ok(double.inner().to_string());
        }
        if let Some(at) = value.downcast_ref::<CelTimestamp>() {
            return Ok(at.inner().to_rfc3339());
        }
        Err(self.wrong(format!(
            "found a value of type {}, expected a text or a number",
            value.get_type().name()
        )))
    }

    /// A whole number of a range.
    fn whole(&self, at: usize, most: i64) -> Result<i64, ExecutionError> {
        let value = self.value(at)?;
        let number = value.downcast_ref::<CelInt>().map(|int| *int.inner());
        number
            .filter(|number| (0..=most).contains(number))
            .ok_or_else(|| {
                self.wrong(format!(
                    "argument {}: expected a whole number from 0 to {most}",
                    at + 1
                ))
            })
    }

    /// `found "...", expected ...`, with a long text cut.
    fn unfit(&self, found: &str, expected: &str) -> ExecutionError {
        self.wrong(format!("found \"{}\", expected {expected}", cut(found)))
    }
}

fn texts<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

#[cfg(test)]
mod tests;
