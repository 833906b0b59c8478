//! What grants are used for, and what could be given less.

use serde_json::{Value, json};
use tombolo_tests::host::TestHost;
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

use crate::fixture::{ENVIRONMENT, approve, http, id, review, sail, site};

fn asked(site: &TestSite, host: &TestHost, more: &[&str]) -> String {
    let address = host.address.to_string();
    let arguments = [&["grant"], more, &["--address", address.as_str()]].concat();
    let (code, out, err) = site.tombolo(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    out
}

fn usage(site: &TestSite, host: &TestHost) -> Value {
    serde_json::from_str(&asked(site, host, &["usage", "island", "--json"])).unwrap()
}

fn count(usage: &Value, id: &str) -> Value {
    field(usage, id, "count")
}

fn field(usage: &Value, id: &str, name: &str) -> Value {
    let mut items = usage["items"].as_array().unwrap().iter();
    items.find(|item| item["id"] == id).unwrap()[name].clone()
}

#[test]
fn uses_are_counted_over_a_restart_and_the_unused_is_proposed_to_go() {
    let server = RecordingServer::start();
    let site = site(&server);
    let review = review(&site);
    let (reads, notes) = (id(&review, "send GET"), id(&review, "send POST"));
    assert_eq!(approve(&site, &[]).0, 0);

    let host = TestHost::start(&site, ENVIRONMENT);
    sail(&host, "1", &http("GET", "/orders/7"));
    sail(&host, "2", &http("GET", "/elsewhere"));
    sail(&host, "3", &http("GET", "/elsewhere"));
    let seen = usage(&site, &host);
    assert_eq!(
        (count(&seen, &reads), count(&seen, &notes)),
        (json!(1), json!(0))
    );
    let last = |id: &str| field(&seen, id, "last_ms");
    assert!(last(&reads).is_u64(), "{seen:#}");
    assert_eq!(last(&notes), Value::Null);
    let denied = &seen["denied"][0];
    assert_eq!(
        (&denied["what"], &denied["times"]),
        (&json!("GET /elsewhere"), &json!(2))
    );
    host.stop();

    let host = TestHost::start(&site, ENVIRONMENT);
    sail(&host, "4", &http("GET", "/orders/8"));
    assert_eq!(count(&usage(&site, &host), &reads), json!(2));
    let shown = asked(&site, &host, &["usage", "island"]);
    assert!(shown.contains("GET /elsewhere"), "{shown}");

    let never = asked(&site, &host, &["usage", "island", "--unused-for", "1ms"]);
    assert!(never.contains(&notes), "{never}");
    let never = asked(&site, &host, &["usage", "island", "--unused-for", "90d"]);
    assert!(
        never.contains("or is not counted for that long yet"),
        "{never}"
    );

    let early = asked(&site, &host, &["tighten", "island"]);
    assert!(early.contains("Too early to tell"), "{early}");
    assert!(!early.contains("--without"), "{early}");
    let proposed = asked(&site, &host, &["tighten", "island", "--unused-for", "1ms"]);
    let proposed = proposed.replace("--by NAME --reason TEXT ", "");
    let without = proposed.split("--without ").nth(1).unwrap();
    let without = without.lines().next().unwrap();
    assert!(without.contains(&notes), "{proposed}");
    let digest = proposed.split("--digest ").nth(1).unwrap();
    let digest = digest.split(' ').next().unwrap();
    assert_eq!(digest, seen["digest"]);
    let (code, told) = approve(&site, &["--digest", digest, "--without", without]);
    assert_eq!(code, 0, "{told}");
}
