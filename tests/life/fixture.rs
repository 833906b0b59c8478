//! A site with one system `shop`, a flow that calls it with a key per lane, and a host.

use serde_json::{Value, json};
use tombolo_tests::component::{Parts, manifest};
use tombolo_tests::host::TestHost;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE, TestSite};

const SYSTEM: &str = "adapter: adapters/shop.wasm\nlimits: { cpu: 200 ms }\n";
const FLOW: &str = "
on: order
key: event.subject
steps:
  - id: go
    call: shop.go
    with: { n: \"${event.data.n}\" }
    retry: { attempts: 3, backoff: 50ms }
";

/// A version of the adapter `hostile/shop`; `parts` says what it does.
pub(crate) fn version(version: &str, parts: Parts) -> Vec<u8> {
    let hooks = "[hooks.in]\nsummary = \"Something arrives\"\n";
    let manifest = manifest("hostile/shop", hooks).replace("0.1.0", version);
    Parts { manifest, ..parts }.build()
}

/// One that answers `{}`.
pub(crate) fn well(number: &str) -> Vec<u8> {
    version(number, Parts::default())
}

/// The site with this version, approved.
pub(crate) fn site(adapter: &[u8]) -> TestSite {
    let site = TestSite::new();
    site.adapter_bytes("shop", adapter);
    site.write("systems/shop.yaml", SYSTEM);
    site.write("flows/order.yaml", FLOW);
    site.approve("shop");
    site
}

/// `tombolo system WORDS` against the host; its output.
#[track_caller]
pub(crate) fn system(host: &TestHost, words: &[&str]) -> String {
    let (code, out, err) = try_system(host, words);
    assert_eq!(code, 0, "{words:?}: {out}{err}");
    out
}

/// The same, whatever its exit code.
pub(crate) fn try_system(host: &TestHost, words: &[&str]) -> (i32, String, String) {
    let address = format!("http://{}", host.address);
    let mut all = vec!["system"];
    all.extend(words);
    all.extend(["--address", &address]);
    tombolo_tests::built::run(&all, &[(TOKEN_VARIABLE, TOKEN)])
}

/// How `shop` stands.
pub(crate) fn shop(host: &TestHost) -> Value {
    let systems = host.get("/api/systems");
    let all = systems.as_array().expect("a list");
    all.iter()
        .find(|one| one["system"] == "shop")
        .expect("shop is there")
        .clone()
}

/// Sends order `n` of `lane`.
pub(crate) fn order(host: &TestHost, lane: &str, n: u64) {
    let event = json!({"specversion": "1.0", "type": "order", "source": "/test", "id": format!("{lane}-{n}"),
        "subject": lane, "data": { "n": n }});
    let headers = [
        ("authorization", &*format!("Bearer {TOKEN}")),
        ("content-type", "application/cloudevents+json"),
    ];
    let response = host.send("POST", "/events", &headers, event.to_string().as_bytes());
    assert_eq!(response.status, 202, "{}", response.body);
}

/// Waits until so many runs of the flow are done.
pub(crate) fn done(host: &TestHost, count: usize) {
    host.wait_for(&format!("{count} runs that are done"), |host| {
        let runs = host.get("/api/runs?flow=order&status=done&limit=1000");
        (runs.as_array()?.len() >= count).then_some(())
    });
}
