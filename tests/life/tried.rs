//! New versions tried on a share of the lanes first.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tombolo_tests::built::adapter;
use tombolo_tests::component::{Parts, manifest, ok_json};
use tombolo_tests::host::TestHost;
use tombolo_tests::site::{TOKEN, TestSite};

use crate::fixture::{done, order, shop, site, system, try_system, version};

const SAID: [&str; 4] = ["--by", "olga", "--reason", "a try"];
const LANES: usize = 40;
/// How late a slow server answers: far more than twice what an answer takes on a busy machine.
const LATE: Duration = Duration::from_secs(1);

/// A version that answers with its number.
fn answering(number: &str, answer: &str) -> Vec<u8> {
    version(number, saying(answer))
}

/// One with this manifest.
fn answering_as(manifest: String, answer: &str) -> Vec<u8> {
    Parts {
        manifest,
        ..saying(answer)
    }
    .build()
}

fn saying(answer: &str) -> Parts {
    let data = answer.replace('"', "\\\"");
    Parts {
        act: ok_json("i32.const 2048", &format!("i32.const {}", answer.len())),
        module: format!("(memory (export \"memory\") 2) (data (i32.const 2048) \"{data}\")"),
        ..Parts::default()
    }
}

/// 0.1.0 runs; 0.2.0, which is `new`, is approved and has half of the lanes for as long.
fn trying(site: &TestSite, new: &[u8], time: &str) -> TestHost {
    let host = TestHost::start(site, &[]);
    site.adapter_bytes("shop-2", new);
    site.write(
        "systems/shop.yaml",
        &format!(
            "adapter: adapters/shop-2.wasm\ncanary: {{ share: 50%, for: {time} }}\nlimits: {{ cpu: 200 ms }}\n"
        ),
    );
    site.approve("shop");
    host
}

/// The same with a 0.2.0 that crashes at every call, being tried.
fn trying_one_that_crashes() -> (TestSite, TestHost) {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    let bad = Parts {
        act: "unreachable".into(),
        ..Parts::default()
    };
    let host = trying(&site, &version("0.2.0", bad), "1h");
    tried(&host);
    (site, host)
}

fn tried(host: &TestHost) -> Value {
    host.wait_for("0.2.0 is tried", |host| {
        let canary = shop(host)["canary"].clone();
        (canary["adapter"] == "hostile/shop 0.2.0").then_some(canary)
    })
}

/// Which version answered the orders of each lane.
fn answers(host: &TestHost) -> BTreeMap<String, Vec<u64>> {
    let runs = host.get("/api/runs?flow=order&status=done&limit=1000");
    let mut lanes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for run in runs.as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        let whole = host.get(&format!("/api/runs/{id}"));
        let text = whole["trace"].to_string();
        let by_new = text.contains("\"v\":2") || text.contains("\\\"v\\\":2");
        let lane = run["lane"].as_str().unwrap().to_owned();
        lanes
            .entry(lane)
            .or_default()
            .push(if by_new { 2 } else { 1 });
    }
    lanes
}

fn orders(host: &TestHost, n: u64) {
    for lane in 0..LANES {
        order(host, &format!("lane-{lane}"), n);
    }
}

