//! `message.send` and `message.edit`: what is sent, where to, and what refusals mean.

use serde_json::{Value, json};
use tombolo_sdk::Failure;
use tombolo_sdk::testing::{Host, Reply};

use super::{ROOM, ROOM_PATH, event, get, host, i_am, refused, sends, sent};
use crate::Matrix;
use crate::content::digest;

fn send(host: &Host, input: Value) -> Result<Value, Failure> {
    host.start::<Matrix>().act("message.send", input)
}

/// What was sent last.
fn content(host: &Host) -> Value {
    host.requests().last().unwrap().json()
}

#[test]
fn a_message_is_its_text_and_mentions_nobody() {
    let host = host(json!({}));
    sends(&host, "m.room.message", "", sent("$m1"));
    let input = json!({ "room": ROOM, "text": "@room **Press** 4", "extra": { "more": 1 } });
    assert_eq!(send(&host, input), Ok(json!({ "id": "$m1", "room": ROOM })));
    assert_eq!(
        content(&host),
        json!({ "msgtype": "m.text", "body": "@room **Press** 4", "m.mentions": {} })
    );
}

#[test]
fn markdown_comes_formatted_unless_that_is_too_long_for_an_event() {
    let host = host(json!({}));
    let mut input = json!({ "room": ROOM, "text": "**Press**", "format": "markdown" });
    sends(&host, "m.room.message", "", sent("$m1"));
    send(&host, input.clone()).unwrap();
    assert_eq!(
        content(&host)["formatted_body"],
        "<p><strong>Press</strong></p>"
    );
    assert_eq!(content(&host)["format"], "org.matrix.custom.html");
    input["text"] = "\u{4e2d}".repeat(12_000).into();
    sends(&host, "m.room.message", "", sent("$m1"));
    send(&host, input).unwrap();
    assert_eq!(content(&host).get("formatted_body"), None);
}

#[test]
fn a_thread_is_begun_or_gone_on_with() {
    let host = host(json!({}));
    sends(&host, "m.room.message", "", sent("$m2"));
    let output = send(&host, json!({ "room": ROOM, "thread": "$m1", "text": "x" })).unwrap();
    assert_eq!(
        output,
        json!({ "id": "$m2", "room": ROOM, "thread": "$m1" })
    );
    assert_eq!(
        content(&host)["m.relates_to"],
        json!({ "rel_type": "m.thread", "event_id": "$m1", "is_falling_back": true, "m.in_reply_to": { "event_id": "$m1" } })
    );
}

#[test]
fn a_thread_that_is_not_there_is_not_found() {
    let host = host(json!({}));
    let unknown = refused(400, "M_UNKNOWN", "Can't send relation to unknown event");
    sends(&host, "m.room.message", "", unknown);
    get(
        &host,
        &format!("{ROOM_PATH}/event/%24m1"),
        refused(404, "M_NOT_FOUND", "Event not found."),
    );
    let failure = send(&host, json!({ "room": ROOM, "thread": "$m1", "text": "x" })).unwrap_err();
    assert_eq!(failure.kind(), "not-found");
    assert!(failure.message().contains("`$m1`"), "{failure:?}");
}

#[test]
fn the_adapters_membership_says_why_it_may_not_write() {
    let member = format!("{ROOM_PATH}/state/m.room.member/%40tombolo%3Aplant.example");
    let no_room = || {
        refused(
            403,
            "M_FORBIDDEN",
            "User @tombolo:plant.example not in room !plant:plant.example, and room previews are disabled",
        )
    };
    let table = [
        (no_room(), "not-found", "invited first"),
        (
            Reply::json(200, json!({ "membership": "leave", "reason": "noise" })),
            "unauthorized",
            "invite it again",
        ),
        (
            Reply::json(200, json!({ "membership": "join" })),
            "unauthorized",
            "M_FORBIDDEN: words",
        ),
        (Reply::status(502), "unauthorized", "M_FORBIDDEN: words"),
    ];
    for (membership, kind, says) in table {
        let host = host(json!({}));
        sends(
            &host,
            "m.room.message",
            "",
            refused(403, "M_FORBIDDEN", "words"),
        );
        get(&host, &member, membership);
        let failure = send(&host, json!({ "room": ROOM, "text": "x" })).unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure:?}");
        assert!(failure.message().contains(says), "{failure:?}");
    }
}

