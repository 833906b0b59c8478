//! `question.ask` and `question.close` of `approval/1`.
//!
//! A question is a message with its options below and one reaction for each, set by the adapter, so that a tap answers. What
//! the answer needs stands in the event itself, so nothing has to be kept.

use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, log, to_json};

use crate::Matrix;
use crate::content::{self, Format};
use crate::homeserver::{Homeserver, Told};
use crate::message::{missing, place, put};

/// The field of an event's content that makes a message a question.
const FIELD: &str = "tombolo.question";
/// Reactions that are set for who answers: more would be a wall of buttons, and each is a request.
const REACTIONS: usize = 10;
const KEYCAPS: [&str; 10] = [
    "1\u{fe0f}\u{20e3}",
    "2\u{fe0f}\u{20e3}",
    "3\u{fe0f}\u{20e3}",
    "4\u{fe0f}\u{20e3}",
    "5\u{fe0f}\u{20e3}",
    "6\u{fe0f}\u{20e3}",
    "7\u{fe0f}\u{20e3}",
    "8\u{fe0f}\u{20e3}",
    "9\u{fe0f}\u{20e3}",
    "\u{1f51f}",
];

/// What a question's event carries for its answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Question {
    pub(crate) reference: String,
    pub(crate) options: Vec<String>,
    /// The reaction of each option.
    pub(crate) keys: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Ask {
    room: Option<String>,
    person: Option<String>,
    thread: Option<String>,
    question: String,
    options: Vec<String>,
    reference: String,
}

#[derive(serde::Deserialize)]
struct Close {
    id: String,
    room: Option<String>,
    text: String,
    #[serde(default = "yes")]
    r#final: bool,
}

fn yes() -> bool {
    true
}

pub(crate) fn ask(matrix: &Matrix, call: &ActionCall) -> Result<Json, Failure> {
    let input: Ask = call.parse()?;
    let room = place(matrix, input.room.as_deref(), input.person.as_deref())?;
    let keys = keys(matrix, &input.options);
    let mut body = format!("{}\n", input.question);
    for (key, option) in keys.iter().zip(&input.options) {
        body.push_str(&format!("\n{key} {option}"));
    }
    let question = Question {
        reference: input.reference,
        options: input.options,
        keys,
    };
    let mut content = content::text(&body, Format::Plain);
    content[FIELD] = json!(question);
    let content = content::in_thread(content, input.thread.as_deref());
    let event = put(matrix, &room, &call.idempotency_key, &content)?;
    if question.keys.len() <= REACTIONS {
        for (index, key) in question.keys.iter().enumerate() {
            let transaction = content::transaction(&call.idempotency_key, &format!("-{index}"));
            react(&matrix.homeserver, &room, &event, key, &transaction)?;
        }
    }
    to_json(&json!({ "id": id(&room, &event), "room": room }))
}

pub(crate) fn close(matrix: &Matrix, call: &ActionCall) -> Result<Json, Failure> {
    let input: Close = call.parse()?;
    let (room, event) = match (input.id.split_once("/$"), &input.room) {
        (Some((room, event)), _) => (room.to_owned(), format!("${event}")),
        (None, Some(room)) => (matrix.homeserver.room(room)?, input.id.clone()),
        (None, None) => {
            return Err(Failure::invalid_input(
                "/id",
                format!(
                    "found `{}`, expected what `question.ask` answered, such as `!room/$event`",
                    input.id
                ),
            ));
        }
    };
    let told = match matrix.homeserver.event(&room, &event)? {
        Some(told) if asked(matrix, &told)?.is_some() => told,
        _ => return Err(missing(&room, &event)),
    };
    let content = if input.r#final {
        let body = told.content["body"].as_str().unwrap_or_default();
        let mut decided = content::text(&format!("{body}\n\n{}", input.text), Format::Plain);
        // A homeserver of old shows the newest text in the place of the first: it must stay a question there, too.
        decided[FIELD] = told.content[FIELD].clone();
        content::edit(decided, &event)
    } else {
        let words = content::text(&input.text, Format::Plain);
        content::reply(words, &event, content::thread(&told.content))
    };
    put(matrix, &room, &call.idempotency_key, &content)?;
    to_json(&json!({}))
}

/// The question that an event of the adapter's own is. What others write is none, whatever it carries.
pub(crate) fn asked(matrix: &Matrix, told: &Told) -> Result<Option<Question>, Failure> {
    if told.sender != matrix.homeserver.me()? {
        return Ok(None);
    }
    let question: Option<Question> = told
        .content
        .get(FIELD)
        .and_then(|field| serde_json::from_value(field.clone()).ok());
    Ok(question)
}

/// A question's id names its room, too, as a link to an event does: closing needs both.
pub(crate) fn id(room: &str, event: &str) -> String {
    format!("{room}/{event}")
}

fn keys(matrix: &Matrix, options: &[String]) -> Vec<String> {
    let key = |(index, option): (usize, &String)| match matrix.options.reactions.get(option) {
        Some(own) => own.clone(),
        None => KEYCAPS
            .get(index)
            .map_or_else(|| (index + 1).to_string(), |key| (*key).to_owned()),
    };
    options.iter().enumerate().map(key).collect()
}

fn react(
    homeserver: &Homeserver,
    room: &str,
    event: &str,
    key: &str,
    transaction: &str,
) -> Result<(), Failure> {
    let relation = json!({ "rel_type": "m.annotation", "event_id": event, "key": key });
    let content: Value = json!({ "m.relates_to": relation });
    match homeserver.send(room, "m.reaction", transaction, &content) {
        Ok(_) => Ok(()),
        Err(refused) if refused.code == "M_DUPLICATE_ANNOTATION" => Ok(()),
        Err(refused)
            if matches!(
                refused.failure,
                Failure::RateLimited(_) | Failure::Unavailable(_)
            ) =>
        {
            Err(refused.failure)
        }
        // The question stands and can be answered in words.
        Err(refused) => {
            log::warn(&format!(
                "no reaction `{key}` could be set in the room `{room}`: {}",
                refused.failure.message()
            ));
            Ok(())
        }
    }
}
