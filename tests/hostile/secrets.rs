//! Secrets: canaries that must be seen nowhere but at the server they are for.

use serde_json::json;
use tombolo_tests::server::Reply;
use tombolo_tests::site::files;

use crate::fixture::{SECRET, SIGNING, attack};

#[test]
fn case_71_73_no_secret_reaches_log_error_event_url_or_store() {
    let attack = attack(
        "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}/\"
    network: private
    credential: { bearer: env:ATTACK_TOKEN }
    allow: [\"GET /orders/*\"]
  other:
    http: \"http://{{server}}/other\"
    network: private
    credential: { query: { name: key, value: env:ATTACK_TOKEN } }
    allow: [\"GET /orders/*\"]
keys: { signing: env:ATTACK_SIGNING }
actions:
  go: { effect: read, summary: Goes, do: {} }
",
    );
    // A server that gives the credential back, in a header and in its body, as a naive one may.
    attack.server.reply(
        Reply::json(200, &format!("{{\"you\": \"Bearer {SECRET}\"}}")).with("x-echo", SECRET),
    );
    attack
        .server
        .reply(Reply::json(500, &format!("key={SECRET}")));
    let deeds = [
        json!({"do": "http", "connection": "api", "method": "GET", "path": "/orders/7"}),
        json!({"do": "http", "connection": "other", "method": "GET", "path": "/orders/7"}),
        json!({"do": "http", "connection": "api", "method": "GET", "path": "/orders/7", "headers": [["range", "bytes=4-9"]]}),
        json!({"do": "hmac", "key": "signing", "message": "x"}),
        json!({"do": "hmac", "key": "nothing", "message": "x"}),
        json!({"do": "http", "connection": "api", "method": "GET", "path": "/admin"}),
        json!({"do": "trap"}),
    ];
    let mut seen: String = deeds
        .iter()
        .map(|deed| attack.deed(deed).to_string())
        .collect();
    assert_eq!(
        attack.server.received().len(),
        2,
        "a part of an echo was asked for, or the credential was not used at all: it must have been used for this test to mean anything"
    );
    for target in [
        "/api/systems",
        "/api/runs",
        "/api/dead",
        "/api/lanes",
        "/api/events",
        "/api/audit?limit=1000",
        "/api/audit/export?limit=1000",
    ] {
        seen.push_str(&attack.host.get(target).to_string());
    }
    seen.push_str(&attack.host.log());
    let (code, out, err) = attack.site.tombolo(&["grant", "review", "attacker"]);
    assert_eq!(code, 0, "{out}{err}");
    seen.push_str(&(out + &err));
    let folder = attack.site.path().to_owned();
    let crate::fixture::Attack { site, host, .. } = attack;
    host.kill();
    for file in files(&folder) {
        seen.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
    }
    drop(site);
    for canary in [SECRET, SIGNING] {
        assert!(
            !seen.contains(canary),
            "the canary {canary} was seen: ...{}...",
            around(&seen, canary)
        );
    }
}

fn around(text: &str, word: &str) -> String {
    let at = text.find(word).unwrap_or(0);
    String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..(at + 100).min(text.len())])
        .into_owned()
}
