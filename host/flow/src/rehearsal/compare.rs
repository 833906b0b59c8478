//! What was expected of a test and what was found, in words.

use serde_json::{Value as Json, json};

use tombolo_store::Entity;

use super::script::Expected;
use super::stage::Stage;

pub(super) fn differences(expected: &Expected, stage: &Stage<'_>) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(calls) = &expected.calls {
        let words = |(action, input): &(String, Json)| format!("{action} {input}");
        let found: Vec<(String, Json)> = stage.calls.clone();
        lists(
            "call",
            calls,
            &found,
            |one, other| one == other,
            words,
            &mut out,
        );
    }
    if let Some(events) = &expected.events {
        let found: Vec<Json> = stage
            .emitted
            .iter()
            .map(|event| {
                let data: Json = serde_json::from_str(event.data.get()).unwrap_or(Json::Null);
                json!({ "type": event.kind, "subject": event.subject, "data": data })
            })
            .collect();
        lists("event", events, &found, has, Json::to_string, &mut out);
    }
    if let Some(tasks) = &expected.tasks {
        let found: Vec<Json> = stage
            .tasks
            .iter()
            .map(|task| {
                json!({ "role": task.role, "question": task.question, "options": task.options })
            })
            .collect();
        lists("task", tasks, &found, has, Json::to_string, &mut out);
    }
    if let Some(links) = &expected.links {
        let found: Vec<Json> = stage.linked.table().entities().map(entity).collect();
        lists("link", links, &found, has, Json::to_string, &mut out);
    }
    let errors: Vec<&str> = stage
        .runs
        .iter()
        .filter_map(|run| run.state.trace.error.as_deref())
        .collect();
    if let Some(runs) = &expected.runs {
        let found: Vec<&str> = stage.runs.iter().map(|run| run.stands).collect();
        if *runs != found {
            let because = match errors.as_slice() {
                [] => String::new(),
                errors => format!(" ({})", errors.join("; ")),
            };
            let (runs, found) = (list(runs), list(&found));
            out.push(format!("runs: expected {runs}, found {found}{because}"));
        }
    }
    if let Some(text) = &expected.error
        && !errors.iter().any(|error| error.contains(text.as_str()))
    {
        let found = list(&errors);
        out.push(format!("error: expected \"{text}\" in it, found {found}"));
    }
    if let Some(result) = &expected.result {
        let found = stage.runs.first().map_or("", |run| &run.state.trace.result);
        if serde_json::from_str::<Json>(found).ok().as_ref() != Some(result) {
            let found = if found.is_empty() { "nothing" } else { found };
            out.push(format!(
                "result: expected {result}\n        found    {found}"
            ));
        }
    }
    out
}

fn entity(entity: &Entity) -> Json {
    let ids = entity.ids.iter().map(|linked| &linked.id);
    let ids: serde_json::Map<String, Json> = ids
        .map(|id| (id.system.clone(), Json::from(id.id.as_str())))
        .collect();
    json!({ "kind": entity.kind, "ids": ids })
}

/// Whether all that is expected of a value is in it.
fn has(expected: &Json, found: &Json) -> bool {
    match expected {
        Json::Object(fields) => fields
            .iter()
            .all(|(name, value)| found.get(name).unwrap_or(&Json::Null) == value),
        other => other == found,
    }
}

fn list<T: AsRef<str>>(words: &[T]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(", ")
}

fn lists<T>(
    what: &str,
    expected: &[T],
    found: &[T],
    same: impl Fn(&T, &T) -> bool,
    words: impl Fn(&T) -> String,
    out: &mut Vec<String>,
) {
    for (number, (one, other)) in (1..).zip(expected.iter().zip(found)) {
        if !same(one, other) {
            let (one, other) = (words(one), words(other));
            out.push(format!(
                "{what} {number}: expected {one}\n        found    {other}"
            ));
        }
    }
    for one in expected.iter().skip(found.len()) {
        out.push(format!("{what}: expected one more, {}", words(one)));
    }
    for one in found.iter().skip(expected.len()) {
        out.push(format!("{what}: found one more, {}", words(one)));
    }
}
