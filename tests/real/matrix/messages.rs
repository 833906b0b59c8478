//! Messages out: rooms, threads, people, edits, and every refusal.

use serde_json::{Value, json};
use tombolo_tests::host::wait;

use super::Chat;
use crate::checked::passes;
use crate::servers::synapse::encoded;

#[test]
fn it_keeps_its_profiles_by_their_own_cases() {
    let chat = Chat::start();
    let room = format!("room={}", chat.room);
    let environment = chat.environment();
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let out = passes(&chat.site, ("matrix", "chat"), &environment, &[&room]);
    for kept in ["im/1", "approval/1"] {
        assert!(out.contains(kept), "{out}");
    }
}

#[test]
fn messages_are_sent_threaded_edited_and_refused_for_what_is_wrong() {
    let mut chat = Chat::start();
    let said = chat.say("Press 4 stands still");
    assert_eq!(said["room"], chat.room.as_str());
    let first = said["id"].as_str().unwrap().to_owned();
    let event = chat.synapse.event(&chat.mia, &chat.room, &first);
    assert_eq!(event["content"]["body"], "Press 4 stands still");

    let thread = json!({ "room": chat.room, "thread": first, "text": "**Since** 7:00 <b>" });
    let second = chat.does("say-in-thread", &thread);
    assert_eq!(second["thread"], first.as_str());
    let event = chat
        .synapse
        .event(&chat.mia, &chat.room, second["id"].as_str().unwrap());
    let content = &event["content"];
    assert_eq!(content["m.relates_to"]["event_id"], first.as_str());
    assert_eq!(
        content["formatted_body"],
        "<p><strong>Since</strong> 7:00 &lt;b&gt;</p>"
    );

    let edit = json!({ "room": chat.room, "id": first, "text": "Press 4 runs again" });
    assert_eq!(chat.does("edit", &edit), json!({ "id": first }));
    let event = chat.synapse.event(&chat.mia, &chat.room, &first);
    let newest = &event["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"];
    assert_eq!(newest["body"], "Press 4 runs again");

    people(&chat);
    refusals(&chat);
    thrown_out(&chat);
    restarted(&mut chat);
}

/// To a person: one room however often, in which only the two are.
fn people(chat: &Chat) {
    let tell = |person: &str| json!({ "person": person, "text": "for you alone" });
    let once = chat.does("tell", &tell(&chat.otto.id));
    let twice = chat.does("tell", &tell(&chat.otto.id));
    let room = once["room"].as_str().unwrap();
    assert_eq!(twice["room"], room);
    assert_ne!(twice["id"], once["id"]);
    assert_ne!(room, chat.room);
    chat.synapse.join(&chat.otto, room);
    let texts = chat.synapse.events(&chat.otto, room, "m.room.message");
    assert_eq!(texts.len(), 2, "{texts:?}");
    let wrote = chat
        .synapse
        .writes(&chat.otto, room, "thank you", &Value::Null);
    let heard = chat.received("message.received", &wrote);
    assert_eq!(heard["data"]["direct"], true, "{heard}");
    // Who leaves is asked back in.
    let leave = format!("/_matrix/client/v3/rooms/{}/leave", encoded(room));
    chat.synapse
        .ok(&chat.otto.token, "POST", &leave, &json!({}));
    let again = chat.does("tell", &tell(&chat.otto.id));
    assert_eq!(again["room"], room);
    chat.synapse.join(&chat.otto, room);
    let nobody = chat.fails("tell", &tell("@nobody:plant.example"));
    assert!(nobody.contains("not-found"), "{nobody}");
}

fn refusals(chat: &Chat) {
    let room = &chat.room;
    let theirs = chat.synapse.writes(&chat.mia, room, "mine", &Value::Null);
    let table = [
        (
            "say",
            json!({ "room": "!nothere:plant.example", "text": "x" }),
            "not-found",
            "not in room",
        ),
        (
            "say",
            json!({ "room": "#nothere:plant.example", "text": "x" }),
            "not-found",
            "#nothere",
        ),
        (
            "say-in-thread",
            json!({ "room": room, "thread": "$nothere", "text": "x" }),
            "not-found",
            "$nothere",
        ),
        (
            "edit",
            json!({ "room": room, "id": "$nothere", "text": "x" }),
            "not-found",
            "$nothere",
        ),
        (
            "edit",
            json!({ "room": room, "id": theirs, "text": "x" }),
            "unauthorized",
            "@mia:plant.example",
        ),
    ];
    for (flow, data, kind, says) in table {
        let failed = chat.fails(flow, &data);
        assert!(
            failed.contains(kind) && failed.contains(says),
            "{data}: {failed}"
        );
    }
    // 20,000 characters that take four bytes each are more than an event.
    let long = chat.fails(
        "say",
        &json!({ "room": room, "text": "\u{1f600}".repeat(20_000) }),
    );
    assert!(long.contains("M_TOO_LARGE"), "{long}");
}

fn thrown_out(chat: &Chat) {
    let other = chat.synapse.room(&chat.mia, "other", &[&chat.bot]);
    chat.joined(&other);
    let data = json!({ "room": "#other:plant.example", "text": "x" });
    chat.does("say", &data);
    chat.synapse.kick(&chat.mia, &chat.bot, &other);
    let failed = chat.fails("say", &data);
    assert!(
        failed.contains("unauthorized") && failed.contains("invite it again"),
        "{failed}"
    );
    // Otto is nobody whose invitations are taken.
    let otto = chat.synapse.room(&chat.otto, "ottos", &[&chat.bot]);
    let failed = chat.fails("say", &json!({ "room": otto, "text": "x" }));
    assert!(
        failed.contains("not-found") && failed.contains("invited first"),
        "{failed}"
    );
}

/// What is sent again after the homeserver was killed is still one message: its answer may have been lost with it.
fn restarted(chat: &mut Chat) {
    let id = chat.say("before the restart")["id"].clone();
    let sent = chat
        .synapse
        .event(&chat.bot, &chat.room, id.as_str().unwrap());
    let transaction = sent["unsigned"]["transaction_id"].as_str().unwrap();
    chat.synapse.restart();
    let again = format!(
        "/_matrix/client/v3/rooms/{}/send/m.room.message/{transaction}",
        encoded(&chat.room)
    );
    let answer = chat
        .synapse
        .ok(&chat.bot.token, "PUT", &again, &sent["content"]);
    assert_eq!(answer["event_id"], id);
    assert!(chat.say("after the restart")["id"].is_string());
}

#[test]
fn a_limit_is_waited_for_as_long_as_the_homeserver_says() {
    // One message, and the next after 100 s. Synapse never limits an application service's own user: another one writes.
    let mut chat = Chat::start_with(&json!({ "per_second": 0.01, "burst_count": 1 }));
    chat.host = None;
    std::mem::swap(&mut chat.bot, &mut chat.otto);
    chat.up();
    for text in ["the first", "the second"] {
        chat.begin("say", &json!({ "room": chat.room, "text": text }));
    }
    let run = wait("a run that waits", || {
        let runs = chat.host().get("/api/runs?status=waiting");
        runs.as_array()?.first()?["id"].as_str().map(str::to_owned)
    });
    let waiting = chat.run(&run, "waiting");
    assert!(
        waiting.to_string().contains("M_LIMIT_EXCEEDED"),
        "{waiting}"
    );
    let at = |name: &str| waiting["run"][name].as_u64().unwrap();
    let pause = at("wake_ms") - at("updated_ms");
    // The host's own first pause is a second or so.
    assert!((30_000..=110_000).contains(&pause), "{waiting}");
}
