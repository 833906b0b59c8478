//! What people and the host decided.

use serde_json::{Value, json};
use tombolo_tests::host::{TestHost, wait};

use crate::fixture::{Audited, SECRET, audited, audited_with};

/// The records of one kind, the oldest first.
fn of(audited: &Audited, kind: &str) -> Vec<Value> {
    let mut records = audited.list(&["--kind", kind]);
    records.reverse();
    records
}

/// A record of one kind that comes, as `what|who|why|outcome`.
fn one(audited: &Audited, kind: &str) -> String {
    let record = wait(&format!("a record of kind {kind}"), || {
        of(audited, kind).pop()
    });
    ["what", "who", "why", "outcome"]
        .map(|field| record[field].as_str().unwrap_or(""))
        .join("|")
}

#[test]
fn loads_and_approvals_are_on_record_from_the_start_and_swaps_and_removals_later() {
    let audited = audited();
    let what = |record: &Value| record["what"].as_str().unwrap().to_owned();
    let mut loaded: Vec<String> = of(&audited, "load").iter().map(what).collect();
    loaded.sort();
    assert_eq!(loaded, ["hostile/attacker 0.1.0", "tombolo/sql 0.1.0"]);
    for approval in of(&audited, "approval") {
        assert_eq!(
            (&approval["who"], &approval["why"]),
            (&json!("rita"), &json!("test"))
        );
        let system = approval["system"].as_str().unwrap();
        assert_eq!(approval["adapter"], audited.digest(system));
    }
    // Another grant for the same adapter: the system waits, then a reviewer approves.
    let wider = std::fs::read_to_string(audited.site.path().join("systems/shop.yaml"))
        .unwrap()
        .replace("\"GET /orders/*\"", "\"GET /orders/*\", \"GET /items/*\"");
    audited.site.write("systems/shop.yaml", &wider);
    let held_back = wait("it is held back", || of(&audited, "hold-back").pop());
    assert_eq!(
        (&held_back["system"], &held_back["outcome"]),
        (&json!("shop"), &json!("denied"))
    );
    audited.site.tombolo(&[
        "grant",
        "approve",
        "shop",
        "--by",
        "emil",
        "--reason",
        "items too",
    ]);
    assert_eq!(
        one(&audited, "swap"),
        "hostile/attacker 0.1.0 for hostile/attacker 0.1.0|||allowed"
    );
    let approval = of(&audited, "approval").pop().unwrap();
    assert_eq!(
        (&approval["who"], &approval["why"]),
        (&json!("emil"), &json!("items too"))
    );
    let swap = of(&audited, "swap").pop().unwrap();
    assert_eq!(
        swap["grant"], approval["grant"],
        "what ran ran by this approval"
    );
    let reload = wait("the reload", || {
        of(&audited, "reload")
            .pop()
            .filter(|reload| reload["what"] == "connected shop")
    });
    assert_eq!(reload["why"], "its files changed");

    std::fs::remove_file(audited.site.path().join("flows/go.yaml")).unwrap();
    std::fs::remove_file(audited.site.path().join("systems/shop.yaml")).unwrap();
    assert_eq!(one(&audited, "removal"), "hostile/attacker 0.1.0|||allowed");
    audited
        .site
        .write("systems/erp.yaml", "adapter: nowhere.wasm\n");
    let failed = wait("a reload that failed", || {
        of(&audited, "reload")
            .pop()
            .filter(|reload| reload["outcome"] == "failed")
    });
    assert!(
        failed["status"]
            .as_str()
            .unwrap()
            .contains("nothing has changed"),
        "{failed}"
    );
}

#[test]
fn whatever_of_the_configuration_is_edited_is_named_with_its_digests_also_while_no_host_ran() {
    let audited = audited();
    assert!(one(&audited, "change").starts_with("the site as it is found: "));
    let yaml = std::fs::read_to_string(audited.site.path().join("tombolo.yaml")).unwrap();
    audited
        .site
        .write("tombolo.yaml", &(yaml + "retention: { audit: 200d }\n"))
        .write("tables/intent.csv", "key,value\nS,high intent\n");
    let changed = |audited: &Audited, file: &str| {
        wait(&format!("the change of {file}"), || {
            let mut records = of(audited, "change").into_iter();
            records.find(|record| record["what"].as_str().unwrap().starts_with(file))
        })
    };
    let settings = changed(&audited, "tombolo.yaml");
    let words: Vec<&str> = settings["what"].as_str().unwrap().split(' ').collect();
    assert_eq!(
        (&words[..3], &words[4..5]),
        (&["tombolo.yaml", "changed:", "sha256"][..], &["was"][..])
    );
    let (now, was) = (words[3].trim_end_matches(','), words[5]);
    assert!(
        now.len() == 12 && was.len() == 12 && now != was,
        "{settings}"
    );
    assert_eq!(settings["why"], "its files changed");
    changed(&audited, "tables/intent.csv is new: sha256 ");
    audited.site.write(
        "systems/shop.yaml",
        &(std::fs::read_to_string(audited.site.path().join("systems/shop.yaml")).unwrap() + "\n"),
    );
    assert_eq!(
        changed(&audited, "systems/shop.yaml changed")["system"],
        "shop"
    );

    let Audited { site, host, server } = audited;
    assert_eq!(host.stop(), 0);
    std::fs::remove_file(site.path().join("tables/intent.csv")).unwrap();
    let host = TestHost::start(&site, &[("SHOP_TOKEN", SECRET)]);
    let audited = Audited { site, host, server };
    let gone = changed(&audited, "tables/intent.csv is gone: sha256 was ");
    assert_eq!(gone["why"], "the host started");
    assert_eq!(of(&audited, "change").len(), 5, "nothing is told twice");
}

