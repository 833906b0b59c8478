//! A customer asks in Matrix where an order is and is answered from Tryton; anything else is a ticket in Request Tracker, whose
//! agent's answer comes back into the thread. Nothing is doubled, whoever repeats.

use serde_json::json;
use tombolo_tests::host::wait;

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::request_tracker::{RequestTracker, SECRET, correspond};
use crate::servers::tryton::Tryton;

#[test]
fn a_customer_is_answered_from_the_erp_or_by_an_agent() {
    let port = free_port();
    let (mut chat, tryton) = (Chat::start(port), Tryton::start());
    let hook = format!("http://127.0.0.1:{port}/hooks/desk/change");
    let desk = RequestTracker::start(RequestTracker::port(), &hook);
    let mut environment = vec![
        ("TRYTON_KEY", tryton.key("tombolo")),
        ("RT_PASSWORD", "tombolo-password".to_owned()),
        ("RT_HOOK_SECRET", SECRET.to_owned()),
    ];
    environment.extend(chat.environment());
    let mut running = Running::start(
        "conversation",
        port,
        &["matrix", "tryton", "request-tracker"],
        &[
            ("CHAT", chat.synapse.url()),
            ("ERP", tryton.url()),
            ("DESK", format!("http://127.0.0.1:{}/REST/2.0", desk.port)),
        ],
        &environment,
    );
    chat.open();
    let says = |words: &str, relation: &serde_json::Value| {
        chat.synapse.writes(&chat.otto, &chat.room, words, relation)
    };
    let nothing = serde_json::Value::Null;

    running.sells(&tryton.id("customer"), "S-42", 1);
    says("Hello, where is order S-42?", &nothing);
    chat.told("Order S-42 is");
    says("where is my order S-43?", &nothing);
    chat.told("I find no order S-43.");

    let first = says("The press hums.", &nothing);
    let told = chat.told("the answer comes here");
    let ticket = told["content"]["body"].as_str().unwrap();
    let ticket: String = ticket.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(
        told["content"]["m.relates_to"]["event_id"], first,
        "in its thread"
    );
    let thread = json!({ "rel_type": "m.thread", "event_id": first });
    says("Louder now.", &thread);
    wait("what follows is on the ticket", || {
        let run = running.host().get("/api/runs?flow=from-chat&status=done");
        (run.as_array()?.len() == 4).then_some(())
    });

    running.kill();
    correspond(&desk.root(), &ticket, "Somebody comes on Friday");
    let answer = chat.told("Somebody comes on Friday");
    assert_eq!(
        answer["content"]["m.relates_to"]["event_id"], first,
        "in its thread"
    );
    correspond(&desk.root(), &ticket, "With a spare part");
    chat.told("With a spare part");
    assert_eq!(chat.count("Somebody comes on Friday"), 1);
    assert_eq!(chat.count("the answer comes here"), 1, "one ticket");
}
