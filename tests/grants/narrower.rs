//! A reviewer gives less than was asked for.

use serde_json::json;
use tombolo_tests::host::TestHost;
use tombolo_tests::server::RecordingServer;

use crate::fixture::{ENVIRONMENT, approve, http, id, review, sail, site};

#[test]
fn a_system_runs_without_what_was_refused_and_trying_it_is_denied_and_recorded() {
    let server = RecordingServer::start();
    let site = site(&server);
    let first = review(&site);
    let (code, told) = approve(
        &site,
        &[
            "--without",
            &id(&first, "send POST"),
            "--allow",
            &format!("{}=GET /orders/{{id}}", id(&first, "send GET")),
        ],
    );
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("starts without") && told.contains("given in its place"),
        "{told}"
    );
    let host = TestHost::start(&site, ENVIRONMENT);
    for (name, method, path, leaves) in [
        ("1", "GET", "/orders/7", true),
        ("2", "POST", "/orders/7/notes", false),
        ("3", "GET", "/orders/7/lines", false),
    ] {
        let before = server.received().len();
        let run = sail(&host, name, &http(method, path)).to_string();
        assert_eq!(
            server.received().len() > before,
            leaves,
            "{method} {path}: {run}"
        );
        assert_eq!(run.contains("not in the grant"), !leaves, "{run}");
    }
    host.wait_for("the refusals on record", |host| {
        let denied = host.get("/api/audit?outcome=denied").to_string();
        let all = ["POST /orders/7/notes", "GET /orders/7/lines"];
        all.iter().all(|what| denied.contains(what)).then_some(())
    });
}

#[test]
fn what_was_refused_stays_refused_until_all_is_said_and_a_new_wish_waits() {
    let server = RecordingServer::start();
    let site = site(&server);
    let post = id(&review(&site), "send POST");
    assert_eq!(approve(&site, &["--without", &post]).0, 0);
    assert_eq!(approve(&site, &[]).0, 0);
    let standing = |words: &str| {
        let review = review(&site);
        let items = review["items"].as_array().unwrap().iter();
        let item = items.filter(|item| item["sentence"].as_str().unwrap().contains(words));
        item.map(|item| item["standing"].clone()).next().unwrap()
    };
    assert_eq!(standing("send POST"), "refused");
    let system = std::fs::read_to_string(site.path().join("systems/island.yaml")).unwrap();
    let wider = system.replace(
        "[\"GET /orders/*\"",
        "[\"PUT /orders/*\", \"GET /orders/*\"",
    );
    site.write("systems/island.yaml", &wider);
    assert_eq!(standing("send PUT"), "new");
    let host = TestHost::start(&site, ENVIRONMENT);
    let status = host.get("/api/systems").to_string();
    assert!(
        status.contains("held-back") && status.contains("PUT"),
        "{status}"
    );
    assert_eq!(approve(&site, &["--all"]).0, 0);
    assert_eq!(standing("send POST"), "granted");
    host.wait_for("the island runs", |host| {
        let status = host.get("/api/systems").to_string();
        status.contains("\"running\"").then_some(())
    });
}

#[test]
fn a_field_that_a_reviewer_keeps_back_stays_so_until_all_is_said() {
    let site = site(&RecordingServer::start());
    let (code, told) = approve(&site, &["--hide", "order..notes"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("`order..notes` is no path"), "{told}");
    let (code, told) = approve(&site, &["--hide", "birthday,order.notes"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("Never gets the field `birthday`"), "{told}");
    let change = review(&site)["change"].as_str().unwrap().to_owned();
    assert!(change.starts_with("nothing"), "{change}");
    let host = TestHost::start(&site, ENVIRONMENT);
    let deed = json!({
        "do": "echo", "part": "p-77", "birthday": "1980-02-29",
        "lines": [{ "Birth_Day": "1980-02-29", "order": { "notes": "difficult" } }],
    });
    let mut sent = 0;
    let mut given = || {
        sent += 1;
        let run = sail(&host, &sent.to_string(), &deed);
        assert_eq!(run["run"]["status"], "done", "{run:#}");
        run["trace"]["steps"][0]["result"].to_string()
    };
    let is_kept_back = |given: &str| {
        assert!(given.contains("p-77"), "{given}");
        !given.contains("1980-02-29") && !given.contains("difficult")
    };
    let first = given();
    assert!(is_kept_back(&first), "{first}");

    assert_eq!(approve(&site, &["--expires", "90d"]).0, 0);
    host.wait_for("the later approval is in force", |host| {
        let approvals = host.get("/api/audit?kind=approval");
        (approvals["records"].as_array()?.len() == 2).then_some(())
    });
    let later = given();
    assert!(is_kept_back(&later), "{later}");

    assert_eq!(approve(&site, &["--all"]).0, 0);
    host.wait_for("the field reaches it", |_| {
        (!is_kept_back(&given())).then_some(())
    });
}

#[test]
fn an_id_of_nothing_approves_nothing() {
    let site = site(&RecordingServer::start());
    let (code, told) = approve(&site, &["--without", "http-00000000"]);
    assert_ne!(code, 0);
    assert!(
        told.contains("nothing is approved") && told.contains("grant review"),
        "{told}"
    );
    assert!(!site.path().join("grants").exists());
}
