#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod actions;
mod feed;
mod hook;

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply, Running};
use tombolo_sdk::{ActionCall, Failure};

use crate::RequestTracker;

fn host() -> Host {
    Host::new(include_str!("../adapter.toml"))
}

/// A ticket as Request Tracker answers it, with its version.
fn answer(id: u64, version: u64, more: Value) -> Reply {
    Reply::json(200, ticket(id, more)).header("etag", &format!("\"{version}\""))
}

fn ticket(id: u64, more: Value) -> Value {
    let mut ticket = json!({
        "id": id, "Subject": "Press 4", "Status": "open", "Priority": "50", "LastUpdated": "2026-01-01T00:00:00Z",
        "Queue": { "id": "1", "Name": "General" }, "Owner": { "id": "Nobody" }, "Requestor": [{ "id": "anna" }],
        "CustomFields": [{ "name": "Tombolo key", "values": ["test-key"] }, { "name": "Tombolo reference", "values": ["P-4"] }],
    });
    ticket
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    ticket
}

fn list(items: Value) -> Reply {
    Reply::json(200, json!({ "items": items, "page": 1, "pages": 1.0 }))
}

/// The queue with its custom fields.
fn queue() -> Reply {
    Reply::json(
        200,
        json!({ "TicketCustomFields": [{ "name": "Tombolo key" }, { "name": "Tombolo reference" }],
            "TicketTransactionCustomFields": [{ "name": "Tombolo call" }] }),
    )
}

/// Calls an action as the second attempt.
fn again(running: &Running<RequestTracker>, action: &str, input: Value) -> Result<Value, Failure> {
    running.call(ActionCall {
        action: action.into(),
        input: input.to_string(),
        idempotency_key: "test-key".into(),
        attempt: 2,
        deadline_ms: 30_000,
    })
}
