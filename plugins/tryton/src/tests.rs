#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod answers;
mod orders;
mod reading;
mod rpc;
mod stock;

use serde_json::{Value, json};
use tombolo_sdk::testing::{Host, Reply};

/// A host whose Tryton tells whose key it is.
fn host() -> Host {
    let host = Host::new(include_str!("../adapter.toml"));
    host.reply(
        "api",
        "POST",
        "/rest/model/res.user/get_preferences",
        Reply::json(
            200,
            json!({ "company": 1, "company.rec_name": "Company", "employee": 2, "language": "en", "locale": {} }),
        ),
    );
    host
}

fn reply(host: &Host, method: &str, path: &str, body: Value) {
    host.reply(
        "api",
        method,
        &format!("/rest/model/{path}"),
        Reply::json(200, body),
    );
}

/// The paths of the requests so far, without what asks in whose name.
fn asked(host: &Host) -> Vec<String> {
    host.requests()
        .iter()
        .map(|sent| format!("{} {}", sent.method, sent.path.replace("/rest/model/", "")))
        .filter(|line| !line.ends_with("get_preferences"))
        .collect()
}

/// What a query field holds, decoded.
fn decoded(host: &Host, request: usize, field: &str) -> Value {
    use base64::Engine as _;
    let sent = &host.requests()[request];
    let (_, value) = sent.query.iter().find(|(name, _)| name == field).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE
        .decode(value)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A moment as Tryton writes it.
fn at(second: u32) -> Value {
    json!({ "__class__": "datetime", "year": 2026, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": second, "microsecond": 0 })
}
