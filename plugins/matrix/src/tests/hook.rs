//! Transactions: who may send them, what they make, and that nothing in them stops the next.

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};
use tombolo_sdk::{Failure, Inbound, Reception};

use super::{ROOM, ROOM_PATH, event, get, host, refused};
use crate::Matrix;

const MIA: &str = "@mia:plant.example";

fn pushed(events: &Value) -> Inbound {
    let mut inbound = Inbound::post("transactions", json!({ "events": events }).to_string())
        .with_header("authorization", "Bearer hs-secret");
    inbound.method = "PUT".to_owned();
    inbound
}

fn receive(host: &Host, events: Value) -> Result<Reception, Failure> {
    host.start::<Matrix>().receive(pushed(&events))
}

/// The types and data of what a transaction of this event makes.
fn made(host: &Host, event: Value) -> Vec<(String, Value)> {
    let reception = receive(host, json!([event])).unwrap();
    assert_eq!(reception.answer.unwrap().body, b"{}");
    reception
        .events
        .into_iter()
        .map(|event| (event.type_, serde_json::from_str(&event.data).unwrap()))
        .collect()
}

fn members(host: &Host, people: &[&str]) {
    let mut joined = json!({ "@tombolo:plant.example": { "display_name": null } });
    for person in people {
        joined[*person] = json!({ "display_name": "Mia" });
    }
    get(
        host,
        &format!("{ROOM_PATH}/joined_members"),
        Reply::json(200, json!({ "joined": joined })),
    );
}

fn question(host: &Host, id: &str, sender: &str) {
    let content = json!({ "msgtype": "m.text", "body": "Buy?", "tombolo.question": { "reference": "7f3a", "options": ["approve", "reject"], "keys": ["1\u{fe0f}\u{20e3}", "2\u{fe0f}\u{20e3}"] } });
    get(
        host,
        &format!("{ROOM_PATH}/event/%24{id}"),
        Reply::json(200, event(&format!("${id}"), sender, content)),
    );
}

fn text(body: &str, relation: Value) -> Value {
    let mut content = json!({ "msgtype": "m.text", "body": body });
    if !relation.is_null() {
        content["m.relates_to"] = relation;
    }
    event("$m2", MIA, content)
}

fn reaction(key: &str) -> Value {
    let mut event = event(
        "$m2",
        MIA,
        json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$q1", "key": key } }),
    );
    event["type"] = "m.reaction".into();
    event
}

#[test]
fn only_the_homeservers_token_opens_the_hook() {
    let host = host(json!({}));
    let matrix = host.start::<Matrix>();
    let with = |headers: &[&str]| {
        let mut inbound = Inbound::post("transactions", "not even json");
        inbound.method = "PUT".to_owned();
        headers.iter().fold(inbound, |inbound, value| {
            inbound.with_header("authorization", value)
        })
    };
    for headers in [
        &[][..],
        &["Bearer hs-secret2"],
        &["Bearer "],
        &["hs-secret"],
        &["Basic hs-secret"],
        &["Bearer hs-secret", "Bearer hs-secret"],
    ] {
        let failure = matrix.receive(with(headers)).unwrap_err();
        assert_eq!(failure.kind(), "unauthorized", "{headers:?}");
    }
    let failure = matrix.receive(with(&["Bearer hs-secret"])).unwrap_err();
    assert_eq!(failure.kind(), "invalid-input");
}

#[test]
fn queries_find_nobody_and_pings_are_answered() {
    let matrix = host(json!({})).start::<Matrix>();
    for (method, status) in [("GET", 404), ("POST", 200)] {
        let mut inbound = pushed(&json!([]));
        inbound.method = method.to_owned();
        let answer = matrix.receive(inbound).unwrap().answer.unwrap();
        assert_eq!(answer.status, status);
    }
}

#[test]
fn a_message_becomes_an_event_with_its_id() {
    let host = host(json!({}));
    members(&host, &[MIA]);
    let reception = receive(&host, json!([text("where is S-42?", Value::Null)])).unwrap();
    let [made] = &reception.events[..] else {
        panic!("{reception:?}")
    };
    assert_eq!(made.id.as_deref(), Some("$m2"));
    assert_eq!(made.subject.as_deref(), Some(ROOM));
    assert_eq!(made.time.as_deref(), Some("2026-11-27T02:14:56.228Z"));
    assert_eq!(
        serde_json::from_str::<Value>(&made.data).unwrap(),
        json!({
            "id": "$m2", "room": ROOM, "from": { "id": MIA, "name": "Mia" },
            "text": "where is S-42?", "direct": true, "at": "2026-11-27T02:14:56.228Z",
        })
    );
}