#[test]
fn a_canary_takes_whole_lanes_keeps_them_over_a_kill_and_while_it_grows() {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    let host = trying(&site, &answering("0.2.0", r#"{"v":2}"#), "1h");
    assert_eq!(tried(&host)["percent"], 50);
    assert_eq!(shop(&host)["version"], "0.1.0");
    orders(&host, 1);
    orders(&host, 2);
    done(&host, 2 * LANES);
    let before = answers(&host);
    assert!(
        before.values().all(|by| by[0] == by[1]),
        "a lane was split: {before:?}"
    );
    let new = |lanes: &BTreeMap<String, Vec<u64>>| lanes.values().filter(|by| by[0] == 2).count();
    assert!(
        (8..=32).contains(&new(&before)),
        "of {LANES} lanes: {before:?}"
    );
    host.kill();

    let host = TestHost::start(&site, &[]);
    tried(&host);
    orders(&host, 3);
    done(&host, 3 * LANES);
    let after = answers(&host);
    assert!(
        after.values().all(|by| by.iter().all(|one| *one == by[0])),
        "a lane was split by the restart: {after:?}"
    );
    let table = system(&host, &["status"]);
    assert!(
        table.contains("canary hostile/shop 0.2.0 on 50% of the lanes"),
        "{table}"
    );
    let smaller = [&["canary", "shop", "--share", "20%"][..], &SAID].concat();
    let (code, _, err) = try_system(&host, &smaller);
    assert!(
        code == 1 && err.contains("has 50% of the lanes already"),
        "{err}"
    );
    system(
        &host,
        &[&["canary", "shop", "--share", "80%"][..], &SAID].concat(),
    );
    orders(&host, 4);
    done(&host, 4 * LANES);
    let grown = answers(&host);
    for (lane, by) in &after {
        let still = by[0] == 1 || grown[lane].iter().all(|one| *one == 2);
        assert!(
            still,
            "lane {lane} was taken from the canary: {:?}",
            grown[lane]
        );
    }
    let taken = grown.values().filter(|by| by.contains(&2)).count();
    assert!(
        taken > new(&before),
        "no lane came to the canary: {grown:?}"
    );

    system(
        &host,
        &[&["canary", "shop", "--promote"][..], &SAID].concat(),
    );
    let now = shop(&host);
    assert_eq!(
        (&now["version"], &now["state"]),
        (&json!("0.2.0"), &json!("running"))
    );
    assert_eq!(now["rolls_back_to"]["adapter"], "hostile/shop 0.1.0");
    assert!(now["canary"].is_null());
}

#[test]
fn a_canary_whose_time_is_over_takes_all() {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    let host = trying(&site, &answering("0.2.0", r#"{"v":2}"#), "1s");
    host.wait_for("0.2.0 has all lanes", |host| {
        let now = shop(host);
        (now["version"] == "0.2.0" && now["canary"].is_null()).then_some(())
    });
    assert_eq!(
        shop(&host)["rolls_back_to"]["adapter"],
        "hostile/shop 0.1.0"
    );
    host.wait_for("it is on record", |host| {
        let audit = host.get("/api/audit?limit=1000").to_string();
        audit.contains("its time is over").then_some(())
    });
}

#[test]
fn a_canary_that_fails_falls_back_and_no_order_is_lost() {
    let (_site, host) = trying_one_that_crashes();
    orders(&host, 1);
    host.wait_for("it fell back", |host| {
        (shop(host)["rolled_back"]["by"] == "the host").then_some(())
    });
    done(&host, LANES);
    let now = shop(&host);
    assert_eq!(
        (&now["version"], &now["state"]),
        (&json!("0.1.0"), &json!("running"))
    );
    let why = now["rolled_back"]["reason"].as_str().unwrap();
    assert!(why.contains("of its"), "{why}");
    host.wait_for("the event is told", |host| {
        let events = host.get("/api/events?type=tombolo.canary-fell-back");
        events
            .to_string()
            .contains("\"system\":\"shop\"")
            .then_some(())
    });
    host.post("/api/reload", &json!({}));
    assert!(shop(&host)["canary"].is_null(), "it is tried again");
    system(&host, &[&["forward", "shop"][..], &SAID].concat());
    let now = shop(&host);
    assert!(
        now["version"] == "0.2.0" && now["canary"].is_null(),
        "{now:#}"
    );
}

#[test]
fn a_canary_whose_calls_are_too_few_to_weigh_uses_up_no_order() {
    let (_site, host) = trying_one_that_crashes();
    let share = ["canary", "shop", "--share", "99%"];
    system(&host, &[&share[..], &SAID].concat());
    for lane in 0..4 {
        order(&host, &format!("lane-{lane}"), 1);
    }
    done(&host, 4);
    let canary = &shop(&host)["canary"];
    assert_eq!(canary["adapter"], "hostile/shop 0.2.0", "it is tried still");
    // Two of the three attempts of each of its lanes.
    let (calls, failed) = (canary["calls"].as_u64(), canary["failed"].as_u64());
    assert!(calls >= Some(2) && calls == failed, "{canary}");
}

#[test]
fn a_canary_that_takes_long_falls_back_and_no_order_is_lost() {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    site.write(
        "flows/order.yaml",
        "on: order\nkey: event.subject\nsteps:\n  - { id: go, call: shop.go, with: { do: http, connection: api, method: GET, path: /price } }\n",
    );
    let host = TestHost::start(&site, &[]);
    // Another adapter, which asks a server that takes its time.
    site.adapter("shop-2", &adapter("tests/hostile/attacker"));
    let slow = SlowServer::start();
    site.write("systems/shop.yaml", &asking(slow.address));
    site.approve("shop");
    host.wait_for("the slow one is tried", |host| {
        shop(host)["canary"].is_object().then_some(())
    });
    let mut sent = 0;
    let why = host.wait_for("it fell back", |host| {
        // As many as it takes: both need enough calls before their times are compared.
        sent += 1;
        orders(host, sent);
        done(host, usize::try_from(sent).unwrap() * LANES);
        let fell = shop(host)["rolled_back"].clone();
        (fell["by"] == "the host").then(|| fell["reason"].as_str().unwrap().to_owned())
    });
    assert!(
        why.starts_with("nine of ten of its calls take up to"),
        "{why}"
    );
    let now = shop(&host);
    assert_eq!(
        (&now["adapter"], &now["state"]),
        (&json!("hostile/shop"), &json!("running"))
    );
    assert!(now["canary"].is_null(), "{now:#}");
    host.wait_for("the event is told", |host| {
        let events = host.get("/api/events?type=tombolo.canary-fell-back");
        events.to_string().contains("nine of ten").then_some(())
    });
}

/// A shop that asks this server.
fn asking(server: std::net::SocketAddr) -> String {
    format!(
        "adapter: adapters/shop-2.wasm\ncanary: {{ share: 50%, for: 1h }}\n\
         actions: {{ go: {{ effect: read, summary: Goes, do: {{}} }} }}\n\
         connections: {{ api: {{ http: \"http://{server}\", network: private, credential: none, allow: [\"GET /price\"] }} }}\n"
    )
}

/// A server that answers well and late.
struct SlowServer {
    address: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl SlowServer {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listen = tokio::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = runtime.block_on(listen).unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(|| async {
            tokio::time::sleep(LATE).await; // reason: being late is what is tried
            "{}"
        });
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

#[test]
fn a_canary_is_stopped_by_a_person() {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    let host = trying(&site, &answering("0.2.0", r#"{"v":2}"#), "1h");
    tried(&host);
    let (code, _, err) = try_system(&host, &[&["rollback", "shop"][..], &SAID].concat());
    assert!(code == 1 && err.contains("--stop"), "{err}");
    system(&host, &[&["canary", "shop", "--stop"][..], &SAID].concat());
    let now = shop(&host);
    assert!(
        now["version"] == "0.1.0" && now["canary"].is_null(),
        "{now:#}"
    );
    assert_eq!(now["rolled_back"]["by"], "olga");
    orders(&host, 1);
    done(&host, LANES);
    assert!(answers(&host).values().all(|by| by[0] == 1));
    let (code, _, err) = try_system(
        &host,
        &[&["canary", "shop", "--promote"][..], &SAID].concat(),
    );
    assert!(code == 1 && err.contains("has no canary"), "{err}");
}

#[test]
fn what_only_a_canarys_grant_keeps_back_does_not_reach_it_under_another_name() {
    let site = site(&answering("0.1.0", r#"{"v":1}"#));
    site.write(
        "flows/order.yaml",
        "on: order\nkey: event.subject\nsteps:\n  - id: go\n    call: shop.go\n    with: { told: \"${event.data.secret}\" }\n",
    );
    let host = TestHost::start(&site, &[]);
    site.adapter_bytes("shop-2", &answering("0.2.0", r#"{"v":2}"#));
    site.write(
        "systems/shop.yaml",
        "adapter: adapters/shop-2.wasm\ncanary: { share: 50%, for: 1h }\nfields: { hide: [secret] }\n",
    );
    site.approve("shop");
    tried(&host);
    for lane in 0..LANES {
        let event = json!({"specversion": "1.0", "type": "order", "source": "/test", "id": format!("{lane}"),
            "subject": format!("lane-{lane}"), "data": { "secret": "canary-4711" }});
        let headers = [
            ("authorization", &*format!("Bearer {TOKEN}")),
            ("content-type", "application/cloudevents+json"),
        ];
        let response = host.send("POST", "/events", &headers, event.to_string().as_bytes());
        assert_eq!(response.status, 202, "{}", response.body);
    }
    let runs = |host: &TestHost, status: &str| {
        let runs = host.get(&format!("/api/runs?flow=order&status={status}&limit=1000"));
        runs.as_array().unwrap().clone()
    };
    let dead = host.wait_for("every order has ended", |host| {
        let dead = runs(host, "dead");
        (dead.len() + runs(host, "done").len() == LANES).then_some(dead)
    });
    let first = dead
        .first()
        .expect("none of the canary's lanes was stopped");
    let id = first["id"].as_str().unwrap();
    let whole = host.get(&format!("/api/runs/{id}")).to_string();
    assert!(whole.contains("kept back from this system"), "{whole}");
    let answers = answers(&host);
    assert!(answers.values().flatten().all(|by| *by == 1), "{answers:?}");
}

#[test]
fn an_input_is_checked_by_the_schema_of_the_version_that_takes_it() {
    let taking = |number: &str, kind: &str| {
        let schema = format!(
            "input = {{ type = \"object\", required = [\"n\"], properties = {{ n = {{ type = \"{kind}\" }} }} }}"
        );
        let manifest = manifest("hostile/shop", &schema).replace("0.1.0", number);
        let answer = format!(r#"{{"v":{}}}"#, &number[2..3]);
        answering_as(manifest, &answer)
    };
    let site = site(&taking("0.1.0", "integer"));
    let host = trying(&site, &taking("0.2.0", "string"), "1h");
    tried(&host);
    orders(&host, 1);
    let dead = host.wait_for("every order has ended", |host| {
        let ended = |status: &str| {
            let runs = host.get(&format!("/api/runs?flow=order&status={status}&limit=1000"));
            runs.as_array().unwrap().clone()
        };
        let dead = ended("dead");
        (dead.len() + ended("done").len() == LANES).then_some(dead)
    });
    let first = dead
        .first()
        .expect("none of the canary's lanes had an order");
    let id = first["id"].as_str().unwrap();
    let whole = host.get(&format!("/api/runs/{id}")).to_string();
    assert!(
        whole.contains("invalid-input") && whole.contains("/n"),
        "{whole}"
    );
    let answers = answers(&host);
    assert!(!answers.is_empty());
    assert!(answers.values().flatten().all(|by| *by == 1), "{answers:?}");
}