#[test]
fn refusals_are_told_in_the_homeservers_words() {
    let table = [
        (
            refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
            "unauthorized",
            "Invalid access token",
        ),
        (
            refused(413, "M_TOO_LARGE", "event too large"),
            "rejected",
            "event too large",
        ),
        (
            refused(400, "M_BAD_JSON", "words"),
            "rejected",
            "M_BAD_JSON: words",
        ),
        (
            refused(500, "M_UNKNOWN", "Internal server error"),
            "unavailable",
            "Internal server error",
        ),
        (
            Reply::status(502)
                .header("content-type", "text/html")
                .body("<html>"),
            "unavailable",
            "502",
        ),
        (
            Reply::json(200, json!({})),
            "unavailable",
            "without `event_id`",
        ),
        (
            Reply::status(200).body("<html>"),
            "unavailable",
            "not the JSON expected",
        ),
    ];
    for (reply, kind, says) in table {
        let host = host(json!({}));
        sends(&host, "m.room.message", "", reply);
        let failure = send(&host, json!({ "room": ROOM, "text": "x" })).unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure:?}");
        assert!(failure.message().contains(says), "{failure:?}");
    }
}

#[test]
fn a_limit_is_told_with_its_time_to_the_millisecond() {
    let limited = |more: Value| {
        let mut body = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Reply::json(429, body).header("retry-after", "5")
    };
    for (more, expected) in [
        (json!({ "retry_after_ms": 4_321 }), 4_321),
        (json!({}), 5_000),
    ] {
        let host = host(json!({}));
        sends(&host, "m.room.message", "", limited(more));
        let failure = send(&host, json!({ "room": ROOM, "text": "x" })).unwrap_err();
        assert!(
            matches!(&failure, Failure::RateLimited(passing) if passing.retry_after_ms == Some(expected)),
            "{failure:?}"
        );
    }
}

#[test]
fn an_alias_is_looked_up_and_what_is_no_room_is_told() {
    let host = host(json!({}));
    let directory = "/_matrix/client/v3/directory/room/%23plant%3Aplant.example";
    get(
        &host,
        directory,
        Reply::json(200, json!({ "room_id": ROOM })),
    );
    sends(&host, "m.room.message", "", sent("$m1"));
    let input = json!({ "room": "#plant:plant.example", "text": "x" });
    assert_eq!(send(&host, input.clone()).unwrap()["room"], ROOM);
    get(
        &host,
        directory,
        refused(
            404,
            "M_NOT_FOUND",
            "Room alias #plant:plant.example not found",
        ),
    );
    assert_eq!(send(&host, input).unwrap_err().kind(), "not-found");
    let failure = send(&host, json!({ "room": "plant", "text": "x" })).unwrap_err();
    assert_eq!(failure.kind(), "not-found");
    let nowhere = send(&host, json!({ "text": "x" })).unwrap_err();
    assert_eq!(nowhere.kind(), "invalid-input");
}

// === to a person ===

const MIA: &str = "@mia:plant.example";

fn alias() -> String {
    let name = digest(MIA);
    format!("/_matrix/client/v3/directory/room/%23tombolo-direct-{name}%3Aplant.example")
}

fn found(host: &Host, creator: &str, membership: Reply) {
    get(host, &alias(), Reply::json(200, json!({ "room_id": ROOM })));
    get(
        host,
        &format!("{ROOM_PATH}/state/m.room.create"),
        Reply::json(200, event("$c", creator, json!({ "room_version": "12" }))),
    );
    get(
        host,
        &format!("{ROOM_PATH}/state/m.room.member/%40mia%3Aplant.example"),
        membership,
    );
}

fn no_alias(host: &Host) {
    get(
        host,
        &alias(),
        refused(404, "M_NOT_FOUND", "Room alias not found"),
    );
}

#[test]
fn a_person_gets_a_room_of_their_own_once() {
    let host = host(json!({}));
    let input = json!({ "person": MIA, "text": "x" });
    no_alias(&host);
    get(
        &host,
        "/_matrix/client/v3/profile/%40mia%3Aplant.example",
        Reply::json(200, json!({})),
    );
    let create = "/_matrix/client/v3/createRoom";
    host.reply(
        "homeserver",
        "POST",
        create,
        Reply::json(200, json!({ "room_id": ROOM })),
    );
    sends(&host, "m.room.message", "", sent("$m1"));
    assert_eq!(
        send(&host, input.clone()),
        Ok(json!({ "id": "$m1", "room": ROOM }))
    );
    let made = &host.requests()[3];
    assert_eq!(
        made.json(),
        json!({ "preset": "private_chat", "is_direct": true, "invite": [MIA], "room_alias_name": format!("tombolo-direct-{}", digest(MIA)) })
    );
    i_am(&host);
    found(
        &host,
        "@tombolo:plant.example",
        Reply::json(200, json!({ "membership": "invite" })),
    );
    sends(&host, "m.room.message", "", sent("$m1"));
    assert_eq!(send(&host, input).unwrap()["room"], ROOM);
}

