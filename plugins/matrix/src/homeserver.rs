//! The requests to the homeserver, and what its refusals mean.
//!
//! Client-server API: <https://spec.matrix.org/v1.15/client-server-api/>.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use tombolo_sdk::http::{self, Request, Response};
use tombolo_sdk::{Failure, to_json};

/// The connection's name in the manifest.
const HOMESERVER: &str = "homeserver";

/// The homeserver, and who the adapter is there.
#[derive(Default)]
pub(crate) struct Homeserver {
    me: OnceCell<String>,
}

/// An event as the homeserver tells it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Told {
    pub(crate) sender: String,
    #[serde(default)]
    pub(crate) content: Value,
}

/// Who is in a room: ids with the names they chose there.
pub(crate) type Members = BTreeMap<String, Option<String>>;

/// No success: the failure that it means, and what that was made of.
pub(crate) struct Refused {
    /// 0 where there was no answer at all.
    pub(crate) status: u16,
    /// `M_FORBIDDEN`, or empty.
    pub(crate) code: String,
    pub(crate) failure: Failure,
}

impl Homeserver {
    /// The adapter's own user.
    pub(crate) fn me(&self) -> Result<&str, Failure> {
        if let Some(me) = self.me.get() {
            return Ok(me);
        }
        let answer = ask(http::get(HOMESERVER, path(&["account", "whoami"])?))?;
        let me = field(&answer, "user_id")?;
        Ok(self.me.get_or_init(|| me))
    }

    /// A room by its id, or by an alias such as `#plant:example.org`.
    pub(crate) fn room(&self, room: &str) -> Result<String, Failure> {
        match room.chars().next() {
            Some('!') => Ok(room.to_owned()),
            Some('#') => self
                .aliased(room)?
                .ok_or_else(|| Failure::not_found(format!("there is no room `{room}`"))),
            _ => Err(Failure::not_found(format!(
                "there is no room `{room}`; expected an id such as `!plant` or an alias such as `#plant:example.org`"
            ))),
        }
    }

