//! Two reviewers where the site asks for them, and signatures of the reviewers whom it lists.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tombolo_tests::built::run;
use tombolo_tests::host::TestHost;
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

use crate::fixture::{ENVIRONMENT, approve, http, id, review, sail, site};

/// A risk that the island makes by its one connection.
const RISK: &str = "private-network";

/// Adds lines to `tombolo.yaml`.
fn demand(site: &TestSite, lines: &str) {
    let file = site.path().join("tombolo.yaml");
    let text = fs::read_to_string(&file).unwrap();
    site.write("tombolo.yaml", &format!("{text}\n{lines}\n"));
}

fn two(site: &TestSite) {
    demand(site, &format!("review: {{ two-reviewers: [{RISK}] }}"));
}

/// `grant approve island` by somebody.
fn by(site: &TestSite, name: &str, more: &[&str]) -> (i32, String) {
    let mut arguments = vec!["grant", "approve", "island", "--by", name, "--reason", "t"];
    arguments.extend(more);
    let (code, out, err) = site.tombolo(&arguments);
    (code, out + &err)
}

fn island(host: &TestHost) -> Value {
    host.get("/api/systems")[0].clone()
}

fn waits(host: &TestHost, words: &str) {
    host.wait_for(words, |host| {
        let island = island(host);
        let message = island["message"].as_str().unwrap_or_default();
        (island["state"] == "held-back" && message.contains(words)).then_some(())
    });
}

fn runs(host: &TestHost) {
    host.wait_for("the island runs", |host| {
        (island(host)["state"] == "running").then_some(())
    });
}

#[test]
fn one_reviewer_is_not_enough_and_the_second_approves_the_same() {
    let server = RecordingServer::start();
    let site = site(&server);
    two(&site);
    let post = id(&review(&site), "send POST");
    let (code, told) = by(&site, "rita", &["--without", &post]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("one more reviewer than rita"), "{told}");
    let host = TestHost::start(&site, ENVIRONMENT);
    waits(&host, "one more reviewer than rita");

    let (code, told) = by(&site, " RITA", &[]);
    assert_ne!(code, 0);
    assert!(told.contains("has approved this already"), "{told}");
    let (code, told) = by(&site, "omar", &["--all"]);
    assert_ne!(code, 0);
    for word in [
        "rita approved something else",
        "you give, and not the first",
        &post,
        "--anew",
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let (code, told) = by(&site, "omar", &[]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("approved by rita, omar"), "{told}");
    runs(&host);
    let run = sail(&host, "1", &http("POST", "/orders/7/notes"));
    assert!(run.to_string().contains("not in the grant"), "{run}");
    host.wait_for("both approvals on record", |host| {
        let records = host.get("/api/audit?kind=approval").to_string();
        (records.contains("rita") && records.contains("omar")).then_some(())
    });
}

#[test]
fn a_second_reviewer_may_start_anew_and_then_the_first_is_asked_again() {
    let site = site(&RecordingServer::start());
    two(&site);
    let post = id(&review(&site), "send POST");
    assert_eq!(by(&site, "rita", &[]).0, 0);
    let (code, told) = by(&site, "omar", &["--without", &post, "--anew"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("one more reviewer than omar"), "{told}");
    assert_eq!(by(&site, "rita", &[]).0, 0);
    assert_eq!(review(&site)["present"]["lacks"], Value::Null);
}

#[test]
fn a_running_system_is_stopped_when_its_site_asks_for_two() {
    let server = RecordingServer::start();
    let site = site(&server);
    assert_eq!(approve(&site, &[]).0, 0);
    let host = TestHost::start(&site, ENVIRONMENT);
    runs(&host);
    two(&site);
    waits(&host, "one more reviewer than rita");
    assert_eq!(island(&host)["older_running"], false);
    assert_eq!(by(&site, "omar", &[]).0, 0);
    runs(&host);
}

/// Makes a reviewer's pair of keys; the file of the secret one, and the public one.
fn reviewer(site: &TestSite, name: &str) -> (PathBuf, String) {
    let file = site.path().join(format!("{name}.key"));
    let (code, _, told) = run(
        &[
            "adapter",
            "keygen",
            "--key",
            file.to_str().unwrap(),
            "--no-password",
        ],
        &[],
    );
    assert_eq!(code, 0, "{told}");
    let public = fs::read_to_string(file.with_extension("pub")).unwrap();
    let key = public.lines().last().unwrap().to_owned();
    (file, key)
}

#[test]
fn where_reviewers_are_listed_only_what_they_signed_and_nobody_edited_runs() {
    let server = RecordingServer::start();
    let site = site(&server);
    let (rita, rita_public) = reviewer(&site, "rita");
    let (eve, _) = reviewer(&site, "eve");
    demand(
        &site,
        &format!("reviewers: [{{ name: rita, key: {rita_public} }}]"),
    );
    for (name, key, said) in [
        ("rita", None, "found no signature"),
        ("rita", Some(&eve), "by another key"),
        ("eve", Some(&eve), "lists the reviewers rita"),
    ] {
        let more: Vec<&str> = key
            .iter()
            .flat_map(|key| ["--key", key.to_str().unwrap()])
            .collect();
        let (code, told) = by(&site, name, &more);
        assert_ne!(code, 0, "{told}");
        assert!(
            told.contains("nothing is approved") && told.contains(said),
            "{told}"
        );
        assert!(!site.path().join("grants/island.yaml").exists(), "{told}");
    }
    let post = id(&review(&site), "send POST");
    let (code, told) = by(
        &site,
        "rita",
        &["--without", &post, "--key", rita.to_str().unwrap()],
    );
    assert_eq!(code, 0, "{told}");
    let host = TestHost::start(&site, ENVIRONMENT);
    runs(&host);

    // An operator gives back what the reviewer refused.
    let file = site.path().join("grants/island.yaml");
    let signed = fs::read_to_string(&file).unwrap();
    let refused = signed.find("refused:").expect("something is refused");
    let (given, rest) = signed.split_at(refused);
    site.write(
        "grants/island.yaml",
        &format!("{given}{}", &rest["refused:\n".len()..]),
    );
    host.wait_for("the edited grant is not taken", |host| {
        let island = island(host).to_string();
        island.contains("no longer what was approved").then_some(())
    });
    let run = sail(&host, "1", &http("POST", "/orders/7/notes"));
    assert!(run.to_string().contains("not in the grant"), "{run}");
    site.write("grants/island.yaml", &signed);
    runs(&host);

    // Anybody may take it back.
    let address = host.address.to_string();
    let revoke = [
        "grant",
        "revoke",
        "island",
        "--by",
        "ops",
        "--reason",
        "it leaks",
        "--address",
        &address,
    ];
    let (code, out, err) = site.tombolo(&revoke);
    assert_eq!(code, 0, "{out}{err}");
    waits(&host, "revoked by ops");
}