#[test]
fn who_was_faster_in_making_the_room_made_it_for_both() {
    let host = host(json!({}));
    no_alias(&host);
    get(
        &host,
        "/_matrix/client/v3/profile/%40mia%3Aplant.example",
        Reply::json(200, json!({})),
    );
    let taken = refused(400, "M_ROOM_IN_USE", "Room alias already taken");
    host.reply("homeserver", "POST", "/_matrix/client/v3/createRoom", taken);
    found(
        &host,
        "@tombolo:plant.example",
        Reply::json(200, json!({ "membership": "join" })),
    );
    sends(&host, "m.room.message", "", sent("$m1"));
    assert_eq!(
        send(&host, json!({ "person": MIA, "text": "x" })).unwrap()["room"],
        ROOM
    );
}

#[test]
fn who_left_is_invited_again() {
    let host = host(json!({}));
    found(
        &host,
        "@tombolo:plant.example",
        Reply::json(200, json!({ "membership": "leave" })),
    );
    let invite = format!("{ROOM_PATH}/invite");
    host.reply("homeserver", "POST", &invite, Reply::json(200, json!({})));
    sends(&host, "m.room.message", "", sent("$m1"));
    send(&host, json!({ "person": MIA, "text": "x" })).unwrap();
    let requests = host.requests();
    let invited = requests.iter().find(|request| request.path == invite);
    assert_eq!(invited.unwrap().json(), json!({ "user_id": MIA }));
}

#[test]
fn a_room_that_somebody_else_made_under_the_alias_gets_nothing() {
    let host = host(json!({}));
    found(
        &host,
        "@eve:plant.example",
        Reply::json(200, json!({ "membership": "join" })),
    );
    let failure = send(&host, json!({ "person": MIA, "text": "x" })).unwrap_err();
    assert_eq!(failure.kind(), "conflict");
    assert!(
        host.requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[test]
fn a_person_that_is_not_there_is_not_invited() {
    let host = host(json!({}));
    no_alias(&host);
    let nobody = refused(404, "M_UNKNOWN", "No row found (profiles)");
    get(
        &host,
        "/_matrix/client/v3/profile/%40mia%3Aplant.example",
        nobody,
    );
    let failure = send(&host, json!({ "person": MIA, "text": "x" })).unwrap_err();
    assert_eq!(failure.kind(), "not-found");
    let failure = send(&host, json!({ "person": "mia", "text": "x" })).unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}

// === editing ===

#[test]
fn an_edit_takes_the_place_of_its_own_message_only() {
    let host = host(json!({}));
    let path = format!("{ROOM_PATH}/event/%24m1");
    let edit = |host: &Host| {
        let input = json!({ "room": ROOM, "id": "$m1", "text": "Press 4 runs" });
        host.start::<Matrix>().act("message.edit", input)
    };
    get(
        &host,
        &path,
        Reply::json(200, event("$m1", "@tombolo:plant.example", json!({}))),
    );
    sends(&host, "m.room.message", "", sent("$e1"));
    assert_eq!(edit(&host), Ok(json!({ "id": "$m1" })));
    let content = content(&host);
    assert_eq!(content["m.new_content"]["body"], "Press 4 runs");
    assert_eq!(content["body"], "* Press 4 runs");
    assert_eq!(
        content["m.relates_to"],
        json!({ "rel_type": "m.replace", "event_id": "$m1" })
    );
    i_am(&host);
    get(&host, &path, Reply::json(200, event("$m1", MIA, json!({}))));
    assert_eq!(edit(&host).unwrap_err().kind(), "unauthorized");
    get(
        &host,
        &path,
        refused(404, "M_NOT_FOUND", "Event not found."),
    );
    assert_eq!(edit(&host).unwrap_err().kind(), "not-found");
}
