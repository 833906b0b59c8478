//! A host that is full: hooks are told to come again, feeds and brokers pause, and all goes on when there is room.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tombolo_tests::broker::Broker;
use tombolo_tests::built::adapter;
use tombolo_tests::client::Client;
use tombolo_tests::host::{Response, TestHost, wait};
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::{TOKEN, TestSite};

/// Systems that never answer. The first takes up what may wait in memory before others need room, each other what one
/// system may have then; together more than the host takes in.
const SLOW: [usize; 6] = [13_000, 1_100, 1_100, 1_100, 1_100, 1_100];
const ROWS: u64 = 50;

#[test]
fn a_full_host_turns_hooks_away_and_pauses_feeds_and_brokers_until_there_is_room() {
    let slow = RecordingServer::start();
    slow.always(Some(Reply::hanging()));
    let broker = Broker::mosquitto();
    let client = Client::mqtt(broker.port);
    let site = site(&slow, broker.port);
    let host = TestHost::start(&site, &[]);
    // Again and again until it is heard; its id makes it one event.
    wait("the first alarm", || {
        client.publish(r#"{"id": "a-0", "device": "p4"}"#);
        Some(()).filter(|()| count(&host, "device.alarm") == 1)
    });
    assert_eq!(post(&host).status, 202);

    fill(&host);
    let refused = wait("the host is full", || {
        Some(post(&host)).filter(|answer| answer.status == 503)
    });
    let again = |name: &str| {
        let mut headers = refused.headers.iter();
        headers.find(|(header, _)| header == name).map(|it| &*it.1)
    };
    let seconds: u64 = again("retry-after").expect("says when").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(refused.body.contains("overloaded"), "{}", refused.body);

    fill_table(&site);
    for number in 1..=3 {
        client.publish(&format!(r#"{{"id": "a-{number}", "device": "p4"}}"#));
    }
    // Longer than the feed's interval, and than a broker takes.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        assert_eq!(post(&host).status, 503);
        assert_eq!(count(&host, "order.placed"), 0, "a feed was read");
        assert_eq!(count(&host, "device.alarm"), 1, "a message was taken");
        std::thread::sleep(Duration::from_millis(50)); // reason: a pause between two looks at another process
    }

    drop(slow);
    host.wait_for("the feed goes on", |host| {
        Some(()).filter(|()| count(host, "order.placed") == ROWS)
    });
    host.wait_for("the broker's messages", |host| {
        Some(()).filter(|()| count(host, "device.alarm") == 4)
    });
    wait("the hook", || {
        Some(()).filter(|()| post(&host).status == 202)
    });
    let feed = &host.get("/api/feeds")[0];
    assert_eq!(feed["failures"], 0, "{feed}");
}

fn post(host: &TestHost) -> Response {
    host.send("POST", "/hooks/door/bell", &[], b"{}")
}

fn count(host: &TestHost, kind: &str) -> u64 {
    let events = host.get(&format!("/api/events?type={kind}&limit=1000"));
    events.as_array().map_or(0, Vec::len) as u64
}

/// Events until the host takes no more.
fn fill(host: &TestHost) {
    for (system, count) in SLOW.iter().enumerate() {
        let events: Vec<Value> = (0..*count)
            .map(|id| json!({"specversion": "1.0", "type": format!("load.{system}"), "source": "/test", "id": format!("{system}-{id}"), "data": {}}))
            .collect();
        for batch in events.chunks(1_000) {
            let headers = [
                ("authorization", &*format!("Bearer {TOKEN}")),
                ("content-type", "application/cloudevents-batch+json"),
            ];
            let body = json!(batch).to_string();
            match host
                .send("POST", "/events", &headers, body.as_bytes())
                .status
            {
                202 => {}
                503 => return,
                status => panic!("the batch was answered {status}"),
            }
        }
    }
}

fn fill_table(site: &TestSite) {
    let orders = rusqlite::Connection::open(site.path().join("erp.db")).unwrap();
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) INSERT INTO orders SELECT i FROM n;"
    );
    orders.execute_batch(&rows).unwrap();
}

fn site(slow: &RecordingServer, broker: u16) -> TestSite {
    let site = super::site(0, 20, "");
    for name in ["rest", "webhook", "broker"] {
        site.adapter(name, &adapter(&format!("plugins/{name}")));
    }
    site.write(
        "systems/door.yaml",
        "adapter: adapters/webhook.wasm\nhooks: { bell: { do: { verify: none, type: bell.rung } } }\nemits: [bell.rung]\n",
    );
    site.write(
        "systems/plant.yaml",
        &format!(
            r#"adapter: adapters/broker.wasm
connections: {{ bus: {{ mqtt: "mqtt://127.0.0.1:{broker}" }} }}
hooks:
  alarm:
    from: {{ connection: bus, topic: plant/+/alarm }}
    do: {{ event: {{ type: device.alarm, id: "{{/payload/id}}" }} }}
emits: [device.alarm]
"#
        ),
    );
    for number in 0..SLOW.len() {
        site.write(
            &format!("systems/slow{number}.yaml"),
            &format!(
                r#"adapter: adapters/rest.wasm
concurrency: 1
connections: {{ api: {{ http: "http://{}", network: private, allow: ["POST /notes"] }} }}
actions: {{ note: {{ effect: write, summary: Never answers, do: {{ method: POST, path: /notes }} }} }}
"#,
                slow.address
            ),
        );
        site.write(
            &format!("flows/load{number}.yaml"),
            &format!("on: load.{number}\nsteps: [{{ call: slow{number}.note }}]\n"),
        );
        site.approve(&format!("slow{number}"));
    }
    for system in ["door", "plant"] {
        site.approve(system);
    }
    site
}
