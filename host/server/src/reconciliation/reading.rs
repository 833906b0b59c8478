//! Reading one side from its beginning to its end, page by page, into its parts. A feed's own cursor is not touched.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tombolo_flow::expression::{EventDocument, Expression, Item, Scope};
use tombolo_flow::json::{Document, Json, Named, Shape};
use tombolo_flow::run::pause_ms;
use tombolo_flow::tables::Tables;
use tombolo_kernel::event::Event;
use tombolo_kernel::failure::Failure;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::limits;
use tombolo_kernel::system::ActionCall;

use super::compare::Row;
use super::parts::Parts;
use crate::core::Core;
use crate::site::{Side, Source};

/// Rows asked for at a time.
const PAGE: u32 = 1_000;

/// A page of rows, each JSON text, and the cursor of the next page.
struct Page {
    rows: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// What became of a side.
pub(super) struct Read {
    pub(super) parts: Parts,
    pub(super) rows: u64,
    pub(super) unreadable: u64,
    /// Why the first of them could not be read.
    pub(super) why: Vec<String>,
}

/// What rows are judged with.
pub(super) struct Judging {
    pub(super) side: Arc<Side>,
    pub(super) tables: Arc<Tables>,
    pub(super) hasher: RandomState,
}

/// Reads a side to its end. `run` names the run in records, `name` the side.
///
/// # Errors
/// What a person reads: the system's failure after all attempts, or the disk's.
pub(super) async fn read(
    core: &Core,
    run: &str,
    name: &'static str,
    judging: Arc<Judging>,
    parts: Parts,
) -> Result<Read, String> {
    let side = Arc::clone(&judging.side);
    let told = |message: String| format!("{name}, system {}: {message}", side.system);
    let mut read = Read {
        parts,
        rows: 0,
        unreadable: 0,
        why: Vec::new(),
    };
    let (mut cursor, mut number) = (None, 0u64);
    loop {
        number += 1;
        let cause = format!("{run}/{name}/{number}");
        let page = page_at_last(core, &side, cursor.clone(), &cause)
            .await
            .map_err(|failure| told(failure.to_string()))?;
        if page.next.is_some() && page.next == cursor {
            return Err(told(
                "the answer's cursor is the one it was asked with: it would be read for ever"
                    .into(),
            ));
        }
        cursor = page.next;
        let judging = Arc::clone(&judging);
        // Expressions and the disk are kept off the threads that serve.
        let taken =
            tokio::task::spawn_blocking(move || take(read, page.rows, &judging, name)).await;
        read = taken
            .map_err(|error| told(format!("the host lost a page: {error}")))?
            .map_err(|error| told(format!("its rows cannot be kept on the disk: {error}")))?;
        if cursor.is_none() {
            return Ok(read);
        }
    }
}

/// A page, however often it must be asked for.
async fn page_at_last(
    core: &Core,
    side: &Side,
    cursor: Option<String>,
    cause: &str,
) -> Result<Page, Failure> {
    let retry = core.engine.retry_of(&side.system);
    let mut attempt = 1;
    loop {
        let failure = match page(core, side, cursor.clone(), cause, attempt).await {
            Ok(page) => return Ok(page),
            Err(failure) if !failure.is_passing() || attempt >= retry.attempts => {
                return Err(failure);
            }
            Err(failure) => failure,
        };
        let pause = pause_ms(retry, attempt, failure.retry_after_ms(), (cause, ""));
        tokio::time::sleep(Duration::from_millis(pause)).await;
        attempt += 1;
    }
}

async fn page(
    core: &Core,
    side: &Side,
    cursor: Option<String>,
    cause: &str,
    attempt: u32,
) -> Result<Page, Failure> {
    match &side.source {
        Source::Feed(feed) => {
            let reading = core.systems.read(&side.system, feed, cursor, PAGE);
            let page = core.engine.in_turn(&side.system, reading).await?;
            let rows = page.events.into_iter().map(|event| event.data);
            Ok(Page {
                rows: rows.collect(),
                next: page.cursor.filter(|_| page.more),
            })
        }
        Source::Action {
            action,
            with,
            rows,
            next,
        } => {
            let mut input = with.clone();
            if let (Some(cursor), Some((_, field))) = (cursor, next) {
                input.insert(field.clone(), json_of(cursor));
            }
            let call = ActionCall {
                action: action.clone(),
                input: serde_json::Value::Object(input).to_string(),
                idempotency_key: format!("{}-{cause}", core.store.id()),
                attempt,
                cause: cause.to_owned(),
                depth: 0,
                withheld: Gathered::Nothing,
                lane: None,
            };
            let result = core.engine.ask(&side.system, call).await?;
            answer(&result, rows, next.as_ref().map(|(at, _)| &**at))
        }
    }
}

/// A cursor goes back as it came: a number as a number.
fn json_of(cursor: String) -> serde_json::Value {
    match cursor.parse::<serde_json::Number>() {
        Ok(number) if number.to_string() == cursor => number.into(),
        _ => cursor.into(),
    }
}

/// The rows and the cursor in an action's result.
fn answer(result: &str, rows: &str, next: Option<&str>) -> Result<Page, Failure> {
    let wrong = |message: String| Failure::Internal { message };
    let document =
        Document::new(result.to_owned()).map_err(|error| wrong(format!("not JSON: {error}")))?;
    let found = at(document.json(), rows);
    let Some(list) = found.filter(|found| found.shape() == Shape::List) else {
        return Err(wrong(format!(
            "found no list at \"{rows}\" of the answer; `rows` says where the rows stand"
        )));
    };
    let rows = list
        .items()
        .filter_map(|row| RawValue::from_string(row.raw().to_owned()).ok());
    let next = next.and_then(|next| at(document.json(), next));
    let next = next.and_then(|next| match next.shape() {
        Shape::Null | Shape::Bool => None,
        Shape::Text => next.text().map(|text| text.into_owned()),
        _ => Some(next.raw().to_owned()),
    });
    Ok(Page {
        rows: rows.collect(),
        next: next.filter(|next| !next.is_empty()),
    })
}

/// What a JSON pointer (RFC 6901) points at.
fn at<'j>(whole: Json<'j>, pointer: &str) -> Option<Json<'j>> {
    pointer.split('/').skip(1).try_fold(whole, |value, name| {
        let name = name.replace("~1", "/").replace("~0", "~");
        match value.shape() {
            Shape::List => value.item(name.parse().ok()?),
            _ => value.get(&name),
        }
    })
}

