//! JSON as the interpreter sees it: views that look a field up when it is asked for, and never copy the rest.
//!
//! Numbers are `int` where they fit, else `uint`, else `double`. Every value handed out is charged to the scope's
//! work, so that no event's size makes an expression run away.

mod list;
mod map;
mod names;

use cel::ExecutionError;
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt};
use cel::common::value::Val;

use super::scope::Scope;
use crate::json::{Json, Shape};

use list::JsonList;
use map::JsonMap;
pub(crate) use names::Names;

/// A value of the text as the interpreter takes it.
pub(crate) fn to_val<'a>(json: Json<'a>, scope: &'a Scope<'a>) -> Box<dyn Val + 'a> {
    match json.shape() {
        Shape::Null => Box::new(CelNull),
        Shape::Bool => Box::new(CelBool::from(json.raw() == "true")),
        Shape::Number => number(json.raw()),
        Shape::Text => match json.text() {
            Some(std::borrow::Cow::Borrowed(text)) => Box::new(CelString::from(text)),
            Some(std::borrow::Cow::Owned(text)) => Box::new(CelString::from(text)),
            None => Box::new(CelNull),
        },
        Shape::List => Box::new(JsonList::new(json, scope)),
        Shape::Map => Box::new(JsonMap::new(json, scope)),
    }
}

fn number<'a>(raw: &str) -> Box<dyn Val + 'a> {
    if let Ok(int) = raw.parse::<i64>() {
        return Box::new(CelInt::from(int));
    }
    if let Ok(uint) = raw.parse::<u64>() {
        return Box::new(CelUInt::from(uint));
    }
    Box::new(CelDouble::from(raw.parse::<f64>().unwrap_or(f64::NAN)))
}

fn charged<'a>(json: Json<'a>, scope: &'a Scope<'a>) -> Result<Box<dyn Val + 'a>, ExecutionError> {
    let bytes = if json.shape() == Shape::Text {
        json.raw().len()
    } else {
        0
    };
    if scope.charge(bytes) {
        Ok(to_val(json, scope))
    } else {
        Err(exhausted())
    }
}

fn exhausted() -> ExecutionError {
    ExecutionError::function_error("expression", "too much work")
}

fn key_text(key: &dyn Val) -> Result<&str, ExecutionError> {
    key.downcast_ref::<CelString<'_>>()
        .map(CelString::inner)
        .ok_or_else(|| ExecutionError::UnexpectedType {
            got: key.get_type().name().to_owned(),
            want: "string".to_owned(),
        })
}
