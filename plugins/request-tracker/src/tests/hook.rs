//! What the Scrip posts; signatures are the SDK's and tested there and against the real server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tombolo_sdk::testing::Host;
use tombolo_sdk::{Event, Inbound};

use super::host;
use crate::RequestTracker;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Second 0 of the host's clock.
const NOW_S: u64 = 1_767_225_600;

fn post(version: u64, transactions: Value) -> Value {
    json!({ "ticket": { "id": 7, "version": version, "subject": "Press 4", "status": "stalled", "queue": "General", "priority": 100,
        "requester": null, "owner": "Nobody", "reference": "P-4", "changed": "2026-01-01T00:00:00Z" }, "transactions": transactions })
}

fn transaction(id: u64, kind: &str, text: Option<&str>) -> Value {
    json!({ "id": id, "type": kind, "field": null, "by": "anna", "at": "2026-01-01T00:00:00Z", "text": text })
}

fn received(host: &Host, body: &Value) -> Vec<Event> {
    let body = body.to_string();
    let inbound = Inbound::post("change", body.clone())
        .with_header("webhook-id", "rt-1")
        .with_header("webhook-timestamp", &NOW_S.to_string())
        .with_header("webhook-signature", &signature(&body));
    host.start::<RequestTracker>()
        .receive(inbound)
        .unwrap()
        .events
}

fn signature(body: &str) -> String {
    let key = STANDARD
        .decode(SECRET.trim_start_matches("whsec_"))
        .unwrap();
    format!(
        "v1,{}",
        STANDARD.encode(hmac_sha256(&key, format!("rt-1.{NOW_S}.{body}").as_bytes()))
    )
}

/// RFC 2104.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).collect();
    let inner = sha2::Sha256::digest([&inner, message].concat());
    sha2::Sha256::digest([outer.as_slice(), &inner].concat()).to_vec()
}

fn told(host: &Host, body: &Value) -> Vec<String> {
    received(host, body)
        .into_iter()
        .map(|event| format!("{} {}", event.type_, event.id.unwrap()))
        .collect()
}

#[test]
fn a_batch_tells_of_the_ticket_once_and_of_each_entry() {
    let host = host().key("hook", SECRET);
    let body = post(
        45,
        json!([
            transaction(42, "Correspond", Some("Friday")),
            transaction(43, "EmailRecord", None),
            transaction(44, "Status", None),
            transaction(41, "Set", None),
        ]),
    );
    let events = received(&host, &body);
    assert_eq!(events.len(), 2, "{events:?}");
    let data: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!(
        data,
        json!({ "id": "42", "ticket": "7", "text": "Friday", "by": "anna", "public": true, "at": "2026-01-01T00:00:00Z" })
    );
    assert_eq!(events[1].id.as_deref(), Some("changed-44"));
    let data: Value = serde_json::from_str(&events[1].data).unwrap();
    assert_eq!(
        data,
        json!({ "id": "7", "subject": "Press 4", "status": "waiting", "queue": "General", "priority": "high", "reference": "P-4",
            "version": "45", "changed": "2026-01-01T00:00:00Z", "status_name": "stalled" })
    );
}

#[test]
fn an_older_state_of_a_ticket_is_not_told_after_a_newer_one() {
    let host = host().key("hook", SECRET);
    let at = |id: u64| {
        post(
            id,
            json!([
                transaction(id, "Comment", Some("x")),
                transaction(id, "Status", None)
            ]),
        )
    };
    assert_eq!(
        told(&host, &at(45)),
        ["ticket.entry-added entry-45", "ticket.changed changed-45"]
    );
    assert_eq!(told(&host, &at(44)), ["ticket.entry-added entry-44"]);
    assert_eq!(
        told(&host, &at(45)),
        ["ticket.entry-added entry-45", "ticket.changed changed-45"]
    );
    assert_eq!(
        told(&host, &at(46)),
        ["ticket.entry-added entry-46", "ticket.changed changed-46"]
    );
}

#[test]
fn what_is_remembered_of_tickets_is_bounded() {
    let host = host().key("hook", SECRET);
    for number in 0..200_u64 {
        let mut body = post(45, json!([transaction(1000 + number, "Status", None)]));
        body["ticket"]["id"] = json!(7 + 64 * number);
        assert_eq!(told(&host, &body).len(), 1);
    }
    let kept: Vec<(u64, u64)> = serde_json::from_slice(&host.stored("recent/07").unwrap()).unwrap();
    assert_eq!(kept.len(), 64);
    assert_eq!(kept.last(), Some(&(7 + 64 * 199, 45)));
}

#[test]
fn other_queues_tell_nothing() {
    let host = host()
        .key("hook", SECRET)
        .settings(json!({ "queues": ["Repairs"] }));
    let body = post(45, json!([transaction(45, "Create", Some("x"))]));
    assert_eq!(received(&host, &body), []);
}

#[test]
fn nobody_is_believed_without_a_signature() {
    let host = host().key("hook", SECRET);
    let body = post(45, json!([])).to_string();
    let bare = Inbound::post("change", body.clone());
    let failure = host.start::<RequestTracker>().receive(bare).unwrap_err();
    assert_eq!(failure.kind(), "unauthorized");
    let forged = Inbound::post("change", body.replace("Press", "press"))
        .with_header("webhook-id", "rt-1")
        .with_header("webhook-timestamp", &NOW_S.to_string())
        .with_header("webhook-signature", &signature(&body));
    let failure = host.start::<RequestTracker>().receive(forged).unwrap_err();
    assert_eq!(failure.kind(), "unauthorized");
}
