//! Transactions: who may send them, and that what is sent while nobody listens, or twice, is heard once.

use serde_json::{Value, json};

use super::Chat;
use crate::servers::synapse::HS_TOKEN;

#[test]
fn what_is_said_while_the_host_is_away_or_said_twice_is_heard_once() {
    let mut chat = Chat::start();
    let first = chat
        .synapse
        .writes(&chat.mia, &chat.room, "one", &Value::Null);
    let heard = chat.received("message.received", &first);
    assert_eq!(heard["source"], "/systems/chat");
    assert_eq!(
        heard["data"]["from"],
        json!({ "id": chat.mia.id, "name": "mia" })
    );
    assert_eq!(heard["data"]["direct"], false);

    chat.host.take().unwrap().kill();
    let thread = json!({ "rel_type": "m.thread", "event_id": first, "is_falling_back": true, "m.in_reply_to": { "event_id": first } });
    let away = [
        chat.synapse
            .writes(&chat.mia, &chat.room, "two", &Value::Null),
        chat.synapse
            .writes(&chat.otto, &chat.room, "three", &thread),
        chat.synapse
            .writes(&chat.mia, &chat.room, "four", &Value::Null),
    ];
    chat.up();
    let threaded = chat.received("message.received", &away[1]);
    assert_eq!(threaded["data"]["thread"], first.as_str());
    assert_eq!(threaded["data"].get("reply_to"), None);
    chat.received("message.received", &away[2]);
    let texts = |chat: &Chat| -> Vec<Value> {
        let heard = chat.events("message.received");
        heard
            .iter()
            .map(|event| event["data"]["text"].clone())
            .collect()
    };
    assert_eq!(
        texts(&chat),
        ["four", "three", "two", "one"],
        "each once, in order"
    );

    // The same once more, by hand; and from somebody who is not the homeserver.
    let event = chat.synapse.event(&chat.mia, &chat.room, &away[2]);
    let transaction = json!({ "events": [event] }).to_string();
    let put = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let path = "/hooks/chat/transactions/_matrix/app/v1/transactions/7";
        chat.host()
            .send("PUT", path, &headers, transaction.as_bytes())
    };
    for _ in 0..2 {
        let answer = put(HS_TOKEN);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
    for wrong in ["", "hs-secret", &chat.bot.token] {
        assert_eq!(put(wrong).status, 401, "{wrong}");
    }
    let last = chat
        .synapse
        .writes(&chat.mia, &chat.room, "five", &Value::Null);
    chat.received("message.received", &last);
    assert_eq!(texts(&chat), ["five", "four", "three", "two", "one"]);

    // Neither what the adapter says itself, nor edits, nor what is taken back.
    chat.say("by the adapter");
    let edit = json!({ "msgtype": "m.text", "body": "* 5", "m.new_content": { "msgtype": "m.text", "body": "5" }, "m.relates_to": { "rel_type": "m.replace", "event_id": last } });
    chat.synapse
        .says(&chat.mia, &chat.room, "m.room.message", &edit);
    let end = chat
        .synapse
        .writes(&chat.mia, &chat.room, "end", &Value::Null);
    chat.received("message.received", &end);
    assert_eq!(texts(&chat).len(), 6, "{:?}", texts(&chat));
}
