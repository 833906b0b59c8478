//! An alarm over MQTT becomes a purchase in Tryton, asked and answered in Matrix, a command to the machine, a ticket in Request
//! Tracker and a note on the customer; the host is killed while the question is open.

use serde_json::{Value, json};
use tombolo_tests::broker::Broker;
use tombolo_tests::client::Client;
use tombolo_tests::host::wait;

use super::{Chat, Running};
use crate::servers::free_port;
use crate::servers::request_tracker::RequestTracker;
use crate::servers::tryton::Tryton;

#[test]
fn an_alarm_becomes_a_purchase_once_the_plant_manager_says_so() {
    let port = free_port();
    let (mut chat, tryton, bus) = (Chat::start(port), Tryton::start(), Broker::mosquitto());
    let desk = RequestTracker::start(RequestTracker::port(), "http://127.0.0.1:9/");
    let mut environment = vec![
        ("TRYTON_KEY", tryton.key("tombolo")),
        ("RT_PASSWORD", "tombolo-password".to_owned()),
    ];
    environment.extend(chat.environment());
    let mut running = Running::start(
        "alarm-to-purchase",
        port,
        &["matrix", "tryton", "request-tracker", "broker"],
        &[
            ("CHAT", chat.synapse.url()),
            ("ERP", tryton.url()),
            ("DESK", format!("http://127.0.0.1:{}/REST/2.0", desk.port)),
            ("BUS", format!("mqtt://127.0.0.1:{}", bus.port)),
            ("ROOM", Chat::ALIAS.to_owned()),
            ("CUSTOMER", tryton.id("customer")),
        ],
        &environment,
    );
    chat.open();

    let machine = Client::mqtt(bus.port);
    let alarm = json!({ "id": "a-1", "device": "press-4", "code": "E-17", "severity": 4, "part": "WID-1", "needed": 165 });
    wait("the alarm", || {
        machine.publish(&alarm.to_string());
        (running.events("device.alarm") == 1).then_some(())
    });
    let question = chat.told("are short. Buy them?");
    running.kill();
    running.host().wait_for_run("spare-part", "waiting");

    // Somebody else's answer does not count, and they are told so.
    chat.replies(&chat.otto, &question, "approve");
    chat.told("Otto Ast may not answer this");
    assert!(
        tryton
            .look("purchase.purchase", &json!([]), &["state"])
            .is_empty()
    );
    chat.replies(&chat.mia, &question, "Approve!");
    let run = running
        .host()
        .wait_for_run("spare-part", "done")
        .to_string();
    assert!(run.contains(r#"\"by\":\"mia\""#), "{run}");
    chat.told("Mia Kern: approve");
    wait("the machine's command", || {
        let heard = machine.received();
        let told = heard.iter().find(|text| text.contains("reduce-speed"))?;
        assert!(told.contains(r#""because":"E-17""#), "{told}");
        Some(())
    });

    let purchases = tryton.look("purchase.purchase", &json!([]), &["state"]);
    let states: Vec<_> = purchases
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert!(
        matches!(states[..], ["confirmed" | "processing"]),
        "{purchases:?}"
    );
    let notes = tryton.look("ir.note", &json!([]), &["message"]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0]["message"]
            .as_str()
            .unwrap()
            .contains("service may be delayed"),
        "{notes:?}"
    );
    let found = running.host().get("/api/runs?flow=spare-part");
    assert_eq!(found.as_array().unwrap().len(), 1, "one alarm, one run");
    has_its_ticket(&desk, &notes[0]["message"]);
}

/// That Request Tracker has one ticket, which says what is ordered and by whose leave, and which the note names.
fn has_its_ticket(desk: &RequestTracker, note: &Value) {
    let root = desk.root();
    let found = root.get("/tickets?query=id%3E0&fields=Subject,Creator");
    let [ticket] = &found["items"].as_array().unwrap()[..] else {
        panic!("expected one ticket: {found}");
    };
    assert_eq!(ticket["Subject"], "press-4 waits for WID-1", "{ticket}");
    assert_eq!(ticket["Creator"]["id"], "tombolo", "{ticket}");
    let id = number(&ticket["id"]);
    let named = format!("Ticket {id}.");
    assert!(note.as_str().unwrap().contains(&named), "{named} {note}");
    let parts = root.get(&format!("/ticket/{id}/attachments"));
    let parts = parts["items"].as_array().unwrap().iter();
    let texts: Vec<String> = parts
        .map(|part| root.get(&format!("/attachment/{}", number(&part["id"]))))
        .map(|part| decoded(&part["Content"]))
        .collect();
    let is_meant = |text: &String| {
        text.starts_with("Alarm E-17. 40")
            && text.contains("of WID-1 are ordered, approved by mia.")
    };
    assert!(texts.iter().any(is_meant), "{texts:?}");
}

/// Request Tracker gives ids as numbers or as texts.
fn number(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// And contents as base64 in lines.
fn decoded(content: &Value) -> String {
    use base64::Engine as _;
    let content = content.as_str().unwrap_or_default();
    let lines: String = content.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(lines);
    String::from_utf8(bytes.unwrap()).unwrap()
}
