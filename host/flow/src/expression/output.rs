//! Values back to JSON and text, and errors into words an operator can act on.

use std::borrow::Cow;

use cel::ExecutionError;
use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelMap, CelMapKey, CelOptional, CelString,
    CelTimestamp, CelUInt, Kind,
};
use cel::common::value::Val;
use tombolo_kernel::limits;

use super::scope::Scope;
use crate::json;

pub(super) const NULL_IN_TEXT: &str =
    "it is null, which is no text. Write `value == null ? \"\" : value` where it may be null";

pub(super) fn too_much_work() -> String {
    format!(
        "it looked at more than {} values. The event is too large for it: filter earlier, in the adapter",
        limits::EXPRESSION_WORK
    )
}

/// At most 80 letters of a text.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Writes a value as JSON. The keys of an object that the expression made are sorted: they have no order of their own.
pub(super) fn write_json(value: &dyn Val, out: &mut String, depth: usize) -> Result<(), String> {
    if depth > limits::JSON_DEPTH {
        return Err(format!(
            "its value is nested deeper than {}",
            limits::JSON_DEPTH
        ));
    }
    if out.len() > limits::RUN_STATE_BYTES {
        return Err(format!(
            "its value is larger than {} bytes",
            limits::RUN_STATE_BYTES
        ));
    }
    match value.get_type().kind() {
        Kind::List => {
            let iterable = value
                .as_iterable()
                .ok_or("its value is a list that cannot be read")?;
            let mut items = iterable.iter();
            let mut separator = '[';
            while let Some(item) = items.next() {
                out.push(separator);
                separator = ',';
                write_json(item, out, depth + 1)?;
            }
            out.push_str(if separator == '[' { "[]" } else { "]" });
            Ok(())
        }
        Kind::Map => write_map(value, out, depth),
        _ => write_scalar(value, out),
    }
}

fn write_map(value: &dyn Val, out: &mut String, depth: usize) -> Result<(), String> {
    let mut separator = '{';
    let mut entry = |key: &str, value: &dyn Val, out: &mut String| {
        out.push(separator);
        separator = ',';
        json::write_string(key, out);
        out.push(':');
        write_json(value, out, depth + 1)
    };
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut entries: Vec<(String, &dyn Val)> = map
            .inner()
            .iter()
            .map(|(key, value)| (key_text(key), &**value as &dyn Val))
            .collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        for (key, value) in entries {
            entry(&key, value, out)?;
        }
    } else {
        let (Some(iterable), Some(indexer)) = (value.as_iterable(), value.as_indexer()) else {
            return Err(
                "its value is all of event, steps, vars or run: name a field of it".to_owned(),
            );
        };
        let mut keys = iterable.iter();
        while let Some(key) = keys.next() {
            let Some(text) = key.downcast_ref::<CelString<'_>>() else {
                continue;
            };
            let value = indexer.get(key).map_err(|error| error.to_string())?;
            entry(text.inner(), &*value, out)?;
        }
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}

fn key_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(bool) => bool.inner().to_string(),
        CelMapKey::Int(int) => int.inner().to_string(),
        CelMapKey::UInt(uint) => uint.inner().to_string(),
        CelMapKey::String(text) => text.inner().to_owned(),
    }
}

