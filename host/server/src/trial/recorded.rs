//! The file of recorded things: JSON values one after another or in a list, as the API and the command line print them.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tombolo_flow::trace::RunTrace;
use tombolo_kernel::event::Event;

/// Things in one file.
const MOST: usize = 10_000;
/// What a thing can be, for errors.
const EXPECTED: &str = "expected an event as `tombolo event tail --json` prints it, a run as `tombolo run show ID --json` does, \
     or an object with `action` and `input`, with `hook`, or with `feed`";

/// One recorded thing.
#[derive(Debug)]
pub struct Recorded {
    /// Where it begins in its file, from 1.
    pub line: usize,
    /// What it is.
    pub what: What,
}

/// What was recorded.
#[derive(Debug)]
pub enum What {
    /// An event, which flows react to.
    Event {
        /// Its place in the log, if that is known.
        seq: Option<i64>,
        /// The event.
        event: Event,
    },
    /// A run of one flow, with its event and what came of its steps.
    Run {
        /// `1042.spare-part`.
        run: String,
        /// The flow.
        flow: String,
        /// Its event's place in the log.
        seq: i64,
        /// Its event.
        event: Event,
        /// What it did.
        trace: RunTrace,
    },
    /// A call of an action.
    Action {
        /// The action.
        action: String,
        /// JSON.
        input: String,
    },
    /// Something that arrived at a hook.
    Hook(Delivery),
    /// A page of a feed.
    Feed {
        /// The feed.
        feed: String,
        /// Where it goes on.
        cursor: Option<String>,
    },
}

/// What arrived at a hook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The hook.
    pub hook: String,
    /// `POST`, or what a broker's message has.
    pub method: Option<String>,
    /// The address it was sent to.
    #[serde(default)]
    pub url: String,
    /// Decoded.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// Names in any case.
    #[serde(default)]
    pub headers: serde_json::Map<String, Value>,
    /// A text as it came, or JSON.
    #[serde(default)]
    pub body: Value,
    /// When it came, milliseconds since the epoch; now, if it does not say.
    pub received_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionLine {
    action: String,
    input: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedLine {
    feed: String,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct RunLine {
    run: RunHead,
    event: Option<Event>,
    trace: Option<RunTrace>,
}

#[derive(Deserialize)]
struct RunHead {
    id: String,
    seq: i64,
    flow: String,
}

/// Reads all of it.
///
/// # Errors
/// The first thing that is not understood: its line, what was found, what is expected.
pub fn read(text: &str) -> Result<Vec<Recorded>, String> {
    let mut all = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    loop {
        let rest = text.get(values.byte_offset()..).unwrap_or_default();
        let begins = text.len() - rest.trim_start().len();
        let line = line_at(text, begins);
        let Some(value) = values.next() else { break };
        let value = value.map_err(|error| {
            format!(
                "line {}: found what is not JSON ({error}); {EXPECTED}",
                error.line()
            )
        })?;
        if value.get().starts_with('[') {
            let inside: Vec<&RawValue> = serde_json::from_str(value.get())
                .map_err(|error| format!("line {line}: {error}; {EXPECTED}"))?;
            for one in inside {
                // It borrows from the text that it stands in.
                let at = one.get().as_ptr().addr() - text.as_ptr().addr();
                all.push(one_of(line_at(text, at), one)?);
            }
        } else {
            all.push(one_of(line, value)?);
        }
        if all.len() > MOST {
            return Err(format!(
                "found more than {MOST} recorded things, expected at most that: try them in parts"
            ));
        }
    }
    if all.is_empty() {
        return Err(format!("found nothing in it; {EXPECTED}"));
    }
    Ok(all)
}

fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn one_of(line: usize, value: &RawValue) -> Result<Recorded, String> {
    let wrong = |problem: String| format!("line {line}: {problem}; {EXPECTED}");
    let fields: serde_json::Map<String, Value> = serde_json::from_str(value.get())
        .map_err(|_| wrong("found a value that is no JSON object".into()))?;
    let has = |name: &str| fields.contains_key(name);
    let text = value.get();
    let what = if has("run") && has("trace") {
        run(text)
    } else if has("action") {
        read_as::<ActionLine>(text).map(|line| What::Action {
            action: line.action,
            input: line.input.get().to_owned(),
        })
    } else if has("hook") {
        read_as::<Delivery>(text).map(What::Hook)
    } else if has("feed") {
        read_as::<FeedLine>(text).map(|line| What::Feed {
            feed: line.feed,
            cursor: line.cursor,
        })
    } else if has("type") {
        read_as::<Event>(text).and_then(|event| {
            event.check().map_err(|error| error.to_string())?;
            let seq = fields.get("seq").and_then(Value::as_i64);
            Ok(What::Event { seq, event })
        })
    } else {
        let names: Vec<&str> = fields.keys().map(String::as_str).take(5).collect();
        Err(format!(
            "found an object with the fields {}",
            names.join(", ")
        ))
    };
    let what = what.map_err(wrong)?;
    Ok(Recorded { line, what })
}

fn run(text: &str) -> Result<What, String> {
    let line: RunLine = read_as(text)?;
    let event = line.event.ok_or("found a run whose event is not there")?;
    event.check().map_err(|error| error.to_string())?;
    Ok(What::Run {
        run: line.run.id,
        flow: line.run.flow,
        seq: line.run.seq,
        event,
        trace: line.trace.unwrap_or_default(),
    })
}

/// Without the parser's own place, which is inside of the value.
fn read_as<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        let words = error.to_string();
        let end = words.rfind(" at line ").unwrap_or(words.len());
        format!("found it with {}", &words[..end])
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"seq":7,"stored_ms":1,"id":"a","source":"/x","type":"t","time":"2026-01-05T09:00:00Z","data":{"b":1}}"#;

    #[test]
    fn lines_lists_and_what_is_printed_over_many_lines_are_read_with_their_places() {
        let pretty = EVENT.replace(',', ",\n  ");
        let text =
            format!("{EVENT}\n\n[\n{EVENT},\n{{\"action\":\"go\",\"input\":1}}]\n{pretty}\n");
        let read = read(&text).unwrap();
        let lines: Vec<usize> = read.iter().map(|one| one.line).collect();
        assert_eq!(lines, [1, 4, 5, 6]);
        assert!(matches!(&read[0].what, What::Event { seq: Some(7), .. }));
        assert!(matches!(&read[2].what, What::Action { input, .. } if input == "1"));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        let table = [
            ("", "found nothing"),
            ("{\"a\":1}", "line 1: found an object with the fields a"),
            ("\n7", "line 2: found a value that is no JSON object"),
            ("{\"hook\":\"h\",\"bodi\":1}", "unknown field `bodi`"),
            ("{\"action\":\"go\"}", "missing field `input`"),
            ("{\"type\":\"t\",\"id\":\"a\"}", "missing field `source`"),
            ("{\"action\":\"go\",\n", "not JSON"),
        ];
        for (text, words) in table {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
            assert!(error.contains("expected an event as"), "{error}");
        }
    }
}