#[test]
fn who_revoked_is_on_record_and_who_approved_before_the_second_reviewer_did() {
    let audited = audited_with("review: { two-reviewers: [writes-database] }\n");
    let decided = |kind: &str, who: &str| {
        wait(&format!("{kind} by {who}"), || {
            audited.list(&["--kind", kind, "--who", who]).pop()
        })
    };
    let command = |arguments: &[&str]| {
        let reason = ["--reason", "because"];
        audited.tombolo(&[arguments, &reason].concat())
    };
    // One that runs.
    let digest = audited.digest("shop");
    command(&["grant", "revoke", "shop", "--by", "ann"]);
    let revoked = decided("revoke", "ann");
    assert_eq!(
        (&revoked["system"], &revoked["adapter"]),
        (&json!("shop"), &json!(digest))
    );
    // One that waits for its second reviewer, and never runs.
    let writing = std::fs::read_to_string(audited.site.path().join("systems/erp.yaml")).unwrap()
        + "actions:
  place: { effect: write, summary: Places an order, do: { statement: place } }
";
    let writing = writing.replace(
        "    statements:\n",
        "    statements:\n      place: { effect: write, text: \"INSERT INTO orders VALUES (9)\" }\n",
    );
    audited.site.write("systems/stock.yaml", &writing);
    let approve = |by: &str, more: &[&str]| {
        let arguments = [
            "grant", "approve", "stock", "--by", by, "--reason", "because",
        ];
        let (code, out, err) = audited.site.tombolo(&[&arguments, more].concat());
        assert_eq!(code, 0, "{out}{err}");
    };
    approve("mia", &[]);
    let first = decided("approval", "mia");
    approve("omar", &["--anew"]);
    let anew = decided("approval", "omar");
    for approval in [&first, &anew] {
        assert_eq!(
            (&approval["system"], &approval["why"]),
            (&json!("stock"), &json!("because"))
        );
    }
    command(&["grant", "revoke", "stock", "--by", "eve"]);
    assert_eq!(decided("revoke", "eve")["why"], "because");
    assert!(
        audited
            .list(&["--kind", "load", "--system", "stock"])
            .is_empty(),
        "it never ran"
    );
    assert_eq!(of(&audited, "revoke").len(), 2, "each is told once");
}

#[test]
fn a_system_that_stops_for_want_of_a_second_reviewer_was_not_revoked() {
    let audited = audited();
    let yaml = std::fs::read_to_string(audited.site.path().join("tombolo.yaml")).unwrap();
    let two = "review: { two-reviewers: [private-network] }\n";
    audited.site.write("tombolo.yaml", &(yaml + two));
    let held_back = wait("it is stopped", || {
        let mut records = of(&audited, "hold-back").into_iter();
        records.find(|record| record["why"].is_string())
    });
    assert_eq!(held_back["system"], "shop");
    assert!(
        held_back["why"]
            .as_str()
            .unwrap()
            .contains("one more reviewer than rita"),
        "{held_back}"
    );
    assert_eq!(of(&audited, "revoke"), Vec::<Value>::new());
}