fn write_scalar(value: &dyn Val, out: &mut String) -> Result<(), String> {
    use std::fmt::Write as _;
    // Writing into a String cannot fail.
    match value.get_type().kind() {
        Kind::NullType => out.push_str("null"),
        Kind::Boolean => {
            let bool = value
                .downcast_ref::<CelBool>()
                .is_some_and(|bool| *bool.inner());
            out.push_str(if bool { "true" } else { "false" });
        }
        Kind::Int => {
            let _ = write!(
                out,
                "{}",
                value.downcast_ref::<CelInt>().map_or(0, |int| *int.inner())
            );
        }
        Kind::UInt => {
            let _ = write!(
                out,
                "{}",
                value
                    .downcast_ref::<CelUInt>()
                    .map_or(0, |uint| *uint.inner())
            );
        }
        Kind::Double => {
            let double = value
                .downcast_ref::<CelDouble>()
                .map_or(f64::NAN, |double| *double.inner());
            let number = serde_json::Number::from_f64(double)
                .ok_or_else(|| format!("its value is {double}, which JSON has no form for"))?;
            let _ = write!(out, "{number}");
        }
        Kind::String => {
            json::write_string(
                value
                    .downcast_ref::<CelString<'_>>()
                    .map_or("", |text| text.inner()),
                out,
            );
        }
        Kind::Timestamp => {
            let at = value
                .downcast_ref::<CelTimestamp>()
                .map(|at| at.inner().to_rfc3339())
                .unwrap_or_default();
            json::write_string(&at, out);
        }
        Kind::Duration => {
            let milliseconds = value
                .downcast_ref::<CelDuration>()
                .map_or(0, |span| span.inner().num_milliseconds());
            #[expect(
                clippy::cast_precision_loss,
                reason = "seconds with three decimals; 285,000 years are exact"
            )]
            let seconds = milliseconds as f64 / 1000.0;
            json::write_string(&format!("{seconds}s"), out);
        }
        kind => return Err(no_form(kind, value)),
    }
    Ok(())
}

/// Why a value has no form in JSON, and what to write instead.
fn no_form(kind: Kind, value: &dyn Val) -> String {
    match kind {
        Kind::Opaque if value.downcast_ref::<CelOptional<'_>>().is_some() => {
            "its value is optional: end it with .orValue(...) or .value()".to_owned()
        }
        Kind::Bytes => {
            "its value is bytes: write string(value), or base64 it in the adapter".to_owned()
        }
        _ => format!(
            "its value is of type {}, which JSON has no form for",
            value.get_type().name()
        ),
    }
}

/// Writes a value into a text.
pub(super) fn write_text(value: &dyn Val, out: &mut String) -> Result<(), String> {
    match value.get_type().kind() {
        Kind::NullType => return Err(NULL_IN_TEXT.to_owned()),
        Kind::String => out.push_str(
            value
                .downcast_ref::<CelString<'_>>()
                .map_or("", |text| text.inner()),
        ),
        Kind::Timestamp => {
            out.push_str(
                &value
                    .downcast_ref::<CelTimestamp>()
                    .map(|at| at.inner().to_rfc3339())
                    .unwrap_or_default(),
            );
        }
        _ => return write_json(value, out, 0),
    }
    Ok(())
}

/// The interpreter's error, with what the scope knows about what was missing. Values are cut: they are the event's.
pub(super) fn explain(error: &ExecutionError, scope: &Scope<'_>) -> String {
    match error {
        _ if super::is_missing(error) => match (scope.missed(), error) {
            (Some(message), _) => message,
            (None, ExecutionError::NoSuchKey(key)) => format!("there is no \"{key}\""),
            (None, other) => other.to_string(),
        },
        ExecutionError::NoSuchOverload(overload) => {
            mixed(overload.function(), overload.argument_types())
        }
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            mixed(operator, &types)
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("found a value of type {got}, expected {want}")
        }
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UndeclaredReference(name) => {
            format!("there is no variable or function \"{name}\"")
        }
        other => cut(&other.to_string()).into_owned(),
    }
}

fn mixed(function: &str, types: &[String]) -> String {
    let operator = function.trim_matches('_');
    let numbers = ["int", "uint", "double", "float"];
    let hint = if types.len() == 2
        && types[0] != types[1]
        && types.iter().all(|kind| numbers.contains(&kind.as_str()))
    {
        ". Write double(...) around both, or int(...)"
    } else if types.iter().any(|kind| kind == "string")
        && types.iter().any(|kind| numbers.contains(&kind.as_str()))
    {
        ". Write string(...) around the number, or int(...) around the text"
    } else {
        ""
    };
    format!(
        "\"{operator}\" does not work on {}{hint}",
        types.join(" and ")
    )
}