    /// The room that an alias stands for.
    pub(crate) fn aliased(&self, alias: &str) -> Result<Option<String>, Failure> {
        let request = http::get(HOMESERVER, path(&["directory", "room", alias])?);
        match ask(request) {
            Ok(answer) => field(&answer, "room_id").map(Some),
            Err(refused) if refused.status == 404 => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    /// An event, if it is there and the adapter may see it.
    pub(crate) fn event(&self, room: &str, id: &str) -> Result<Option<Told>, Failure> {
        seen(http::get(HOMESERVER, path(&["rooms", room, "event", id])?))
    }

    /// Who made a room. Room versions from 11 on say it nowhere else.
    pub(crate) fn creator(&self, room: &str) -> Result<Option<String>, Failure> {
        let path = path(&["rooms", room, "state", "m.room.create"])?;
        let created: Option<Told> = seen(http::get(HOMESERVER, path).query("format", "event"))?;
        Ok(created.map(|event| event.sender))
    }

    /// `join`, `invite`, `leave`, `ban` or `knock`; `None` where it was never in, or the adapter may not know.
    pub(crate) fn membership(&self, room: &str, person: &str) -> Result<Option<String>, Failure> {
        #[derive(serde::Deserialize)]
        struct Member {
            membership: String,
        }
        let path = path(&["rooms", room, "state", "m.room.member", person])?;
        let member: Option<Member> = seen(http::get(HOMESERVER, path))?;
        Ok(member.map(|member| member.membership))
    }

    /// Who is in a room, unless the adapter is not in it any more.
    pub(crate) fn members(&self, room: &str) -> Result<Option<Members>, Failure> {
        #[derive(serde::Deserialize)]
        struct Joined {
            joined: BTreeMap<String, Member>,
        }
        #[derive(serde::Deserialize)]
        struct Member {
            display_name: Option<String>,
        }
        let path = path(&["rooms", room, "joined_members"])?;
        let answer: Option<Joined> = seen(http::get(HOMESERVER, path))?;
        let members = |answer: Joined| {
            let named = |(id, member): (String, Member)| (id, member.display_name);
            answer.joined.into_iter().map(named).collect()
        };
        Ok(answer.map(members))
    }

    /// Whether a person's profile is there; a server that does not tell is believed.
    pub(crate) fn knows(&self, person: &str) -> Result<bool, Failure> {
        match ask(http::get(HOMESERVER, path(&["profile", person])?)) {
            Ok(_) => Ok(true),
            Err(refused) if refused.status == 404 => Ok(false),
            Err(refused) if refused.status == 403 => Ok(true),
            Err(refused) => Err(refused.failure),
        }
    }

    /// Sends an event; the same transaction again is the same event.
    pub(crate) fn send(
        &self,
        room: &str,
        kind: &str,
        transaction: &str,
        content: &Value,
    ) -> Result<String, Refused> {
        let path = path(&["rooms", room, "send", kind, transaction])?;
        match ask(http::put(HOMESERVER, path).json(content)?) {
            Ok(answer) => Ok(field(&answer, "event_id")?),
            Err(refused) if refused.status == 403 => Err(self.why_not(room, refused)),
            Err(refused) => Err(refused),
        }
    }

    /// A room whose alias is taken is `None`.
    pub(crate) fn create(&self, room: &Value) -> Result<Option<String>, Failure> {
        let request = http::post(HOMESERVER, path(&["createRoom"])?).json(room)?;
        match ask(request) {
            Ok(answer) => field(&answer, "room_id").map(Some),
            Err(refused) if refused.code == "M_ROOM_IN_USE" => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    pub(crate) fn invite(&self, room: &str, person: &str) -> Result<(), Failure> {
        let request = http::post(HOMESERVER, path(&["rooms", room, "invite"])?);
        ask(request.json(&json!({ "user_id": person }))?)?;
        Ok(())
    }

    pub(crate) fn join(&self, room: &str) -> Result<(), Failure> {
        let request = http::post(HOMESERVER, path(&["rooms", room, "join"])?);
        ask(request.json(&json!({}))?)?;
        Ok(())
    }

    /// A homeserver says "not in room" of rooms that are not there, of rooms that it was thrown out of, and of those it
    /// never was in; its own membership tells them apart.
    fn why_not(&self, room: &str, refused: Refused) -> Refused {
        let membership = self.me().and_then(|me| self.membership(room, me));
        let failure = match membership.as_ref().map(Option::as_deref) {
            Ok(None) => Failure::not_found(format!(
                "there is no room `{room}`, or the adapter's user is not in it and must be invited first ({})",
                refused.failure.message()
            )),
            Ok(Some("leave" | "ban")) => Failure::unauthorized(format!(
                "the adapter's user is no longer in the room `{room}`; invite it again ({})",
                refused.failure.message()
            )),
            _ => refused.failure,
        };
        Refused { failure, ..refused }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            status: 0,
            code: String::new(),
            failure,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

fn path(segments: &[&str]) -> Result<String, Failure> {
    Ok(format!("/_matrix/client/v3{}", http::path(segments)?))
}

fn ask(request: Request) -> Result<Response, Refused> {
    let response = request.send().map_err(Failure::from)?;
    if response.is_success() {
        Ok(response)
    } else {
        Err(refused(&response))
    }
}

/// What is there, or nothing: not found and not to be seen are the same to who asks.
fn seen<T: serde::de::DeserializeOwned>(request: Request) -> Result<Option<T>, Failure> {
    match ask(request) {
        Ok(answer) => answer.json().map(Some),
        Err(refused) if matches!(refused.status, 403 | 404) => Ok(None),
        Err(refused) => Err(refused.failure),
    }
}

/// The standard error response: `errcode`, `error`, and for 429 `retry_after_ms`, finer than the header.
fn refused(response: &Response) -> Refused {
    #[derive(serde::Deserialize)]
    struct Words {
        errcode: String,
        #[serde(default)]
        error: String,
        retry_after_ms: Option<u64>,
    }
    let status = response.status;
    let Ok(words) = serde_json::from_slice::<Words>(&response.body) else {
        return Refused {
            status,
            code: String::new(),
            failure: response.failure("", None),
        };
    };
    let told = format!("{}: {}", words.errcode, words.error);
    let mut failure = response.failure(&words.errcode, Some(&told));
    if let Failure::RateLimited(passing) = &mut failure {
        passing.retry_after_ms = words.retry_after_ms.or(passing.retry_after_ms);
    }
    Refused {
        status,
        code: words.errcode,
        failure,
    }
}

fn field(answer: &Response, name: &str) -> Result<String, Failure> {
    let body: Value = answer.json()?;
    match body.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failure::unavailable(
            format!(
                "the homeserver answered {} without `{name}`: {}",
                answer.status,
                to_json(&body)?.chars().take(200).collect::<String>()
            ),
            None,
        )),
    }
}