#[test]
fn threads_replies_and_quotations_are_told_apart() {
    let table = [
        (
            text(
                "> <@ben:plant.example> old\n> words\n\nnew words",
                json!({ "m.in_reply_to": { "event_id": "$m1" } }),
            ),
            json!({ "text": "new words", "reply_to": "$m1" }),
        ),
        (
            text("> quoted by hand\n\nwords", Value::Null),
            json!({ "text": "> quoted by hand\n\nwords" }),
        ),
        (
            text(
                "words",
                json!({ "rel_type": "m.thread", "event_id": "$m0", "is_falling_back": true, "m.in_reply_to": { "event_id": "$m1" } }),
            ),
            json!({ "text": "words", "thread": "$m0", "reply_to": null }),
        ),
        (
            text(
                "words",
                json!({ "rel_type": "m.thread", "event_id": "$m0", "m.in_reply_to": { "event_id": "$m1" } }),
            ),
            json!({ "text": "words", "thread": "$m0", "reply_to": "$m1" }),
        ),
    ];
    for (pushed, expected) in table {
        let host = host(json!({}));
        members(&host, &[MIA, "@ben:plant.example"]);
        for id in ["m0", "m1"] {
            get(
                &host,
                &format!("{ROOM_PATH}/event/%24{id}"),
                Reply::json(
                    200,
                    event("$m1", "@ben:plant.example", json!({ "body": "x" })),
                ),
            );
        }
        let made = made(&host, pushed);
        assert_eq!(made[0].0, "message.received");
        assert_eq!(made[0].1["direct"], false);
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&made[0].1[name], value, "{name}: {made:?}");
        }
    }
}

#[test]
fn a_reaction_to_a_question_of_its_own_is_an_answer() {
    let host = host(json!({}));
    question(&host, "q1", "@tombolo:plant.example");
    members(&host, &[MIA]);
    assert_eq!(
        made(&host, reaction("2\u{fe0f}\u{20e3}")),
        [(
            "question.answered".to_owned(),
            json!({
                "question": "!plant:plant.example/$q1", "reference": "7f3a", "answer": "reject",
                "by": { "id": MIA, "name": "Mia" }, "room": ROOM, "at": "2026-11-27T02:14:56.228Z",
            })
        )]
    );
}

#[test]
fn words_in_reply_or_in_the_thread_are_an_answer() {
    let relations = [
        json!({ "m.in_reply_to": { "event_id": "$q1" } }),
        json!({ "rel_type": "m.thread", "event_id": "$q1", "is_falling_back": true, "m.in_reply_to": { "event_id": "$other" } }),
        json!({ "rel_type": "m.thread", "event_id": "$other", "is_falling_back": true, "m.in_reply_to": { "event_id": "$q1" } }),
    ];
    for relation in relations {
        let host = host(json!({}));
        question(&host, "q1", "@tombolo:plant.example");
        get(
            &host,
            &format!("{ROOM_PATH}/event/%24other"),
            refused(404, "M_NOT_FOUND", "Event not found."),
        );
        members(&host, &[MIA]);
        let made = made(&host, text("Approve! We need it", relation));
        assert_eq!(made[0].0, "question.answered");
        assert_eq!(made[0].1["answer"], "approve");
        assert_eq!(made[0].1["comment"], "We need it");
    }
}

#[test]
fn what_is_no_answer_is_a_message_or_nothing() {
    let host = host(json!({}));
    question(&host, "q1", "@tombolo:plant.example");
    members(&host, &[MIA]);
    let reply = json!({ "m.in_reply_to": { "event_id": "$q1" } });
    let said = made(&host, text("approve the other one", reply));
    assert_eq!(said[0].0, "message.received");
    // Somebody else's event is no question, whatever it carries.
    for (sender, key) in [
        ("@tombolo:plant.example", "\u{2764}"),
        ("@eve:plant.example", "1\u{fe0f}\u{20e3}"),
    ] {
        let host = super::host(json!({}));
        question(&host, "q1", sender);
        assert_eq!(made(&host, reaction(key)), []);
    }
}

