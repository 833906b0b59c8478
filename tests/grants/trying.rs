//! A system tried with what was recorded: every use decided, nothing reached.

use serde_json::{Value, json};
use tombolo_tests::built::adapter;
use tombolo_tests::server::RecordingServer;
use tombolo_tests::site::TestSite;

use crate::fixture::{approve, http, id, review, site};

const BIRTHDAY: &str = "1980-02-29";

/// Nothing here has a value: where a secret were looked for, the command would fail.
const SYSTEM: &str = "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}/base\"
    network: private
    credential: { bearer: \"file:secrets/not-there\" }
    allow: [\"GET /orders/*\", \"POST /orders/{id}/notes\"]
  db:
    postgres: \"postgres://tombolo@{{server}}/shop\"
    password: \"file:secrets/not-there\"
    statements:
      stock: { effect: read, text: \"SELECT quantity FROM stock WHERE part = :part\" }
keys: { signing: \"file:secrets/not-there\" }
actions:
  go: { effect: read, summary: Goes, do: {} }
hooks:
  in: { summary: Comes in, do: {} }
emits: [attack.received]
fields: { hide: [birthday] }
";

fn event(seq: u32, kind: &str, data: &Value) -> String {
    json!({
        "seq": seq, "stored_ms": 1, "id": format!("e{seq}"), "source": "/test", "type": kind,
        "time": "2026-01-05T09:00:00Z", "data": data,
    })
    .to_string()
}

fn action(input: &Value) -> String {
    json!({"action": "go", "input": input}).to_string()
}

/// What `grant try` says, for machines.
fn tried(site: &TestSite, lines: &[String], more: &[&str]) -> Value {
    tried_as("island", site, lines, more)
}

fn tried_as(system: &str, site: &TestSite, lines: &[String], more: &[&str]) -> Value {
    site.write("recorded.jsonl", &lines.join("\n"));
    let file = site.path().join("recorded.jsonl");
    let mut arguments = vec!["grant", "try", system, "--json", "--with"];
    arguments.push(file.to_str().unwrap());
    arguments.extend(more);
    let (code, out, err) = site.tombolo(&arguments);
    assert_eq!(code, 0, "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

/// The reaches of the first call of the recorded thing at this place.
fn reaches(report: &Value, at: usize) -> &Vec<Value> {
    let call = &report["tried"][at]["calls"][0];
    call["reaches"]
        .as_array()
        .unwrap_or_else(|| panic!("no call at {at}: {report:#}"))
}

fn notes(report: &Value, at: usize) -> String {
    report["tried"][at]["notes"].to_string()
}

#[test]
fn what_the_grant_allows_and_refuses_is_told_and_nothing_arrives() {
    let server = RecordingServer::start();
    let site = site(&server);
    let review = review(&site);
    let (reads, notes) = (id(&review, "send GET"), id(&review, "send POST"));
    assert_eq!(approve(&site, &["--without", &notes]).0, 0);
    let lines = [
        event(7, "sail", &http("GET", "/orders/7")),
        event(8, "sail", &http("POST", "/orders/7/notes")),
        event(9, "other", &json!({})),
        action(&http("GET", "/elsewhere")),
    ];
    let report = tried(&site, &lines, &[]);
    let allowed = &reaches(&report, 0)[0];
    assert_eq!(
        (&allowed["what"], &allowed["item"]),
        (&json!("GET /orders/7"), &json!(reads))
    );
    assert_eq!(allowed["unanswered"], true, "{allowed}");
    assert_eq!(report["tried"][0]["calls"][0]["step"], "7.sail/go");
    for at in [1, 3] {
        let refused = &reaches(&report, at)[0];
        assert_eq!(refused["item"], Value::Null, "{refused}");
        let why = refused["refused"].as_str().unwrap();
        assert!(why.contains("is not in the grant"), "{why}");
    }
    let none = report["tried"][2].to_string();
    assert!(
        none.contains("no flow that reacts to other calls island"),
        "{none}"
    );
    let uses = report["items"].as_array().unwrap().iter();
    let count = uses.clone().find(|item| item["id"] == reads.as_str());
    assert_eq!(count.unwrap()["count"], 1, "{report:#}");
    assert_eq!(report["not_given"].as_array().unwrap().len(), 1);
    assert!(server.received().is_empty(), "{:?}", server.received());

    let all = tried(&site, &lines, &["--all"]);
    assert_eq!(reaches(&all, 1)[0]["item"], notes.as_str());
    let file = "systems/island.yaml";
    let system = std::fs::read_to_string(site.path().join(file)).unwrap();
    site.write(
        file,
        &system.replace("[\"GET", "[\"GET /elsewhere\", \"GET"),
    );
    let wider = tried(&site, &lines, &[]);
    assert_eq!(wider["not_given"].as_array().unwrap().len(), 2);
    assert_eq!(reaches(&wider, 0)[0]["item"], reads.as_str());
    assert!(reaches(&wider, 3)[0]["refused"].is_string(), "{wider:#}");
    assert!(server.received().is_empty(), "{:?}", server.received());

    let file = site.path().join("recorded.jsonl");
    let file = file.to_str().unwrap();
    let (code, out, err) = site.tombolo(&["grant", "try", "island", "--with", file]);
    assert_eq!(code, 0, "{out}{err}");
    for words in [
        "approved by rita",
        "allowed",
        "refused",
        "GET /elsewhere",
        &reads,
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
}

#[test]
fn no_secret_is_read_and_what_is_hidden_does_not_reach_the_guest() {
    let server = RecordingServer::start();
    let site = site(&server);
    let system = SYSTEM.replace("{{server}}", &server.address.to_string());
    site.write("systems/island.yaml", &system);
    let lines = [
        action(&http("GET", "/orders/7")),
        action(&json!({"do": "sql", "statement": "stock", "parameters": {"part": "p-1"}})),
        action(&json!({"do": "hmac", "key": "signing", "message": "m"})),
        action(&json!({"do": "call", "system": "attacker", "input": {}})),
        action(&json!({"do": "keep", "key": "k", "value": "v"})),
        action(&json!({"do": "kept", "key": "k"})),
        event(
            7,
            "sail",
            &json!({"do": "echo", "birthday": BIRTHDAY, "order": "o-77"}),
        ),
        json!({"hook": "in", "headers": {"X-Calls": "/orders/9"}, "body": {"a": 1}}).to_string(),
    ];
    let report = tried(&site, &lines, &[]);
    let grant = report["grant"].as_str().unwrap();
    assert!(grant.starts_with("nobody has approved"), "{grant}");
    let table = [
        (0, "http", "GET /orders/7", true),
        (1, "sql", "stock", true),
        (2, "keys", "hmac-sha256", false),
        (3, "actions", "attacker.go", true),
        (4, "store", "", false),
        (5, "store", "", false),
        (7, "http", "GET /orders/9", true),
    ];
    for (at, capability, what, unanswered) in table {
        let reach = &reaches(&report, at)[0];
        assert_eq!(reach["capability"], capability, "{reach}");
        assert_eq!(reach["what"], what, "{reach}");
        assert_eq!(reach["unanswered"], unanswered, "{reach}");
        assert_eq!(reach["refused"], Value::Null, "{reach}");
        assert!(reach["item"].is_string(), "{reach}");
    }
    let kept = &report["tried"][5]["calls"][0]["result"];
    assert!(kept.as_str().unwrap().contains("Some"), "{kept}");
    let hook = &report["tried"][7]["calls"][0];
    assert_eq!(hook["events"], json!(["attack.received"]), "{hook}");
    let echo = report["tried"][6].to_string();
    assert!(echo.contains("o-77") && !echo.contains(BIRTHDAY), "{echo}");
    assert!(server.received().is_empty(), "{:?}", server.received());
}

#[test]
fn a_feed_is_read_from_its_cursor_and_what_it_would_reach_is_told() {
    let server = RecordingServer::start();
    let site = site(&server);
    let file = "systems/island.yaml";
    let system = std::fs::read_to_string(site.path().join(file)).unwrap();
    site.write(
        file,
        &(system + "feeds:\n  changes: { do: {} }\nemits: [attack.received]\n"),
    );
    let review = review(&site);
    let (reads, emits) = (id(&review, "send GET"), id(&review, "make events"));
    assert_eq!(approve(&site, &[]).0, 0);
    let lines = [
        json!({"feed": "changes"}).to_string(),
        json!({"feed": "changes", "cursor": "/orders/7"}).to_string(),
        json!({"feed": "changes", "cursor": "/elsewhere"}).to_string(),
        json!({"feed": "nothing"}).to_string(),
    ];
    let report = tried(&site, &lines, &[]);
    let seen: Vec<Value> = (0..3)
        .map(|at| {
            let call = &report["tried"][at]["calls"][0];
            let reach = &reaches(&report, at)[0];
            let emit = &reaches(&report, at)[1];
            json!([
                call["what"],
                reach["what"],
                reach["item"],
                reach["unanswered"],
                reach["refused"].is_string(),
                emit["item"],
                call["events"],
            ])
        })
        .collect();
    let made = json!(["attack.received"]);
    assert_eq!(
        seen,
        [
            json!([
                "feed changes",
                "GET /orders/first",
                reads,
                true,
                false,
                emits,
                made
            ]),
            json!([
                "feed changes",
                "GET /orders/7",
                reads,
                true,
                false,
                emits,
                made
            ]),
            json!([
                "feed changes",
                "GET /elsewhere",
                null,
                false,
                true,
                emits,
                made
            ]),
        ],
        "{report:#}"
    );
    let unknown = &report["tried"][3]["calls"][0];
    assert!(unknown["failure"].is_object(), "{unknown:#}");
    assert_eq!(unknown["reaches"], json!([]), "{unknown:#}");
    assert!(server.received().is_empty(), "{:?}", server.received());

    assert_eq!(approve(&site, &["--without", &reads]).0, 0);
    let report = tried(&site, &lines, &[]);
    for at in 0..3 {
        let reach = &reaches(&report, at)[0];
        assert!(reach["refused"].is_string(), "{report:#}");
    }
    let (_, out, _) = site.tombolo(&[
        "grant",
        "try",
        "island",
        "--with",
        site.path().join("recorded.jsonl").to_str().unwrap(),
    ]);
    for words in ["feed changes", "makes attack.received", "GET /orders/7"] {
        assert!(out.contains(words), "{words}: {out}");
    }
}

const ORDER: &str = "
on: ordered
when: event.data.urgent
steps:
  - { id: first, call: island.go, with: \"${event.data.first}\", retry: { attempts: 1 } }
  - { id: second, call: island.go, with: { do: echo, order: \"${has(steps.first.status) ? steps.first.status : 'guessed'}\" }, retry: { attempts: 1 } }
";

#[test]
fn a_step_that_needs_what_is_not_recorded_is_not_guessed() {
    let server = RecordingServer::start();
    let site = site(&server);
    site.write("flows/order.yaml", ORDER);
    let urgent = json!({"urgent": true, "first": http("GET", "/orders/7")});
    let ordered: Value = serde_json::from_str(&event(7, "ordered", &urgent)).unwrap();
    let run = json!({
        "run": {"id": "7.order", "seq": 7, "flow": "order"}, "event": ordered,
        "trace": {"steps": [{"id": "first", "kind": "call", "status": "done", "started_ms": 1, "result": "{\"status\":\"s-1\"}"}]},
    });
    let lines = [
        ordered.to_string(),
        format!("{run:#}"),
        event(8, "ordered", &json!({"urgent": false})),
    ];
    let report = tried(&site, &lines, &[]);
    let calls = |at: usize| report["tried"][at]["calls"].as_array().unwrap();
    assert_eq!(calls(0).len(), 1, "{report:#}");
    let told = notes(&report, 0);
    assert!(
        told.contains("at the step second: it needs what first answered"),
        "{told}"
    );
    assert_eq!(calls(1).len(), 2, "{report:#}");
    assert!(
        calls(1)[1]["input"].as_str().unwrap().contains("s-1"),
        "{report:#}"
    );
    assert_eq!(calls(2).len(), 0, "{report:#}");
    assert!(notes(&report, 2).contains("does not mean it"), "{report:#}");
    assert!(server.received().is_empty(), "{:?}", server.received());
}

#[test]
fn a_file_that_is_not_understood_and_a_draft_of_another_grant_are_told() {
    let site = site(&RecordingServer::start());
    let file = site.path().join("recorded.jsonl");
    let file = file.to_str().unwrap();
    let lines = [
        event(7, "sail", &http("GET", "/orders/7")),
        "{\"kind\": 1}".into(),
    ];
    site.write("recorded.jsonl", &lines.join("\n"));
    let (code, out, err) = site.tombolo(&["grant", "try", "island", "--with", file]);
    assert_eq!(code, 1, "{out}{err}");
    for words in [
        "recorded.jsonl",
        "line 2",
        "found an object with the fields kind",
        "expected an event",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!(
        approve(&site, &["--without", &id(&review(&site), "send GET")]).0,
        0
    );
    std::fs::rename(
        site.path().join("grants/island.yaml"),
        site.path().join("draft.yaml"),
    )
    .unwrap();
    let draft = site.path().join("draft.yaml");
    let report = tried(&site, &lines[..1], &["--grant", draft.to_str().unwrap()]);
    assert!(reaches(&report, 0)[0]["refused"].is_string(), "{report:#}");
    site.write("draft.yaml", "system: other\n");
    let (code, _, err) = site.tombolo(&[
        "grant",
        "try",
        "island",
        "--with",
        file,
        "--grant",
        draft.to_str().unwrap(),
    ]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("draft.yaml"), "{err}");
}

const PLANT: &str = "
adapter: adapters/webhook.wasm
keys: { github: \"file:secrets/not-there\" }
hooks:
  alarm:
    summary: Alarms of the machines
    do: { verify: github, type: { pointer: /kind, map: { ALARM: device.alarm } } }
emits: [device.alarm]
";

#[test]
fn a_recorded_delivery_is_taken_for_signed_without_its_key() {
    let site = TestSite::new();
    site.adapter("webhook", &adapter("plugins/webhook"));
    site.write("systems/plant.yaml", PLANT);
    let signature = format!("sha256={}", "0".repeat(64));
    let delivery = json!({
        "hook": "alarm", "body": {"kind": "ALARM"},
        "headers": {"X-Hub-Signature-256": signature, "X-GitHub-Delivery": "d-1"},
    });
    let report = tried_as("plant", &site, &[delivery.to_string()], &[]);
    let call = &report["tried"][0]["calls"][0];
    assert_eq!(call["events"], json!(["device.alarm"]), "{report:#}");
    let used: Vec<&str> = reaches(&report, 0)
        .iter()
        .map(|reach| reach["capability"].as_str().unwrap())
        .collect();
    assert_eq!(used, ["keys", "emit"], "{report:#}");
}
