//! The adapter on the in-memory host. Refusals are worded as Synapse 1.163 words them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod answers;
mod hook;
mod markdown;
mod messages;
mod questions;

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};

const ROOM: &str = "!plant:plant.example";
const ROOM_PATH: &str = "/_matrix/client/v3/rooms/%21plant%3Aplant.example";

/// A host on which the adapter is `@tombolo:plant.example`.
fn host(settings: Value) -> Host {
    let host = Host::new(include_str!("../adapter.toml"))
        .settings(settings)
        .key("hs-token", "hs-secret");
    i_am(&host);
    host
}

/// Each instance asks once.
fn i_am(host: &Host) {
    let me = json!({ "user_id": "@tombolo:plant.example" });
    get(
        host,
        "/_matrix/client/v3/account/whoami",
        Reply::json(200, me),
    );
}

fn get(host: &Host, path: &str, reply: Reply) {
    host.reply("homeserver", "GET", path, reply);
}

/// The path that sends the event of this part of a call of the in-memory host.
fn send_path(kind: &str, part: &str) -> String {
    let transaction = crate::content::transaction("test-key", part);
    format!("{ROOM_PATH}/send/{kind}/{transaction}")
}

fn sends(host: &Host, kind: &str, part: &str, reply: Reply) {
    host.reply("homeserver", "PUT", &send_path(kind, part), reply);
}

fn sent(id: &str) -> Reply {
    Reply::json(200, json!({ "event_id": id }))
}

fn refused(status: u16, errcode: &str, error: &str) -> Reply {
    Reply::json(status, json!({ "errcode": errcode, "error": error }))
}

/// An event of the room, as the homeserver tells it.
fn event(id: &str, sender: &str, content: Value) -> Value {
    json!({
        "type": "m.room.message",
        "event_id": id,
        "room_id": ROOM,
        "sender": sender,
        "origin_server_ts": 1_795_745_696_228_u64,
        "content": content,
    })
}
