//! Swaps while orders flow: what arrives, and in which order, by the sink's own journal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;
use tombolo_tests::built::adapter;
use tombolo_tests::host::TestHost;
use tombolo_tests::server::{RecordingServer, Reply};
use tombolo_tests::site::TestSite;

use crate::fixture::{order, shop};

const LANES: u64 = 8;
const SWAPS: usize = 10;

/// The same adapter with a section that means nothing: another digest.
fn other(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0, 6, 5], b"other"].concat()
}

fn names(site: &TestSite, file: &str, sink: &RecordingServer) {
    let address = sink.address;
    site.write(
        "systems/shop.yaml",
        &format!(
            "adapter: adapters/{file}.wasm
connections:
  api: {{ http: \"http://{address}\", network: private, allow: [\"POST /orders\"] }}
actions:
  go: {{ effect: write, summary: Sends, do: {{ method: POST, path: /orders, body: {{ lane: \"{{lane}}\", n: \"{{n}}\" }} }} }}
"
        ),
    );
    site.approve("shop");
}

#[test]
fn swaps_under_load_lose_nothing_and_keep_the_order_of_every_key() {
    let sink = RecordingServer::start();
    sink.always(Some(Reply::json(200, "{}")));
    let site = TestSite::new();
    let bytes = std::fs::read(adapter("plugins/rest")).unwrap();
    site.adapter_bytes("first", &bytes)
        .adapter_bytes("second", &other(&bytes));
    site.write("flows/order.yaml", "on: order\nkey: event.subject\nsteps:\n  - { id: go, call: shop.go, with: { lane: \"${event.subject}\", n: \"${event.data.n}\" } }\n");
    names(&site, "first", &sink);
    let host = TestHost::start(&site, &[]);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for lane in 0..LANES {
            let (host, over, sent) = (&host, &over, &sent);
            threads.spawn(move || {
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    n += 1;
                    order(host, &format!("lane-{lane}"), n);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for turn in 0..SWAPS {
            let before = shop(&host)["digest"].clone();
            names(&site, ["second", "first"][turn % 2], &sink);
            host.wait_for("the other version runs", |host| {
                let now = shop(host);
                (now["state"] == "running" && now["digest"] != before).then_some(())
            });
        }
        over.store(true, Ordering::Relaxed);
    });
    let sent = sent.load(Ordering::Relaxed);
    let mut arrived: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    host.wait_for("all of them arrived", |_| {
        arrived.clear();
        for one in sink.received() {
            let body = one.json();
            let lane = arrived
                .entry(body["lane"].as_str()?.to_owned())
                .or_default();
            let n = body["n"].as_u64()?;
            // What is made again is the same order under the same key.
            if lane.last() != Some(&n) {
                lane.push(n);
            }
        }
        let count: usize = arrived.values().map(Vec::len).sum();
        (count as u64 >= sent).then_some(())
    });
    // What was under way at a swap has ended well, too.
    assert_eq!(host.get("/api/dead")["letters"], json!([]));
    for (lane, numbers) in arrived {
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "{lane}");
    }
    assert!(
        sent > LANES * SWAPS as u64,
        "there was no load: {sent} orders"
    );
}
