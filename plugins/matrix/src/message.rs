//! `message.send` and `message.edit` of `im/1`.

use serde_json::json;
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::Matrix;
use crate::content::{self, Format};
use crate::direct;
use crate::homeserver::Refused;

#[derive(serde::Deserialize)]
struct Send {
    room: Option<String>,
    person: Option<String>,
    thread: Option<String>,
    text: String,
    #[serde(default)]
    format: Format,
}

#[derive(serde::Deserialize)]
struct Edit {
    room: String,
    id: String,
    text: String,
    #[serde(default)]
    format: Format,
}

pub(crate) fn send(matrix: &Matrix, call: &ActionCall) -> Result<Json, Failure> {
    let input: Send = call.parse()?;
    let thread = input.thread.as_deref();
    let room = place(matrix, input.room.as_deref(), input.person.as_deref())?;
    let content = content::in_thread(content::text(&input.text, input.format), thread);
    let id = put(matrix, &room, &call.idempotency_key, &content)?;
    let mut output = json!({ "id": id, "room": room });
    if let Some(thread) = thread {
        output["thread"] = thread.into();
    }
    to_json(&output)
}

pub(crate) fn edit(matrix: &Matrix, call: &ActionCall) -> Result<Json, Failure> {
    let input: Edit = call.parse()?;
    let room = matrix.homeserver.room(&input.room)?;
    let Some(event) = matrix.homeserver.event(&room, &input.id)? else {
        return Err(missing(&room, &input.id));
    };
    // The homeserver would take the edit and no client would show it.
    if event.sender != matrix.homeserver.me()? {
        return Err(Failure::unauthorized(format!(
            "the message `{}` is {}'s; expected one that this system sent",
            input.id, event.sender
        )));
    }
    let content = content::edit(content::text(&input.text, input.format), &input.id);
    put(matrix, &room, &call.idempotency_key, &content)?;
    to_json(&json!({ "id": input.id }))
}

/// The room that an input means: the one it names, or a person's.
pub(crate) fn place(
    matrix: &Matrix,
    room: Option<&str>,
    person: Option<&str>,
) -> Result<String, Failure> {
    match (room, person) {
        (Some(room), None) => matrix.homeserver.room(room),
        (None, Some(person)) => direct::room(&matrix.homeserver, person),
        (Some(_), Some(_)) => Err(Failure::invalid_input(
            "",
            "found `room` and `person`, expected one of them",
        )),
        (None, None) => match &matrix.options.room {
            Some(room) => matrix.homeserver.room(room),
            None => Err(Failure::invalid_input(
                "",
                "found neither `room` nor `person`, and `settings` in the system file has no `room`; expected one of them",
            )),
        },
    }
}

/// Sends a message. One that belongs to another which is not there is `not-found`.
pub(crate) fn put(
    matrix: &Matrix,
    room: &str,
    idempotency_key: &str,
    content: &serde_json::Value,
) -> Result<String, Failure> {
    let transaction = content::transaction(idempotency_key, "");
    let Refused {
        status, failure, ..
    } = match matrix
        .homeserver
        .send(room, "m.room.message", &transaction, content)
    {
        Ok(id) => return Ok(id),
        Err(refused) => refused,
    };
    if status == 400
        && let Some(root) = content::thread(content)
        && matrix.homeserver.event(room, root)?.is_none()
    {
        return Err(missing(room, root));
    }
    Err(failure)
}

pub(crate) fn missing(room: &str, id: &str) -> Failure {
    Failure::not_found(format!("there is no message `{id}` in the room `{room}`"))
}
