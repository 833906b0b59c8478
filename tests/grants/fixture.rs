//! A site with one system, `island`, whose adapter does what its input says.

use serde_json::{Value, json};
use tombolo_tests::built::adapter;
use tombolo_tests::host::{TestHost, wait};
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}/base\"
    network: private
    credential: { bearer: env:ISLAND_TOKEN }
    allow: [\"GET /orders/*\", \"POST /orders/{id}/notes\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
";

const FLOW: &str = "
on: sail
steps:
  - id: go
    call: island.go
    with: \"${event.data}\"
    retry: { attempts: 1 }
";

/// The secret of the island's connection.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[("ISLAND_TOKEN", "canary-51a9c0")];

/// A site whose island talks to `server`; not approved.
pub(crate) fn site(server: &RecordingServer) -> TestSite {
    site_at(server.address)
}

/// The same with its server at this address.
pub(crate) fn site_at(address: std::net::SocketAddr) -> TestSite {
    let site = TestSite::new();
    site.adapter("attacker", &adapter("tests/hostile/attacker"));
    let system = SYSTEM.replace("{{server}}", &address.to_string());
    site.write("systems/island.yaml", &system);
    site.write("flows/sail.yaml", FLOW);
    site
}

/// What `grant review` says of the island, for machines.
pub(crate) fn review(site: &TestSite) -> Value {
    let (code, out, err) = site.tombolo(&["grant", "review", "island", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

/// The id of the item whose sentence has these words.
pub(crate) fn id(review: &Value, words: &str) -> String {
    let items = review["items"].as_array().unwrap();
    let found = items
        .iter()
        .find(|item| item["sentence"].as_str().unwrap().contains(words));
    let item = found.unwrap_or_else(|| panic!("no item says {words:?}: {review:#}"));
    item["id"].as_str().unwrap().to_owned()
}

/// `grant approve island`, with more arguments; returns exit code and all it said.
pub(crate) fn approve(site: &TestSite, more: &[&str]) -> (i32, String) {
    let mut arguments = vec!["grant", "approve", "island", "--by", "rita"];
    arguments.extend(["--reason", "test"]);
    arguments.extend(more);
    let (code, out, err) = site.tombolo(&arguments);
    (code, out + &err)
}

/// Lets the island do something in a run of its own; returns the ended run.
pub(crate) fn sail(host: &TestHost, name: &str, deed: &Value) -> Value {
    let response = host.publish("sail", name, deed);
    assert_eq!(response.status, 202, "{}", response.body);
    let seq = response.json()["events"][0]["seq"].as_i64().unwrap();
    wait(&format!("the end of run {seq}.sail"), || {
        let run = find_run(host, seq)?;
        matches!(run["run"]["status"].as_str(), Some("done" | "dead")).then_some(run)
    })
}

fn find_run(host: &TestHost, seq: i64) -> Option<Value> {
    let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
    let headers = [("authorization", authorization.as_str())];
    let response = host.send("GET", &format!("/api/runs/{seq}.sail"), &headers, b"");
    (response.status == 200).then(|| response.json())
}

/// A request over the island's connection.
pub(crate) fn http(method: &str, path: &str) -> Value {
    json!({"do": "http", "connection": "api", "method": method, "path": path})
}
