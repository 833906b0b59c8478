//! What servers send back, and what a guest may tell them: bodies without end, compressed bombs, proxies, overridden
//! methods, texts that look like secrets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};
use tombolo_tests::server::RecordingServer;

use crate::fixture::{Attack, SECRET, attack, attack_beside, peak, says};

const SYSTEM: &str = "
adapter: adapters/attacker.wasm
connections:
  api:
    http: \"http://{{server}}/\"
    network: private
    credential: { bearer: env:ATTACK_TOKEN }
    allow: [\"GET /orders/*\", \"POST /orders/*\"]
  other:
    http: \"http://{{server}}/other\"
    network: private
    allow: [\"POST /orders/*\"]
actions:
  go: { effect: read, summary: Goes, do: {} }
limits: { deadline: 3 s }
";

fn get(path: &str) -> Value {
    json!({"do": "http", "connection": "api", "method": "GET", "path": path})
}

/// A server that answers every request with `head` and then with `again` until the other side has had enough.
fn endless(head: &'static str, again: Vec<u8>, slowly: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, again) = (stream.unwrap(), again.clone());
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let mut alive = stream.write_all(head.as_bytes()).is_ok();
                while alive && !again.is_empty() {
                    alive = stream.write_all(&again).is_ok();
                    if slowly {
                        std::thread::sleep(std::time::Duration::from_millis(100)); // reason: dripping is the attack
                    }
                }
            });
        }
    });
    address
}

fn against(server: SocketAddr) -> Attack {
    attack(&SYSTEM.replace("{{server}}", &server.to_string()))
}

#[test]
fn case_54_no_header_or_field_turns_a_granted_method_into_another() {
    let attack = attack(SYSTEM);
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x_http_method_override",
        "X-Original-URL",
        "X-Rewrite-URL",
    ] {
        let mut deed = get("/orders/7");
        deed["headers"] = json!([[name, "DELETE"]]);
        says(&attack.deed(&deed), &["Invalid"]);
    }
    for name in ["_method", "_METHOD"] {
        let mut deed = get("/orders/7");
        deed["query"] = json!([[name, "DELETE"]]);
        says(&attack.deed(&deed), &["Invalid"]);
    }
    assert!(
        attack.server.received().is_empty(),
        "{:#?}",
        attack.server.received()
    );
    attack.neighbour_works();
}

#[test]
fn case_60_a_proxy_of_the_environment_is_not_used() {
    let proxy = RecordingServer::start();
    let address = format!("http://{}", proxy.address);
    let environment: Vec<(&str, &str)> = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ]
    .iter()
    .map(|name| (*name, address.as_str()))
    .collect();
    let attack = attack_beside(SYSTEM, &environment);
    says(&attack.deed(&get("/orders/7")), &["200"]);
    assert_eq!(attack.server.received().len(), 1);
    assert!(proxy.received().is_empty(), "{:#?}", proxy.received());
}

#[test]
fn case_61_a_compressed_answer_is_not_unpacked() {
    // What would be 10 MB of zeros stays the few bytes that came.
    let attack = against(endless(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\n\r\n\x1f0123456789x",
        Vec::new(),
        false,
    ));
    says(
        &attack.deed(&get("/orders/7")),
        &["200", "gzip", "0123456789x"],
    );
    let mut asking = get("/orders/7");
    asking["headers"] = json!([["accept-encoding", "gzip"]]);
    says(&attack.deed(&asking), &["Invalid"]);
    attack.neighbour_works();
}

#[test]
fn case_62_an_answer_that_drips_ends_at_the_deadline() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-drip: ",
        "H",
    ] {
        let attack = against(endless(head, b"x".to_vec(), true));
        let run = attack.deed(&get("/orders/7")).to_string();
        assert!(
            ["Timeout", "deadline", "not HTTP"]
                .iter()
                .any(|word| run.contains(word)),
            "{head:?}: {run}"
        );
        attack.neighbour_works();
    }
}

#[test]
fn case_63_headers_and_bodies_without_end_are_cut_and_memory_stays_bounded() {
    let chunk = [&b"10000\r\n"[..], &[b'x'; 65_536], b"\r\n"].concat();
    for (head, again) in [
        (
            "HTTP/1.1 200 OK\r\n",
            b"x-more: and more and more\r\n".to_vec(),
        ),
        ("HTTP/1.1 200 OK\r\nx-more: ", vec![b'x'; 4096]),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            chunk,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 65_536]),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            vec![b'x'; 65_536],
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        ),
    ] {
        let attack = against(endless(head, again, false));
        let before = peak(&attack.host);
        let run = attack.deed(&get("/orders/7"));
        says(&run, &["error"]);
        let grown = peak(&attack.host) - before;
        assert!(
            grown < 96 << 20,
            "{head:?}: the host took {grown} bytes for it"
        );
        attack.neighbour_works();
    }
}

#[test]
fn case_72_a_text_that_means_a_secret_elsewhere_stays_a_text() {
    let attack = attack(SYSTEM);
    for word in [
        "env:ATTACK_TOKEN",
        "${env:ATTACK_TOKEN}",
        "{{credential}}",
        "$ATTACK_TOKEN",
        "{api}",
    ] {
        let deed = json!({"do": "http", "connection": "other", "method": "POST", "path": "/orders/7",
            "query": [["q", word]], "headers": [["x-word", word]], "body": word});
        says(&attack.deed(&deed), &["200"]);
    }
    let received = attack.server.received();
    assert_eq!(received.len(), 5);
    for request in received {
        assert_eq!(Some(request.body.as_str()), request.header("x-word"));
        let all = format!("{request:?}");
        assert!(
            !all.contains(SECRET) && request.header("authorization").is_none(),
            "{all}"
        );
    }
    // And where the credential belongs it is only where it belongs.
    says(&attack.deed(&get("/orders/7")), &["200"]);
    let last = format!("{:?}", attack.server.received().last());
    assert_eq!(last.matches(SECRET).count(), 1, "{last}");
    attack.neighbour_works();
}
