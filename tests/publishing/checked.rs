//! `tombolo adapter check`: the file alone, and systems that keep their profile, break it, or are not there. The servers
//! are scripted, for what is shown is what the command makes of answers; real ones are in `tests/real`.

use serde_json::{Value, json};
use tombolo_tests::built::{adapter, run};
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

const CRM: &str = r#"adapter: adapters/rest.wasm
profiles: [crm/1]
connections:
  api:
    http: "http://ADDRESS"
    network: private
    allow: [GET /customers, "GET /customers/{id}", POST /customers, POST /notes, "POST /customers/{id}", GET /changes]
actions:
  customer.find: { do: { method: GET, path: /customers, query: { limit: "{limit?}", after: "{after?}" } } }
  customer.get: { do: { method: GET, path: "/customers/{id}", error: /error } }
  customer.create: { do: { method: POST, path: /customers, body: input, idempotency-header: Idempotency-Key } }
  customer.update: { do: { method: POST, path: "/customers/{id}", body: input } }
  activity.add: { do: { method: POST, path: /notes, body: input } }
feeds:
  changes:
    do: { path: /changes, query: { after: "{cursor?}", limit: "{limit}" }, items: /rows, cursor: { answer: /next }, event: { type: customer.changed, id: "{id}" } }
emits: [customer.changed]
"#;

fn site(system: &str, server: &RecordingServer) -> TestSite {
    let site = TestSite::new();
    site.adapter("rest", &adapter("plugins/rest"));
    let text = system.replace("ADDRESS", &server.address.to_string());
    site.write("systems/crm.yaml", &text);
    site
}

/// Exit code and what was found, by what was looked at.
fn check(site: &TestSite, more: &[&str]) -> (i32, Vec<Value>) {
    let (file, system) = (
        site.path().join("adapters/rest.wasm"),
        site.path().join("systems/crm.yaml"),
    );
    let mut arguments = vec!["adapter", "check", file.to_str().unwrap(), "--json"];
    arguments.extend(["--system", system.to_str().unwrap()]);
    arguments.extend(more);
    let (code, out, err) = run(
        &arguments,
        &[("TOMBOLO_TOKEN", "t"), ("CRM_TOKEN", "right")],
    );
    let found: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    (code, found["findings"].as_array().unwrap().clone())
}

fn of<'f>(found: &'f [Value], what: &str) -> (&'f str, &'f str) {
    let one = found.iter().find(|one| one["what"] == what);
    let one = one.unwrap_or_else(|| panic!("nothing on {what}: {found:#?}"));
    (
        one["outcome"].as_str().unwrap(),
        one["note"].as_str().unwrap(),
    )
}

fn customer(id: &str) -> Value {
    json!({ "id": id, "name": format!("Customer {id}") })
}

fn page(rows: &[Value], next: Option<&str>) -> Reply {
    Reply::json(200, &json!({ "rows": rows, "next": next }).to_string())
}

