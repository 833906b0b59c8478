//! Whom a site trusts: held back without a good signature, loud where it is allowed.

use serde_json::json;
use tombolo_tests::built::run;
use tombolo_tests::component::Parts;
use tombolo_tests::host::TestHost;
use tombolo_tests::publisher;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE, TestSite};

const SYSTEM: &str = "adapter: adapters/own.wasm\n";
const ALLOWED: &str = "adapter: adapters/own.wasm\nunsigned: allow\n";

/// A site with the system `own`, whose adapter nobody signed.
fn unsigned(system: &str) -> TestSite {
    let site = TestSite::new();
    site.adapter_unsigned("own", &Parts::default().build());
    site.write("systems/own.yaml", system);
    site
}

fn check(site: &TestSite) -> String {
    let (_, out, err) = run(
        &["check", site.path().to_str().unwrap()],
        &[(TOKEN_VARIABLE, TOKEN)],
    );
    out + &err
}

#[track_caller]
fn says(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word:?} is not told:\n{told}");
    }
}

#[test]
fn an_unsigned_adapter_is_held_back_and_cannot_be_approved_and_each_place_says_what_to_do() {
    let site = unsigned(SYSTEM);
    let advice = [
        "found no signature beside it",
        "tombolo adapter sign",
        "publishers",
        "unsigned: allow",
    ];
    says(&check(&site), &advice);
    let (_, review, _) = site.tombolo(&["grant", "review", "own"]);
    says(&review, &advice);
    let approve = [
        "grant", "approve", "own", "--by", "rita", "--reason", "test",
    ];
    let (code, _, refused) = site.tombolo(&approve);
    assert_ne!(code, 0);
    says(&refused, &advice);
    assert!(!site.path().join("grants/own.yaml").exists());
    let host = TestHost::start(&site, &[]);
    let systems = host.get("/api/systems").to_string();
    says(&systems, &["held-back", "found no signature beside it"]);
}

#[test]
fn an_unsigned_adapter_that_the_system_file_allows_runs_and_every_place_warns() {
    let site = unsigned(ALLOWED);
    site.approve("own");
    says(
        &check(&site),
        &[
            "systems/own.yaml:2:1",
            "by nobody's word",
            "nobody (allowed)",
        ],
    );
    let (_, review, _) = site.tombolo(&["grant", "review", "own"]);
    says(&review, &["nobody whom the site trusts", "unsigned: allow"]);
    let host = TestHost::start(&site, &[]);
    let loud = "no trusted publisher signed";
    host.wait_for("the warning", |host| {
        host.log()
            .lines()
            .any(|line| line.contains("WARN") && line.contains(loud))
            .then_some(())
    });
    assert_eq!(host.get("/api/systems")[0]["state"], "running");
    let address = format!("http://{}", host.address);
    let (_, status, _) = run(
        &["system", "status", "--address", &address],
        &[(TOKEN_VARIABLE, TOKEN)],
    );
    says(&status, &["nobody (allowed)", "runs unsigned"]);
    // The next load is as loud.
    let warned = host.log().matches(loud).count();
    let other = Parts {
        receive: "nop unreachable".into(),
        ..Parts::default()
    };
    site.adapter_unsigned("own", &other.build()).approve("own");
    host.post("/api/reload", &json!({}));
    host.wait_for("another warning", |host| {
        (host.log().matches(loud).count() > warned).then_some(())
    });
}

#[test]
fn what_is_wrong_is_not_excused_by_what_allows_the_unsigned() {
    let site = unsigned(ALLOWED);
    let other = Parts {
        receive: "nop unreachable".into(),
        ..Parts::default()
    };
    let signature = publisher::sign(&other.build()).unwrap();
    site.write("adapters/own.wasm.minisig", &signature);
    says(&check(&site), &["held back", "does not fit these bytes"]);
    let approve = [
        "grant", "approve", "own", "--by", "rita", "--reason", "test",
    ];
    assert_ne!(site.tombolo(&approve).0, 0);
}

#[test]
fn a_publisher_no_longer_trusted_stops_the_next_version_and_not_what_runs() {
    let site = TestSite::new();
    site.adapter_bytes("own", &Parts::default().build());
    site.write("systems/own.yaml", SYSTEM).approve("own");
    let host = TestHost::start(&site, &[]);
    let key = host.get("/api/systems")[0]["signer"]["key"].to_string();
    assert_eq!(host.get("/api/systems")[0]["state"], "running");
    let settings = std::fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
    let stranger = publisher::stranger().key();
    site.write(
        "tombolo.yaml",
        &settings.replace(&publisher::key(), &stranger),
    );
    host.post("/api/reload", &json!({}));
    host.wait_for("held back", |host| {
        let systems = host.get("/api/systems");
        let told = systems.to_string();
        (told.contains("held-back") && told.contains("tombolo.yaml does not name")).then_some(())
    });
    assert!(
        host.get("/api/systems")
            .to_string()
            .contains("\"older_running\":true")
    );
    assert!(key.len() == 18, "{key}");
}