#[test]
fn noise_makes_nothing() {
    let mut own = text("x", Value::Null);
    own["sender"] = "@tombolo:plant.example".into();
    let mut redaction = text("x", Value::Null);
    redaction["type"] = "m.room.redaction".into();
    let mut secret = text("x", Value::Null);
    secret["type"] = "m.room.encrypted".into();
    let mut state = text("x", Value::Null);
    state["state_key"] = "".into();
    let noise = json!([
        own,
        redaction,
        secret,
        state,
        text("* x", json!({ "rel_type": "m.replace", "event_id": "$m1" })),
        text("  ", Value::Null),
        event("$m2", MIA, json!({})),
        event("$m2", MIA, json!(null)),
        event("$m2", MIA, json!({ "msgtype": "m.notice", "body": "a robot" })),
        event("$m2", MIA, json!({ "msgtype": "m.image", "body": "p.png" })),
        event("$m2", MIA, json!({ "msgtype": "m.text", "body": 7 })),
        { "type": "m.presence" },
        "no event",
        null,
    ]);
    let host = host(json!({}));
    let reception = receive(&host, noise).unwrap();
    assert_eq!(reception.events, []);
    assert_eq!(reception.answer.unwrap().status, 200);
}

#[test]
fn odd_ids_times_and_references_do_not_stop_what_follows() {
    let host = host(json!({}));
    members(&host, &[MIA]);
    let mut odd = text("odd", json!({ "m.in_reply_to": { "event_id": "a/../b" } }));
    odd["origin_server_ts"] = json!(-1);
    let mut late = text("late", Value::Null);
    late["origin_server_ts"] = json!(9_007_199_254_740_991_u64);
    let reception = receive(&host, json!([odd, late])).unwrap();
    assert_eq!(reception.events.len(), 2);
    assert!(reception.events.iter().all(|event| event.time.is_none()));
}

#[test]
fn it_joins_only_whom_the_settings_name() {
    let invitation = |inviter: &str| json!({ "type": "m.room.member", "event_id": "$i", "room_id": ROOM, "sender": inviter, "state_key": "@tombolo:plant.example", "content": { "membership": "invite" } });
    let table = [
        (json!([]), MIA, false),
        (json!([MIA]), MIA, true),
        (json!([MIA]), "@mia:other.example", false),
        (json!(["@*:plant.example"]), MIA, true),
        (json!(["@*:plant.example"]), "@mia:evil.example", false),
        (
            json!(["@*:plant.example"]),
            "@mia:plant.example.evil.example",
            false,
        ),
    ];
    for (join, inviter, joins) in table {
        let host = host(json!({ "join": join }));
        host.reply(
            "homeserver",
            "POST",
            &format!("{ROOM_PATH}/join"),
            Reply::json(200, json!({ "room_id": ROOM })),
        );
        assert_eq!(made(&host, invitation(inviter)), []);
        let asked = host
            .requests()
            .iter()
            .any(|request| request.method == "POST");
        assert_eq!(asked, joins, "{inviter}");
    }
    let host = host(json!({ "join": ["plant.example"] }));
    let failure = receive(&host, json!([])).unwrap_err();
    assert!(failure.message().contains("settings.join"), "{failure:?}");
}

#[test]
fn what_passes_by_itself_has_the_transaction_repeated_and_nothing_else() {
    let invitation = json!([{ "type": "m.room.member", "event_id": "$i", "room_id": ROOM, "sender": MIA, "state_key": "@tombolo:plant.example", "content": { "membership": "invite" } }]);
    let table = [
        (Reply::status(502), Some("unavailable")),
        (
            refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests"),
            Some("rate-limited"),
        ),
        (
            refused(403, "M_FORBIDDEN", "You are not invited to this room."),
            None,
        ),
        (refused(404, "M_UNKNOWN", "Can't join remote room"), None),
    ];
    for (reply, kind) in table {
        let host = host(json!({ "join": [MIA] }));
        host.reply("homeserver", "POST", &format!("{ROOM_PATH}/join"), reply);
        let failure = receive(&host, invitation.clone()).err();
        assert_eq!(failure.as_ref().map(Failure::kind), kind);
    }
}

#[test]
fn a_credential_that_is_refused_does_not_read_as_a_sender_that_is() {
    let host = Host::new(include_str!("../../adapter.toml")).key("hs-token", "hs-secret");
    get(
        &host,
        "/_matrix/client/v3/account/whoami",
        refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed."),
    );
    let failure = receive(&host, json!([text("x", Value::Null)])).unwrap_err();
    assert_eq!(failure.kind(), "internal", "{failure:?}");
}

#[test]
fn a_room_it_was_thrown_out_of_meanwhile_is_told_without_names() {
    let host = host(json!({}));
    get(
        &host,
        &format!("{ROOM_PATH}/joined_members"),
        refused(403, "M_FORBIDDEN", "Appservice not in room"),
    );
    let made = made(&host, text("x", Value::Null));
    assert_eq!(made[0].1["from"], json!({ "id": MIA }));
    assert_eq!(made[0].1["direct"], false);
}
