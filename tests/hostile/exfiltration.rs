//! An adapter that may read orders at a granted server writes what it knows into the paths and queries of its reads.

use serde_json::{Value, json};
use tombolo_kernel::limits;
use tombolo_tests::host::wait;

use crate::fixture::{Attack, attack};

/// What it wants to carry out, a piece per request.
const LOOT: [&str; 3] = ["ada-lovelace", "555-0199", "42-rue-du-bac"];

fn records(attack: &Attack) -> Vec<Value> {
    let page = attack
        .host
        .get("/api/audit?system=attacker&kind=http&limit=1000");
    let records = page["records"].as_array().unwrap().iter();
    records.map(|stored| stored["record"].clone()).collect()
}

fn get(path: &str, query: &str) -> Value {
    json!({"do": "http", "connection": "api", "method": "GET", "path": path, "query": [["q", query]]})
}

#[test]
fn case_64_what_leaves_by_path_or_query_is_in_the_audit_and_bounded() {
    let attack = attack(
        "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}\"
    network: private
    allow: [\"GET /orders/*\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
",
    );
    for piece in LOOT {
        attack.deed(&get(&format!("/orders/{piece}"), &piece.repeat(20)));
    }
    // Larger than a path and query may be: not one byte leaves.
    let large = "x".repeat(limits::HTTP_PATH_BYTES);
    attack.deed(&get(&format!("/orders/{large}"), ""));
    attack.deed(&get("/orders/1", &large));
    assert_eq!(attack.server.received().len(), LOOT.len());

    let records = wait("the records", || {
        Some(records(&attack)).filter(|records| records.len() == LOOT.len() + 2)
    });
    for piece in LOOT {
        let of = |record: &&Value| {
            let query = 20 * piece.len() + 1;
            record["what"] == format!("GET /orders/{piece} with a query of {query} bytes")
        };
        let record = records
            .iter()
            .find(of)
            .unwrap_or_else(|| panic!("{piece}: {records:#?}"));
        assert_eq!(record["outcome"], "allowed");
        assert!(
            record["sent"].as_u64() > Some(21 * piece.len() as u64),
            "{record}"
        );
        assert!(
            record["run"].is_string() && record["adapter"].is_string(),
            "{record}"
        );
    }
    let left: u64 = records
        .iter()
        .filter_map(|record| record["sent"].as_u64())
        .sum();
    let arrived: usize = attack
        .server
        .received()
        .iter()
        .map(|received| received.target.len() - "?".len())
        .sum();
    assert!(
        left >= arrived as u64,
        "{left} bytes are on record, {arrived} arrived"
    );
    for record in records
        .iter()
        .filter(|record| record["outcome"] != "allowed")
    {
        assert!(record["sent"].is_null(), "{record}");
    }
    attack.neighbour_works();
}

#[test]
fn case_64_what_leaves_by_path_leaves_no_faster_than_the_systems_rate() {
    const PIECES: u64 = 8;
    let attack = attack(
        "
adapter: adapters/attacker.wasm
rate: 5/s
connections:
  api:
    http: \"http://{{server}}\"
    network: private
    allow: [\"GET /orders/*\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
",
    );
    for piece in 0..PIECES {
        let deed = get(&format!("/orders/{piece}"), "");
        let published = attack
            .host
            .publish("attack", &format!("piece-{piece}"), &deed);
        assert_eq!(published.status, 202, "{}", published.body);
    }
    let records = wait("all have left", || {
        Some(records(&attack)).filter(|records| records.len() as u64 == PIECES)
    });
    let times: Vec<u64> = records
        .iter()
        .map(|record| record["at_ms"].as_u64().unwrap())
        .collect();
    let took = times.iter().max().unwrap() - times.iter().min().unwrap();
    // 200 ms between two; what may come at once after a rest is half of one.
    assert!(took >= (PIECES - 2) * 200, "all left within {took} ms");
    attack.neighbour_works();
}