/// Answers what a right CRM answers to the cases that only read.
fn right(server: &RecordingServer) {
    let list = |id: &str, next: Option<&str>| {
        let mut list = json!({ "customers": [customer(id)] });
        if let Some(next) = next {
            list["next"] = json!(next);
        }
        Reply::json(200, &list.to_string())
    };
    server
        .reply(list("1", Some("c")))
        .reply(list("2", None))
        .reply(Reply::json(200, &customer("1").to_string()))
        .reply(Reply::json(404, r#"{"error":"no such customer"}"#));
}

#[test]
fn a_file_is_examined_without_any_system() {
    let file = adapter("plugins/rest");
    let (code, out, err) = run(&["adapter", "check", file.to_str().unwrap()], &[]);
    assert_eq!(code, 0, "{out}{err}");
    for line in ["tombolo/rest", "CycloneDX", "imports", "profiles"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (_, out, _) = run(
        &["adapter", "check", file.to_str().unwrap(), "--markdown"],
        &[],
    );
    assert!(out.contains("| file | size | passed |"), "{out}");
}

#[test]
fn a_file_says_what_a_reviewer_will_read() {
    let file = adapter("plugins/matrix");
    let shown = |form: &[&str]| {
        let (code, out, err) = run(
            &[&["adapter", "check", file.to_str().unwrap()][..], form].concat(),
            &[],
        );
        assert_eq!(code, 0, "{out}{err}");
        out
    };
    for form in [&[][..], &["--markdown"], &["--json"]] {
        let out = shown(form);
        for words in [
            "Sends messages and questions as its own user",
            "May send GET requests to https://SERVER/_matrix/client/v3/account/whoami (connection `homeserver`), with this \
             credential, which the host attaches: bearer.",
            "Compares the token by which the homeserver proves itself",
            "May use the key `hs-token` for equal, without seeing it.",
            "May make events of the type `message.received`.",
            "of processor time",
        ] {
            assert!(out.contains(words), "{form:?}: {words}: {out}");
        }
    }
    let found: Value = serde_json::from_str(&shown(&["--json"])).unwrap();
    let found = found["findings"].as_array().unwrap();
    assert_eq!(of(found, "why homeserver").0, "noted");
    // Of a generic one the file alone cannot say it.
    let file = adapter("plugins/rest");
    let (_, out, _) = run(&["adapter", "check", file.to_str().unwrap()], &[]);
    assert!(
        out.contains("the operator declares in the system's file"),
        "{out}"
    );
}

#[test]
fn a_system_that_keeps_its_profile_passes_and_nothing_is_written_unasked() {
    let server = RecordingServer::start();
    right(&server);
    server
        .reply(page(&[customer("1"), customer("2")], Some("b")))
        .reply(page(&[customer("3")], Some("c")))
        .reply(page(&[customer("3")], Some("c")));
    let (code, found) = check(&site(CRM, &server), &[]);
    assert_eq!(code, 0, "{found:#?}");
    for what in [
        "customer.find page by page",
        "customer.get",
        "customer.get is refused right",
        "changes",
        "customer.find while nobody answers",
    ] {
        assert_eq!(of(&found, what).0, "passed", "{found:#?}");
    }
    let (outcome, note) = of(&found, "customer.create twice under one key");
    assert_eq!(
        (outcome, note),
        ("skipped", "it writes into the system; say --writes")
    );
    let (outcome, note) = of(&found, "a wrong credential");
    assert!(
        outcome == "skipped" && note.contains("no HTTP credential"),
        "{note}"
    );
    let written = server.received().iter().any(|got| got.method != "GET");
    assert!(!written, "{:#?}", server.received());
}

#[test]
fn what_breaks_a_profile_is_told_and_the_command_fails() {
    let server = RecordingServer::start();
    let twice = json!({ "customers": [customer("1"), customer("2")] });
    server
        .reply(Reply::json(200, &twice.to_string()))
        .reply(Reply::json(200, &customer("1").to_string()));
    // An id that is not there is not told as such; the feed forgets its place.
    server
        .reply(Reply::json(200, &customer("9").to_string()))
        .reply(page(&[customer("1")], Some("b")))
        .reply(page(&[customer("2")], Some("c")))
        .reply(page(&[customer("4")], Some("c")));
    let (code, found) = check(&site(CRM, &server), &["--given", "customer.id=1"]);
    assert_eq!(code, 1, "{found:#?}");
    let (outcome, note) = of(&found, "customer.find page by page");
    assert!(
        outcome == "failed" && note.contains("expected one: `limit` was 1"),
        "{note}"
    );
    let (outcome, note) = of(&found, "customer.get is refused right");
    assert!(
        outcome == "failed" && note.starts_with("expected not-found, it went well"),
        "{note}"
    );
    let (outcome, note) = of(&found, "changes");
    assert!(
        outcome == "failed" && note.contains("would lose or double events"),
        "{note}"
    );
}

#[test]
fn a_write_that_is_done_twice_is_found() {
    let server = RecordingServer::start();
    right(&server);
    server
        .reply(Reply::json(200, &customer("7").to_string()))
        .reply(Reply::json(200, &customer("8").to_string()));
    let (code, found) = check(&site(CRM, &server), &["--writes"]);
    assert_eq!(code, 1);
    let (outcome, note) = of(&found, "customer.create twice under one key");
    assert_eq!(outcome, "failed");
    assert!(
        note.contains("/id is \"7\" the first time and \"8\" the second"),
        "{note}"
    );
    let made: Vec<_> = server
        .received()
        .into_iter()
        .filter(|got| got.target == "/customers" && got.method == "POST")
        .collect();
    let keys: Vec<_> = made
        .iter()
        .map(|got| got.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys[0], keys[1], "the same key both times");
}

/// The same with a token.
fn with_token() -> String {
    let place = "    http: \"http://ADDRESS\"\n";
    CRM.replace(
        place,
        &format!("{place}    credential: {{ bearer: \"env:CRM_TOKEN\" }}\n"),
    )
}

#[test]
fn a_wrong_credential_is_tried_once_and_has_to_be_told_as_one() {
    for (status, outcome, words) in [
        (401, "passed", "unauthorized: "),
        (
            404,
            "failed",
            "expected unauthorized, so that people mend the credential; found not-found",
        ),
        (200, "failed", "the system does not look at the credential"),
    ] {
        let server = RecordingServer::start();
        right(&server);
        server
            .reply(page(&[customer("1"), customer("2")], Some("b")))
            .reply(page(&[customer("3")], Some("c")))
            .reply(page(&[customer("3")], Some("c")))
            .reply(Reply::json(status, r#"{"customers":[]}"#));
        let (code, found) = check(&site(&with_token(), &server), &[]);
        let (found_outcome, note) = of(&found, "customer.find with a wrong credential");
        assert!(
            found_outcome == outcome && note.contains(words),
            "{status}: {found:#?}"
        );
        assert_eq!(code, i32::from(outcome == "failed"), "{found:#?}");
        let received = server.received();
        let wrong = received
            .iter()
            .filter(|got| got.header("authorization") != Some("Bearer right"));
        assert_eq!(wrong.count(), 1, "{received:#?}");
        assert_eq!(of(&found, "customer.find while nobody answers").0, "passed");
    }
}

const CHAT: &str = r#"adapter: adapters/rest.wasm
profiles: [im/1]
connections:
  api: { http: "http://ADDRESS", network: private, credential: { bearer: "env:CRM_TOKEN" }, allow: [POST /messages] }
actions:
  message.send: { do: { method: POST, path: /messages, body: input } }
emits: [message.received]
"#;

#[test]
fn a_system_without_a_list_is_asked_what_else_it_can_do() {
    let server = RecordingServer::start();
    let (code, found) = check(&site(CHAT, &server), &["--given", "room=plant"]);
    assert_eq!(code, 0, "{found:#?}");
    let (outcome, note) = of(&found, "message.send while nobody answers");
    assert!(
        outcome == "passed" && note.starts_with("unavailable"),
        "{note}"
    );
    let (outcome, note) = of(&found, "message.send with a wrong credential");
    assert!(
        outcome == "skipped" && note.ends_with("say --writes"),
        "{note}"
    );
    assert!(server.received().is_empty(), "{:#?}", server.received());

    let (_, found) = check(&site(CHAT, &server), &[]);
    for what in ["a wrong credential", "nobody answers"] {
        assert_eq!(of(&found, what), ("skipped", "it needs --given room=VALUE"));
    }

    server.always(Some(Reply::json(403, "{}")));
    let (_, found) = check(&site(CHAT, &server), &["--writes", "--given", "room=plant"]);
    assert_eq!(
        of(&found, "message.send with a wrong credential").0,
        "passed",
        "{found:#?}"
    );
}
