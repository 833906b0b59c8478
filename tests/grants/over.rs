//! Grants that end while the host runs.

use serde_json::{Value, json};
use tombolo_tests::built::run;
use tombolo_tests::host::TestHost;
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

use crate::fixture::{ENVIRONMENT, approve, http, id, review, sail, site, site_at};
use crate::slow::SlowServer;

/// What the island posts: more than what the buffers of both sides take in, and less than the host lets through.
const POURED: usize = (8 << 20) - 1;

fn revoke(site: &TestSite, host: &TestHost) -> String {
    let address = host.address.to_string();
    let arguments = [
        "grant",
        "revoke",
        "island",
        "--by",
        "rita",
        "--reason",
        "it leaks",
        "--address",
        &address,
    ];
    let (code, out, err) = site.tombolo(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    out
}

/// The island is approved and in the middle of posting.
fn pouring(site: &TestSite, server: &SlowServer) -> TestHost {
    assert_eq!(approve(site, &[]).0, 0);
    pours(site, server)
}

/// The island is in the middle of posting.
fn pours(site: &TestSite, server: &SlowServer) -> TestHost {
    let host = TestHost::start(site, ENVIRONMENT);
    let deed =
        json!({"do": "pour", "connection": "api", "path": "/orders/7/notes", "bytes": POURED});
    assert_eq!(host.publish("sail", "1", &deed).status, 202);
    server.began();
    host
}

fn island(host: &TestHost) -> Value {
    let systems = host.get("/api/systems");
    let mut systems = systems.as_array().unwrap().iter();
    let island = systems.find(|system| system["system"] == "island");
    island.unwrap().clone()
}

fn is_stopped(host: &TestHost, why: &str) -> Option<()> {
    let island = island(host);
    let message = island["message"].as_str().unwrap_or_default();
    let stopped = island["state"] == "held-back" && island["older_running"] == false;
    (stopped && message.contains(why)).then_some(())
}

/// The call was cut, and for this: not by its deadline, which would end it too.
fn was_cut(host: &TestHost, why: &str) {
    host.wait_for("the call is cut", |host| {
        let runs = host.get("/api/runs?flow=sail");
        let id = runs[0]["id"].as_str()?;
        let run = host.get(&format!("/api/runs/{id}")).to_string();
        assert!(!run.contains("deadline"), "{run}");
        run.contains(why).then_some(())
    });
}

#[test]
fn a_revoked_grant_stops_a_request_in_the_middle_of_its_body() {
    let server = SlowServer::start();
    let site = site_at(server.address);
    let host = pouring(&site, &server);
    let said = revoke(&site, &host);
    assert!(said.contains("has stopped it"), "{said}");
    is_stopped(&host, "revoked by rita").expect("it was stopped before the command answered");
    was_cut(&host, "its grant was revoked by rita");
    let arrived = server.drain();
    assert!(arrived < POURED, "all {arrived} bytes left");
    host.wait_for("the revocation on record", |host| {
        let records = host.get("/api/audit?kind=revoke").to_string();
        records.contains("it leaks").then_some(())
    });
}

#[test]
fn an_expired_grant_stops_a_call_that_waits_for_its_answer() {
    let server = RecordingServer::start();
    server.reply(Reply::hanging());
    let site = site(&server);
    assert_eq!(approve(&site, &[]).0, 0);
    let host = TestHost::start(&site, ENVIRONMENT);
    // The call has to begin before the end, and the end to come before its deadline of 30 s.
    assert_eq!(approve(&site, &["--expires", "20s"]).0, 0);
    host.wait_for("the end is known", |host| {
        island(host)["expires_ms"].is_u64().then_some(())
    });
    let deed = http("GET", "/orders/7");
    assert_eq!(host.publish("sail", "1", &deed).status, 202);
    host.wait_for("the request", |_| server.received().first().map(|_| ()));
    was_cut(&host, "its grant expired");
    host.wait_for("the island stops", |host| is_stopped(host, "expired at"));
}

#[test]
fn an_expired_grant_stops_a_request_in_the_middle_of_its_body() {
    let server = SlowServer::start();
    let site = site_at(server.address);
    assert_eq!(approve(&site, &["--expires", "20s"]).0, 0);
    let host = pours(&site, &server);
    was_cut(&host, "its grant expired");
    let arrived = server.drain();
    assert!(arrived < POURED, "all {arrived} bytes left");
}

#[test]
fn removing_the_grant_file_stops_a_request_in_the_middle_of_its_body() {
    let server = SlowServer::start();
    let site = site_at(server.address);
    let host = pouring(&site, &server);
    std::fs::remove_file(site.path().join("grants/island.yaml")).unwrap();
    host.wait_for("the island stops", |host| {
        is_stopped(host, "removed").or_else(|| is_stopped(host, "nobody has approved it"))
    });
    // The call has ended, not only the system.
    was_cut(&host, "its grant, grants/island.yaml, was removed");
    let arrived = server.drain();
    assert!(arrived < POURED, "all {arrived} bytes left");
}

#[test]
fn a_grant_that_gives_less_cuts_what_had_more() {
    let server = SlowServer::start();
    let site = site_at(server.address);
    let host = pouring(&site, &server);
    let post = id(&review(&site), "send POST");
    let (code, said) = approve(&site, &["--without", &post]);
    assert_eq!(code, 0, "{said}");
    let run = host.wait_for_run("sail", "dead").to_string();
    assert!(run.contains("gives less now"), "{run}");
    let arrived = server.drain();
    assert!(arrived < POURED, "all {arrived} bytes left");
}

#[test]
fn a_revocation_does_not_wait_for_a_site_that_does_not_check_and_an_approval_starts_it_again() {
    let server = RecordingServer::start();
    let site = site(&server);
    assert_eq!(approve(&site, &[]).0, 0);
    let host = TestHost::start(&site, ENVIRONMENT);
    site.write("flows/broken.yaml", "on: [");
    revoke(&site, &host);
    is_stopped(&host, "revoked by rita").expect("it was stopped before the command answered");
    std::fs::remove_file(site.path().join("flows/broken.yaml")).unwrap();
    assert_eq!(approve(&site, &[]).0, 0);
    host.wait_for("the island runs again", |host| {
        (island(host)["state"] == "running").then_some(())
    });
    let run = sail(&host, "1", &http("GET", "/orders/7"));
    assert_eq!(run["run"]["status"], "done", "{run:#}");
}

#[test]
fn an_expired_grant_stops_the_system_while_the_host_runs() {
    let site = site(&RecordingServer::start());
    let (code, said) = approve(&site, &["--expires", "20s"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("expires at"), "{said}");
    let (_, out, _) = run(&["check", site.path().to_str().unwrap()], &[]);
    assert!(
        out.contains("grants/island.yaml") && out.contains("this grant expires at"),
        "{out}"
    );
    let host = TestHost::start(&site, ENVIRONMENT);
    host.wait_for("the warning", |host| {
        let events = host
            .get("/api/events?type=tombolo.grant-expiring")
            .to_string();
        events.contains("/systems/island").then_some(())
    });
    assert!(host.log().contains("expires soon"), "{}", host.log());
    host.wait_for("the island stops", |host| is_stopped(host, "expired at"));
    host.wait_for("the end on record", |host| {
        let records = host.get("/api/audit?kind=expiry").to_string();
        records.contains("expired at").then_some(())
    });
}
