//! What one event of a transaction means: a message, an answer, an invitation, or nothing.

use std::collections::BTreeMap;

use serde_json::{Number, Value, json};
use tombolo_sdk::{Event, Failure, log, time, to_json};

use crate::Matrix;
use crate::content;
use crate::homeserver::Members;
use crate::question::{self, Question};

/// Bytes of an event's subject that the host takes.
const SUBJECT: usize = 256;

/// An event as the homeserver pushes it.
#[derive(serde::Deserialize)]
pub(crate) struct Pushed {
    #[serde(rename = "type")]
    kind: String,
    event_id: String,
    room_id: String,
    sender: String,
    state_key: Option<String>,
    origin_server_ts: Option<Number>,
    #[serde(default)]
    content: Value,
}

/// One transaction; what was looked up for one of its events serves the others.
pub(crate) struct Transaction<'a> {
    matrix: &'a Matrix,
    members: BTreeMap<String, Members>,
    questions: BTreeMap<String, Option<Question>>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(matrix: &'a Matrix) -> Self {
        Self {
            matrix,
            members: BTreeMap::new(),
            questions: BTreeMap::new(),
        }
    }

    /// # Errors
    /// Only what passes by itself: the homeserver repeats the whole transaction.
    pub(crate) fn event(&mut self, pushed: &Pushed) -> Result<Option<Event>, Failure> {
        let me = self.matrix.homeserver.me()?;
        if pushed.sender == me {
            return Ok(None);
        }
        match (pushed.kind.as_str(), pushed.state_key.as_deref()) {
            ("m.room.message", None) => self.message(pushed),
            ("m.reaction", None) => self.reaction(pushed),
            ("m.room.member", Some(person))
                if person == me && pushed.content["membership"] == "invite" =>
            {
                self.invited(pushed).map(|()| None)
            }
            ("m.room.encrypted", None) => {
                log::warn(&format!(
                    "a message in the encrypted room `{}` cannot be read; invite the adapter's user to rooms without encryption",
                    pushed.room_id
                ));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn message(&mut self, pushed: &Pushed) -> Result<Option<Event>, Failure> {
        let content = &pushed.content;
        let relation = &content["m.relates_to"];
        let is_words = matches!(content["msgtype"].as_str(), Some("m.text" | "m.emote"));
        let Some(body) = content["body"].as_str().filter(|_| is_words) else {
            return Ok(None);
        };
        if relation["rel_type"] == "m.replace" {
            return Ok(None);
        }
        let thread = content::thread(content);
        let replied = relation["m.in_reply_to"]["event_id"].as_str();
        let text = replied.map_or(body, |_| without_quotation(body)).trim();
        if text.is_empty() {
            return Ok(None);
        }
        for asked in replied.into_iter().chain(thread) {
            let question = self.question(&pushed.room_id, asked)?;
            if let Some(question) = question
                && let Some((answer, comment)) = question.by_words(text)
            {
                return self
                    .answered(pushed, asked, &question, answer, comment)
                    .map(Some);
            }
        }
        let is_fallback = relation["is_falling_back"] == true;
        let members = self.members(&pushed.room_id)?;
        let is_direct = members.len() == 2;
        let from = person(members, &pushed.sender);
        let mut data = json!({
            "id": pushed.event_id,
            "room": pushed.room_id,
            "from": from,
            "text": text,
            "direct": is_direct,
        });
        put(&mut data, "thread", thread);
        put(&mut data, "reply_to", replied.filter(|_| !is_fallback));
        let subject = pushed.room_id.clone();
        made(pushed, "message.received", data, subject).map(Some)
    }

    fn reaction(&mut self, pushed: &Pushed) -> Result<Option<Event>, Failure> {
        let relation = &pushed.content["m.relates_to"];
        let (Some(asked), Some(key)) = (relation["event_id"].as_str(), relation["key"].as_str())
        else {
            return Ok(None);
        };
        let Some(question) = self.question(&pushed.room_id, asked)? else {
            return Ok(None);
        };
        match question.by_reaction(key) {
            Some(answer) => self
                .answered(pushed, asked, &question, answer, None)
                .map(Some),
            None => Ok(None),
        }
    }

    fn answered(
        &mut self,
        pushed: &Pushed,
        asked: &str,
        question: &Question,
        answer: &str,
        comment: Option<&str>,
    ) -> Result<Event, Failure> {
        let by = person(self.members(&pushed.room_id)?, &pushed.sender);
        let mut data = json!({
            "question": question::id(&pushed.room_id, asked),
            "reference": question.reference,
            "answer": answer,
            "by": by,
            "room": pushed.room_id,
        });
        put(&mut data, "comment", comment);
        made(
            pushed,
            "question.answered",
            data,
            question.reference.clone(),
        )
    }

    fn invited(&self, pushed: &Pushed) -> Result<(), Failure> {
        let (room, inviter) = (&pushed.room_id, &pushed.sender);
        if !self.matrix.options.joins(inviter) {
            log::info(&format!(
                "{inviter} invites to `{room}`; not joined, as `join` in the settings does not have them"
            ));
            return Ok(());
        }
        match self.matrix.homeserver.join(room) {
            Err(failure @ (Failure::RateLimited(_) | Failure::Unavailable(_))) => Err(failure),
            // The invitation may be withdrawn by now, or this is a transaction that came before.
            Err(failure) => {
                log::warn(&format!(
                    "the room `{room}` could not be joined: {}",
                    failure.message()
                ));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn question(&mut self, room: &str, event: &str) -> Result<Option<Question>, Failure> {
        let id = question::id(room, event);
        if let Some(known) = self.questions.get(&id) {
            return Ok(known.clone());
        }
        let told = match self.matrix.homeserver.event(room, event) {
            // An id that cannot be one: whoever sent it meant no question.
            Err(Failure::InvalidInput(_) | Failure::Rejected(_)) => None,
            told => told?,
        };
        let question = match told {
            Some(told) => question::asked(self.matrix, &told)?,
            None => None,
        };
        self.questions.insert(id, question.clone());
        Ok(question)
    }

    /// Nobody where the adapter is not in the room any more.
    fn members(&mut self, room: &str) -> Result<&Members, Failure> {
        if !self.members.contains_key(room) {
            let members = self.matrix.homeserver.members(room)?.unwrap_or_default();
            self.members.insert(room.to_owned(), members);
        }
        Ok(&self.members[room])
    }
}

/// Its id is the Matrix event's: a transaction that is repeated makes nothing twice.
fn made(pushed: &Pushed, kind: &str, mut data: Value, subject: String) -> Result<Event, Failure> {
    let at = pushed
        .origin_server_ts
        .as_ref()
        .and_then(|at| time::rfc3339(&at.to_string()));
    put(&mut data, "at", at.as_deref());
    let mut event = Event::new(kind, to_json(&data)?).with_id(&pushed.event_id);
    if subject.len() <= SUBJECT {
        event = event.with_subject(subject);
    }
    Ok(match at {
        Some(at) => event.with_time(at),
        None => event,
    })
}

fn person(members: &Members, id: &str) -> Value {
    let mut person = json!({ "id": id });
    let name = members.get(id).and_then(Option::as_deref);
    put(&mut person, "name", name);
    person
}

fn put(object: &mut Value, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}

/// Older clients put what they answer before their words: lines with `>` and an empty one.
fn without_quotation(body: &str) -> &str {
    if !body.starts_with("> ") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    rest
}
