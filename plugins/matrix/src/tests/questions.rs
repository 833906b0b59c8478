//! `question.ask` and `question.close`.

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};

use super::{ROOM, ROOM_PATH, event, get, host, refused, sends, sent};
use crate::Matrix;

const ID: &str = "!plant:plant.example/$q1";

fn input() -> Value {
    json!({ "room": ROOM, "question": "Buy 3 of P-7?", "options": ["approve", "reject"], "reference": "7f3a" })
}

fn asks(host: &Host, reactions: [Reply; 2]) {
    sends(host, "m.room.message", "", sent("$q1"));
    for (index, reply) in reactions.into_iter().enumerate() {
        sends(host, "m.reaction", &format!("-{index}"), reply);
    }
}

#[test]
fn a_question_shows_its_options_and_sets_a_reaction_for_each() {
    let host = host(json!({ "reactions": { "reject": "\u{1f44e}" } }));
    asks(&host, [sent("$r1"), sent("$r2")]);
    let output = host.start::<Matrix>().act("question.ask", input());
    assert_eq!(output, Ok(json!({ "id": ID, "room": ROOM })));
    let requests = host.requests();
    let [asked, first, second] = &requests[..] else {
        panic!("{requests:?}")
    };
    let content = asked.json();
    assert_eq!(
        content["body"],
        "Buy 3 of P-7?\n\n1\u{fe0f}\u{20e3} approve\n\u{1f44e} reject"
    );
    assert_eq!(
        content["tombolo.question"],
        json!({ "reference": "7f3a", "options": ["approve", "reject"], "keys": ["1\u{fe0f}\u{20e3}", "\u{1f44e}"] })
    );
    for (reaction, key) in [(first, "1\u{fe0f}\u{20e3}"), (second, "\u{1f44e}")] {
        assert_eq!(
            reaction.json(),
            json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$q1", "key": key } })
        );
    }
}

#[test]
fn a_question_stands_whatever_becomes_of_its_reactions_unless_they_may_come_later() {
    let duplicate = || {
        refused(
            400,
            "M_DUPLICATE_ANNOTATION",
            "Can't send same reaction twice",
        )
    };
    let host = host(json!({}));
    asks(&host, [duplicate(), refused(400, "M_BAD_JSON", "no")]);
    assert!(host.start::<Matrix>().act("question.ask", input()).is_ok());
    assert_eq!(host.log_lines().len(), 1, "{:?}", host.log_lines());
    asks(
        &host,
        [
            duplicate(),
            refused(429, "M_LIMIT_EXCEEDED", "Too Many Requests"),
        ],
    );
    let failure = host
        .start::<Matrix>()
        .act("question.ask", input())
        .unwrap_err();
    assert_eq!(failure.kind(), "rate-limited");
}

#[test]
fn many_options_are_numbered_and_set_no_reactions() {
    let host = host(json!({ "room": ROOM }));
    sends(&host, "m.room.message", "", sent("$q1"));
    let options: Vec<String> = (1..=12).map(|number| format!("bay {number}")).collect();
    let input = json!({ "question": "Where?", "options": options, "reference": "r" });
    host.start::<Matrix>().act("question.ask", input).unwrap();
    let content = host.requests()[0].json();
    let keys = &content["tombolo.question"]["keys"];
    assert_eq!((&keys[9], &keys[11]), (&json!("\u{1f51f}"), &json!("12")));
}

#[test]
fn a_decided_question_is_edited_and_an_open_one_is_answered() {
    let asked = json!({
        "msgtype": "m.text",
        "body": "Buy?\n\n1 yes",
        "tombolo.question": { "reference": "7f3a", "options": ["yes"], "keys": ["1"] },
        "m.relates_to": { "rel_type": "m.thread", "event_id": "$root" },
    });
    let host = host(json!({}));
    let matrix = host.start::<Matrix>();
    let path = format!("{ROOM_PATH}/event/%24q1");
    let told = || Reply::json(200, event("$q1", "@tombolo:plant.example", asked.clone()));
    get(&host, &path, told());
    sends(&host, "m.room.message", "", sent("$e1"));
    let close = json!({ "id": ID, "text": "Mia approved" });
    assert_eq!(matrix.act("question.close", close), Ok(json!({})));
    let content = host.requests().last().unwrap().json();
    assert_eq!(
        content["m.new_content"]["body"],
        "Buy?\n\n1 yes\n\nMia approved"
    );
    assert_eq!(
        content["m.new_content"]["tombolo.question"],
        asked["tombolo.question"]
    );
    assert_eq!(
        content["m.relates_to"],
        json!({ "rel_type": "m.replace", "event_id": "$q1" })
    );

    get(&host, &path, told());
    sends(&host, "m.room.message", "", sent("$e2"));
    let open = json!({ "id": "$q1", "room": ROOM, "text": "Ben may not", "final": false });
    assert_eq!(matrix.act("question.close", open), Ok(json!({})));
    let content = host.requests().last().unwrap().json();
    assert_eq!(content["body"], "Ben may not");
    assert_eq!(
        content["m.relates_to"],
        json!({ "rel_type": "m.thread", "event_id": "$root", "is_falling_back": false, "m.in_reply_to": { "event_id": "$q1" } })
    );
}

#[test]
fn only_its_own_questions_can_be_closed() {
    let question =
        json!({ "tombolo.question": { "reference": "7f3a", "options": ["yes"], "keys": ["1"] } });
    let table = [
        refused(404, "M_NOT_FOUND", "Event not found."),
        Reply::json(
            200,
            event("$q1", "@tombolo:plant.example", json!({ "body": "x" })),
        ),
        Reply::json(200, event("$q1", "@eve:plant.example", question)),
    ];
    for told in table {
        let host = host(json!({}));
        get(&host, &format!("{ROOM_PATH}/event/%24q1"), told);
        let close = json!({ "id": ID, "text": "x" });
        let failure = host
            .start::<Matrix>()
            .act("question.close", close)
            .unwrap_err();
        assert_eq!(failure.kind(), "not-found", "{failure:?}");
    }
    let failure = host(json!({}))
        .start::<Matrix>()
        .act("question.close", json!({ "id": "$q1", "text": "x" }));
    assert_eq!(failure.unwrap_err().kind(), "invalid-input");
}