/// Judges a page's rows and puts them into their parts.
fn take(
    mut read: Read,
    rows: Vec<Box<RawValue>>,
    judging: &Judging,
    name: &str,
) -> std::io::Result<Read> {
    for raw in rows {
        read.rows += 1;
        match row(raw, judging) {
            Ok(row) => read.parts.add(&row, &judging.hasher)?,
            Err(why) => {
                read.unreadable += 1;
                if read.why.len() < limits::RECONCILED_WHY {
                    read.why.push(format!("{name}, row {}: {why}", read.rows));
                }
            }
        }
    }
    Ok(read)
}

fn row(raw: Box<RawValue>, judging: &Judging) -> Result<Row, String> {
    let (found, most) = (raw.get().len(), limits::RECONCILED_ROW);
    if found > most {
        return Err(format!("found {found} bytes, expected at most {most}"));
    }
    let whole = raw.get().to_owned();
    let (event, nothing) = (unseen(), Named::default());
    let item = Item {
        value: Document::from_raw(raw),
        index: Document::default(),
    };
    let mut scope =
        Scope::new(&event, &nothing, &nothing, "").with_tables(Arc::clone(&judging.tables));
    scope.item = Some(&item);
    let mut key = String::new();
    let told = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    judging
        .side
        .key
        .write_text(&scope, &mut key)
        .map_err(|error| told("key", &error))?;
    let most = limits::RECONCILED_KEY;
    if key.is_empty() || key.len() > most || key.chars().any(char::is_control) {
        return Err(format!(
            "found a key of {} bytes, expected 1 to {most} and no control characters",
            key.len()
        ));
    }
    let value = |expression: &Expression| {
        let mut value = String::new();
        let written = expression.write_json(&scope, &mut value);
        written
            .map(|()| value)
            .map_err(|error| told("a field", &error))
    };
    let values = judging.side.values.iter().map(value);
    Ok(Row {
        key,
        values: values.collect::<Result<_, _>>()?,
        whole,
    })
}

/// Rows belong to no event: what expressions see as `event` is empty.
fn unseen() -> EventDocument {
    let event = Event {
        id: String::new(),
        source: String::new(),
        kind: String::new(),
        subject: None,
        time: String::new(),
        data: RawValue::NULL.to_owned(),
        hops: 0,
        cause: None,
        root: None,
    };
    EventDocument::new(0, event)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn rows_and_cursor_stand_where_the_file_says() {
        let result = r#"{"d":{"rows":[{"n":1},{"n":2}],"after":7,"end":null}}"#;
        let page = answer(result, "/d/rows", Some("/d/after")).unwrap();
        assert_eq!((page.rows.len(), page.next.as_deref()), (2, Some("7")));
        assert_eq!(
            answer(result, "/d/rows", Some("/d/end")).unwrap().next,
            None
        );
        assert_eq!(answer("[1]", "", None).unwrap().rows.len(), 1);
        let error = answer(result, "/rows", None).err().unwrap();
        assert!(
            error.to_string().contains("no list at \"/rows\""),
            "{error}"
        );
        assert_eq!(json_of("7".into()), serde_json::json!(7));
        assert_eq!(json_of("007".into()), serde_json::json!("007"));
    }
}
