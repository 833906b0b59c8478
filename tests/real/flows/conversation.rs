//! A customer asks in Matrix where an order is and is answered from Tryton; anything else is a ticket in Request Tracker, whose
//! agent's answer comes back into the thread, also one that was written while the host was down. Nothing is doubled, whoever repeats,
//! and nobody hears their own words.

use serde_json::json;
use tombolo_tests::host::wait;

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::lossy::Lossy;
use crate::servers::request_tracker::{RequestTracker, SECRET, correspond};
use crate::servers::tryton::Tryton;

#[test]
fn a_customer_is_answered_from_the_erp_or_by_an_agent() {
    let port = free_port();
    let (mut chat, tryton) = (Chat::start(port), Tryton::start());
    let line = Lossy::to(port);
    let hook = format!("http://127.0.0.1:{}/hooks/desk/change", line.port);
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

    // The Scrip's post about this one is lost, so that the feed brings it when the ticket is known to be the room's.
    line.lose_request("\"type\":\"Create\"");
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

    assert!(line.has_lost(), "the Scrip posts what is done to a ticket");
    running.down();
    correspond(&desk.root(), &ticket, "Somebody comes on Friday");
    running.up();
    let answer = chat.told("Somebody comes on Friday");
    assert_eq!(
        answer["content"]["m.relates_to"]["event_id"], first,
        "in its thread"
    );
    correspond(&desk.root(), &ticket, "With a spare part");
    chat.told("With a spare part");
    let tombolo = desk.user("tombolo", "tombolo-password");
    wait("the feed's end", || {
        let newest = tombolo.send("GET", &format!("/ticket/{ticket}"), &nothing);
        let newest = newest.header("etag")?.trim_matches('"').to_owned();
        let feeds = running.host().get("/api/feeds");
        let mut desk = feeds
            .as_array()?
            .iter()
            .filter(|feed| feed["system"] == "desk");
        (desk.next()?["cursor"] == newest).then_some(())
    });
    wait("all runs are over", || {
        let runs = running.host().get("/api/runs?flow=from-desk");
        runs.as_array()?
            .iter()
            .all(|run| run["status"] == "done")
            .then_some(())
    });
    for (words, times) in [
        ("Somebody comes on Friday", 1),
        ("With a spare part", 1),
        ("the answer comes here", 1),
        ("The press hums.", 0),
        ("Louder now.", 0),
    ] {
        assert_eq!(chat.count(words), times, "{words}");
    }
    assert_eq!(running.events("ticket.entry-added"), 4, "each once");
}
