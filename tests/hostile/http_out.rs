//! Ways out over HTTP that were not granted: denied, recorded, not one byte sent.

use serde_json::{Value, json};
use tombolo_tests::server::{RecordingServer, Reply};

use crate::fixture::{Attack, attack, says};

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}/base\"
    network: private
    credential: { bearer: env:ATTACK_TOKEN }
    allow: [\"GET /orders/*\", \"POST /orders/{id}/notes\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
";

fn site() -> Attack {
    attack(SYSTEM)
}

fn get(path: &str) -> Value {
    json!({"do": "http", "connection": "api", "method": "GET", "path": path})
}

#[test]
fn what_is_granted_leaves_with_its_credential() {
    let attack = site();
    says(&attack.deed(&get("/orders/7")), &["200"]);
    let received = attack.server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].target, "/base/orders/7");
    assert_eq!(
        received[0].header("authorization"),
        Some(&*format!("Bearer {}", crate::fixture::SECRET))
    );
}

#[test]
fn case_52_a_host_of_its_own_choice_cannot_be_named() {
    let elsewhere = RecordingServer::start();
    let there = elsewhere.address;
    // Behind a base without a path, a guest's text begins where the host's name ends.
    for base in ["http://{{server}}/base", "http://{{server}}"] {
        let attack = attack(&SYSTEM.replace("http://{{server}}/base", base));
        for path in [
            &*format!("http://{there}/orders/7"),
            &format!("//{there}/orders/7"),
            &format!("\\\\{there}\\orders"),
            &format!("/\\{there}/orders"),
            &format!("@{there}/orders/7"),
            &format!(":80@{there}/orders/7"),
            &format!("/orders/7#@{there}"),
            "/orders/7?x=1",
            "orders/7",
            "",
            "/orders/7 HTTP/1.1\r\nHost: x",
        ] {
            says(&attack.deed(&get(path)), &["Invalid("]);
        }
        for server in [&elsewhere, &attack.server] {
            assert!(server.received().is_empty(), "{:#?}", server.received());
        }
        attack.neighbour_works();
    }
}

#[test]
fn case_53_a_path_outside_the_grant_does_not_leave() {
    let attack = site();
    let paths = [
        "/admin",
        "/orders",
        "/orders/",
        "/orders/../admin",
        "/orders/%2e%2e/admin",
        "/orders/.%2e/admin",
        "/orders/%252e%252e/admin",
        "/orders/7%2fadmin",
        "/orders/7%5cadmin",
        "/orders//7",
        "/orders/./7",
        "/orders/..;/admin",
        "/orders/%00",
        "/ORDERS/7",
    ];
    for path in paths {
        says(&attack.deed(&get(path)), &["error"]);
    }
    says(
        &attack.deed(
            &json!({"do": "http", "connection": "api", "method": "DELETE", "path": "/orders/7"}),
        ),
        &["Denied"],
    );
    says(
        &attack.deed(
            &json!({"do": "http", "connection": "other", "method": "GET", "path": "/orders/7"}),
        ),
        &["error"],
    );
    assert!(
        attack.server.received().is_empty(),
        "{:#?}",
        attack.server.received()
    );
    attack.refusal_is_recorded(&["/admin", "api"]);
    attack.refusal_is_recorded(&["DELETE /orders/7"]);
}

#[test]
fn case_55_a_name_or_number_that_means_this_machine_is_refused() {
    let server = RecordingServer::start();
    let port = server.address.port();
    for (host, why) in [
        ("127.0.0.1", "a loopback address"),
        ("2130706433", "a loopback address"),
        ("0x7f.1", "a loopback address"),
        ("0177.0.0.1", "a loopback address"),
        ("[::ffff:127.0.0.1]", "a loopback address"),
        ("[64:ff9b::7f00:1]", "a loopback address"),
        ("localhost", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
    ] {
        let attack = attack(&format!(
            "
adapter: adapters/attacker.wasm
connections:
  api: {{ http: \"http://{host}:{port}\", allow: [\"GET /orders/*\"] }}
actions:
  go: {{ effect: read, summary: Goes, do: {{}} }}
"
        ));
        // A number is refused when the system begins, a name when it is looked up.
        let mut told = attack.host.get("/api/systems").to_string();
        if !told.contains("failed") {
            told = attack.deed(&get("/orders/7")).to_string();
        }
        assert!(server.received().is_empty(), "{host} was reached");
        assert!(told.contains(why), "{host}: {told}");
        attack.neighbour_works();
    }
}

#[test]
fn case_57_a_redirect_is_not_followed() {
    let attack = site();
    let elsewhere = RecordingServer::start();
    for location in [
        "/base/orders/elsewhere",
        &format!("http://{}/orders/7", elsewhere.address),
    ] {
        let reply = Reply::json(302, "").with("location", location);
        attack.server.reply(reply);
        let run = attack.deed(&get("/orders/7"));
        let result = run["trace"]["steps"][0]["result"].as_str();
        assert!(
            result.is_some_and(|text| text.starts_with(r#"{"status":302,"#)),
            "{run:#}"
        );
    }
    assert_eq!(attack.server.received().len(), 2);
    assert!(elsewhere.received().is_empty());
}

#[test]
fn case_58_line_breaks_in_headers_are_refused() {
    let attack = site();
    for (name, value) in [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a\r\nx-b", "1"),
        ("x-a", "1\n2"),
        ("x a", "1"),
        ("x-a", "\u{0}"),
    ] {
        let mut deed = get("/orders/7");
        deed["headers"] = json!([[name, value]]);
        says(&attack.deed(&deed), &["Invalid"]);
    }
    assert!(
        attack.server.received().is_empty(),
        "{:#?}",
        attack.server.received()
    );
}

#[test]
fn case_59_headers_that_are_the_hosts_are_refused() {
    let attack = site();
    let names = [
        "Host",
        "Authorization",
        "authorization",
        "Cookie",
        "Proxy-Authorization",
        "Connection",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "Content-Length",
        "X-HTTP-Method-Override",
        ":authority",
    ];
    for name in names {
        let mut deed = get("/orders/7");
        deed["headers"] = json!([[name, "x"]]);
        says(&attack.deed(&deed), &["Invalid"]);
    }
    assert!(
        attack.server.received().is_empty(),
        "{:#?}",
        attack.server.received()
    );
}