#[test]
fn who_repairs_answers_replays_or_publishes_is_on_record() {
    let audited = audited();
    audited.site.write(
        "flows/ask.yaml",
        "on: ask\nsteps:\n  - { id: ok, ask: { role: boss, question: Sure?, options: [\"yes\", \"no\"] } }\n",
    );
    wait("the flow", || {
        audited.list(&["--kind", "reload"]).first().map(|_| ())
    });
    let dead = audited.deed("a", &json!({"do": "trap"}));
    audited.tombolo(&[
        "dead",
        "retry",
        &dead,
        "--by",
        "ann",
        "--reason",
        "once more",
    ]);
    let repair = wait("the record of the repair", || of(&audited, "repair").pop());
    assert_eq!(repair["run"], json!(dead));
    assert_eq!(one(&audited, "repair"), "retried|ann|once more|allowed");
    let publish = wait("the record of the event", || of(&audited, "publish").pop());
    let seq = dead.split('.').next().unwrap();
    assert_eq!(publish["what"], format!("event {seq}"));
    assert_eq!(publish["token"], "test");

    assert_eq!(audited.host.publish("ask", "q", &json!({})).status, 202);
    let task = wait("the question", || {
        let tasks = audited.host.get("/api/tasks?open=true");
        Some(tasks[0]["id"].as_str()?.to_owned())
    });
    audited.tombolo(&[
        "task",
        "answer",
        &task,
        "yes",
        "--by",
        "bo",
        "--comment",
        "fine",
    ]);
    assert_eq!(
        one(&audited, "answer"),
        format!("task {task}: yes|bo|fine|allowed")
    );
    let late = json!({"answer": "no", "by": "eve"});
    let refused = audited
        .host
        .post(&format!("/api/tasks/{task}/answer"), &late);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(one(&audited, "answer").ends_with("|eve||failed"));

    audited.tombolo(&["replay", "--flow", "go", "--from", "1h"]);
    let replay = wait("the record of the replay", || of(&audited, "replay").pop());
    assert!(
        replay["what"]
            .as_str()
            .unwrap()
            .contains("to flow go: 1 runs"),
        "{replay}"
    );
    audited.tombolo(&["feed", "run", "erp", "orders"]);
    assert_eq!(one(&audited, "order"), "feed orders|||allowed");
    assert_eq!(audited.list(&["--who", "bo"]).len(), 1);
    assert!(audited.list(&["--decisions", "--who", "test"]).len() > 4);
}

#[test]
fn knocking_without_a_token_is_on_record_and_cannot_fill_the_disk() {
    let audited = audited();
    // Fewer than those after which an address is told to wait.
    for n in 0..100 {
        let target = format!("/api/runs/{n}");
        let refused = audited.host.send(
            "GET",
            &target,
            &[("authorization", "Bearer guess-of-a-token")],
            b"",
        );
        assert_eq!(refused.status, 401);
    }
    wait("a refusal", || of(&audited, "refusal").pop());
    let refused = of(&audited, "refusal");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(
        (&refused[0]["what"], &refused[0]["outcome"]),
        (&json!("/api"), &json!("denied"))
    );
    let Audited { site, host, .. } = audited;
    assert_eq!(host.stop(), 0);
    let folder = site.path().to_str().unwrap();
    let (code, out, err) = tombolo_tests::built::run(
        &[
            "audit",
            "list",
            "--offline",
            folder,
            "--kind",
            "refusal",
            "--kind",
            "host",
            "--json",
        ],
        &[],
    );
    assert_eq!(code, 0, "{out}{err}");
    let page: Value = serde_json::from_str(&out).unwrap();
    let told: Vec<String> = page["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stored| {
            format!(
                "{}: {}",
                stored["record"]["what"], stored["record"]["status"]
            )
        })
        .collect();
    assert!(told[0].contains("stopped"), "{told:?}");
    assert!(
        told.iter()
            .any(|told| told.contains("99 more within a minute")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|told| told.contains("started, version")),
        "{told:?}"
    );
    assert!(!out.contains("guess-of-a-token"), "{out}");
}

#[test]
fn tokens_that_are_made_and_revoked_by_command_are_on_record_and_their_text_is_not() {
    let audited = audited();
    let create = [
        "token", "create", "--name", "eve", "--role", "auditor", "--by", "ann",
    ];
    let (code, token, told) = audited.site.tombolo(&create);
    assert_eq!(code, 0, "{told}");
    let bearer = format!("Bearer {}", token.trim());
    let ask = |expected: u16| {
        let headers = [("authorization", bearer.as_str())];
        let response = audited.host.send("GET", "/api/systems", &headers, b"");
        assert_eq!(response.status, expected);
    };
    ask(200);
    assert_eq!(
        one(&audited, "login"),
        "token eve was made: auditor|ann||allowed"
    );
    let revoke = ["token", "revoke", "eve", "--by", "bo"];
    assert_eq!(audited.site.tombolo(&revoke).0, 0);
    ask(401);
    let told = wait("both are on record", || {
        let records = of(&audited, "login");
        (records.len() == 2).then_some(records)
    });
    assert_eq!(
        (&told[1]["what"], &told[1]["who"]),
        (&json!("token eve was revoked"), &json!("bo"))
    );
    let all = serde_json::to_string(&audited.list(&[])).unwrap();
    assert!(
        !all.contains(&token.trim()[4..40]),
        "the token is on record"
    );
}
