//! The API through a real listening socket: tokens, rights, bounds, errors, reload. Requests are written by hand, so
//! that they can be as wrong as a test needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tombolo_server::{Host, HostError, HostOptions};

const TOKENS: &str = "listen: 127.0.0.1:0\ntokens:\n  - { name: ops, token: file:ops, may: [operate] }\n  - { name: shop, token: file:shop, may: [publish] }\n";
const OPS: &str = "operator-token-00001";
const SHOP: &str = "publisher-token-0002";

struct Running {
    host: Host,
    folder: tempfile::TempDir,
}

async fn start(files: &[(&str, &str)]) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let site = [("tombolo.yaml", TOKENS), ("ops", OPS), ("shop", SHOP)];
    for (name, text) in site.iter().chain(files) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let host = Host::start(folder.path(), options()).await.unwrap();
    Running { host, folder }
}

/// No test here compiles an adapter.
fn options() -> HostOptions {
    HostOptions {
        compile_child: (PathBuf::from("/nonexistent/tombolo"), Vec::new()),
        listen: None,
    }
}

/// Status, headers and body of one exchange on a connection of its own.
async fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("an HTTP answer");
    let head = String::from_utf8(answer[..end].to_vec())
        .unwrap()
        .to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, Value) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let (status, _, body) = exchange(address, request.as_bytes()).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn event(id: &str) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/shop", "type": "order.placed", "subject": "o-1", "data": { "n": 1 } }).to_string()
}

fn cloudevent(token: &str) -> String {
    format!(
        "{}content-type: application/cloudevents+json\r\n",
        bearer(token)
    )
}

#[tokio::test]
async fn every_path_but_health_wants_a_token_from_loopback_too() {
    let running = start(&[]).await;
    let at = running.host.address();
    assert_eq!(
        ask(at, "GET", "/health", "", "").await,
        (200, json!({ "status": "ok" }))
    );
    let paths = [
        ("GET", "/api/systems"),
        ("GET", "/api/runs"),
        ("GET", "/api/runs/1.x"),
        ("GET", "/api/events"),
        ("GET", "/api/events/1"),
        ("GET", "/api/events/tail?after=0"),
        ("GET", "/api/tasks"),
        ("POST", "/api/tasks/x/answer"),
        ("POST", "/api/reload"),
        ("GET", "/api/reconciliations"),
        ("GET", "/api/reconciliations/x"),
        ("GET", "/api/reconciliations/x/csv"),
        ("POST", "/api/reconciliations/x/run"),
        ("GET", "/api/audit"),
        ("GET", "/api/audit/anchor"),
        ("GET", "/api/audit/export"),
        ("GET", "/api/audit/verify"),
        ("GET", "/api/dead"),
        ("GET", "/api/lanes"),
        ("POST", "/api/replay"),
        ("GET", "/api/xref"),
        ("GET", "/api/xref/history"),
        ("POST", "/api/xref/link"),
        ("POST", "/api/xref/unlink"),
        ("POST", "/api/xref/import"),
        ("POST", "/events"),
        ("GET", "/api/nothing"),
        ("GET", "/"),
    ];
    for (method, path) in paths {
        let (status, body) = ask(at, method, path, "", "").await;
        assert_eq!(
            (status, &body["error"]["kind"]),
            (401, &json!("unauthorized")),
            "{method} {path}"
        );
        let (status, _) = ask(at, method, path, &bearer("operator-token-00002"), "").await;
        assert_eq!(status, 401, "{method} {path} with a wrong token");
    }
    running.host.stop().await;
}

#[tokio::test]
async fn a_token_does_what_it_may_and_no_more() {
    let running = start(&[]).await;
    let at = running.host.address();
    assert_eq!(
        ask(at, "GET", "/api/systems", &bearer(OPS), "").await,
        (200, json!([]))
    );
    assert_eq!(
        ask(at, "GET", "/api/systems", &bearer(SHOP), "").await.0,
        403
    );
    assert_eq!(
        ask(at, "POST", "/events", &cloudevent(OPS), &event("1"))
            .await
            .0,
        403
    );
    assert_eq!(
        ask(at, "POST", "/api/tasks/x/answer", &bearer(OPS), "{}")
            .await
            .0,
        403
    );
    assert_eq!(
        ask(at, "GET", "/api/tasks", &bearer(OPS), "").await,
        (200, json!([]))
    );
    assert_eq!(
        ask(at, "GET", "/api/nothing", &bearer(OPS), "").await.0,
        404
    );
    assert_eq!(
        ask(at, "DELETE", "/api/runs", &bearer(OPS), "").await.0,
        405
    );
    running.host.stop().await;
}

#[tokio::test]
async fn a_published_event_is_kept_once_and_can_be_read() {
    let running = start(&[]).await;
    let at = running.host.address();
    let place = |duplicate: bool| json!({ "events": [{ "id": "1", "source": "/shop", "seq": 1, "duplicate": duplicate }] });
    assert_eq!(
        ask(at, "POST", "/events", &cloudevent(SHOP), &event("1")).await,
        (202, place(false))
    );
    assert_eq!(
        ask(at, "POST", "/events", &cloudevent(SHOP), &event("1")).await,
        (202, place(true))
    );
    let (status, stored) = ask(at, "GET", "/api/events/1", &bearer(OPS), "").await;
    assert_eq!(
        (status, &stored["data"], &stored["type"]),
        (200, &json!({ "n": 1 }), &json!("order.placed"))
    );
    let (_, listed) = ask(
        at,
        "GET",
        "/api/events?type=order.placed&limit=5",
        &bearer(OPS),
        "",
    )
    .await;
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let (_, tail) = ask(
        at,
        "GET",
        "/api/events/tail?after=0&wait=20",
        &bearer(OPS),
        "",
    )
    .await;
    assert_eq!(tail[0]["seq"], json!(1));
    assert_eq!(
        ask(at, "GET", "/api/events/tail?after=1", &bearer(OPS), "").await,
        (200, json!([]))
    );
    running.host.stop().await;
}

#[tokio::test]
async fn a_tail_wakes_up_when_something_is_published() {
    let running = start(&[]).await;
    let at = running.host.address();
    let ops = bearer(OPS);
    let shop = cloudevent(SHOP);
    let event = event("1");
    let (tail, published) = tokio::join!(
        ask(at, "GET", "/api/events/tail?after=0&wait=20", &ops, ""),
        ask(at, "POST", "/events", &shop, &event)
    );
    assert_eq!((tail.1[0]["id"].clone(), published.0), (json!("1"), 202));
    running.host.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_and_nothing_is_kept() {
    let running = start(&[]).await;
    let at = running.host.address();
    let own = event("1").replace("/shop", "/systems/erp");
    let table = [
        ("POST", "/events", cloudevent(SHOP), "{".to_owned(), 422),
        ("POST", "/events", cloudevent(SHOP), own, 422),
        ("POST", "/events", bearer(SHOP), event("1"), 415),
        (
            "POST",
            "/events",
            cloudevent(SHOP),
            "x".repeat((1 << 20) + 1),
            413,
        ),
        (
            "GET",
            "/api/runs?status=sleeping",
            bearer(OPS),
            String::new(),
            400,
        ),
        (
            "GET",
            "/api/runs?colour=red",
            bearer(OPS),
            String::new(),
            400,
        ),
        ("GET", "/api/runs?limit=0", bearer(OPS), String::new(), 422),
        (
            "GET",
            "/api/runs?limit=1001",
            bearer(OPS),
            String::new(),
            422,
        ),
        ("GET", "/api/runs/1.none", bearer(OPS), String::new(), 404),
        ("GET", "/api/events/99", bearer(OPS), String::new(), 404),
        ("GET", "/api/events/x", bearer(OPS), String::new(), 400),
        (
            "GET",
            "/api/events/tail?after=0&wait=21",
            bearer(OPS),
            String::new(),
            422,
        ),
        (
            "DELETE",
            "/hooks/erp/alarm",
            String::new(),
            String::new(),
            405,
        ),
    ];
    for (method, path, headers, body, expected) in table {
        let (status, answer) = ask(at, method, path, &headers, &body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let told = &answer["error"];
        assert!(
            told["kind"].is_string()
                && told["message"]
                    .as_str()
                    .is_some_and(|message| !message.is_empty()),
            "{method} {path}: {answer}"
        );
    }
    assert_eq!(
        ask(at, "GET", "/api/events", &bearer(OPS), "").await,
        (200, json!([]))
    );
    running.host.stop().await;
}

#[tokio::test]
async fn every_answer_forbids_guessing_keeping_and_framing() {
    let running = start(&[]).await;
    for path in ["/health", "/hooks/a/b", "/api/systems", "/nothing"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
        let (_, head, _) = exchange(running.host.address(), request.as_bytes()).await;
        for expected in [
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "x-frame-options: deny",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(expected), "{path}: {head}");
        }
        assert!(!head.contains("evil.example"), "{head}");
    }
    running.host.stop().await;
}

#[tokio::test]
async fn a_header_flood_and_a_lying_length_do_not_reach_a_handler() {
    let running = start(&[]).await;
    let flood = format!(
        "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-flood: {}\r\n\r\n",
        "a".repeat(400_000)
    );
    let mut stream = TcpStream::connect(running.host.address()).await.unwrap();
    // Cut off in the middle, the rest cannot be written and the answer may be lost with it.
    let _ = stream.write_all(flood.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    let both = "POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello";
    let (status, _, _) = exchange(running.host.address(), both.as_bytes()).await;
    assert_eq!(status, 400);
    running.host.stop().await;
}

#[tokio::test]
async fn a_reload_that_does_not_check_changes_nothing_and_says_why() {
    let running = start(&[]).await;
    let at = running.host.address();
    let file = running.folder.path().join("tombolo.yaml");
    std::fs::write(&file, format!("{TOKENS}listne: x\n")).unwrap();
    let (status, answer) = ask(at, "POST", "/api/reload", &bearer(OPS), "").await;
    assert_eq!(status, 422);
    assert_eq!(answer["error"]["problems"][0]["file"], "tombolo.yaml");
    assert_eq!(
        ask(at, "GET", "/api/systems", &bearer(OPS), "").await.0,
        200
    );

    std::fs::write(running.folder.path().join("ops"), "operator-token-00009\n").unwrap();
    std::fs::write(&file, TOKENS).unwrap();
    running.host.reload().await.unwrap();
    assert_eq!(
        ask(at, "GET", "/api/systems", &bearer(OPS), "").await.0,
        401,
        "the old token is out of force"
    );
    assert_eq!(
        ask(
            at,
            "GET",
            "/api/systems",
            &bearer("operator-token-00009"),
            ""
        )
        .await
        .0,
        200
    );
    running.host.stop().await;
}

#[tokio::test]
async fn a_changed_file_is_noticed_without_being_told() {
    let running = start(&[]).await;
    let at = running.host.address();
    // A token that may more, and no new one: who tries an unknown token too often is told to wait.
    let more = TOKENS.replace("may: [publish]", "may: [publish, audit]");
    std::fs::write(running.folder.path().join("tombolo.yaml"), more).unwrap();
    let noticed = async {
        while ask(at, "GET", "/api/systems", &bearer(SHOP), "").await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), noticed)
        .await
        .expect("the change was not noticed");
    running.host.stop().await;
}

#[tokio::test]
async fn an_address_in_use_is_said_and_leaves_the_store_free() {
    let running = start(&[]).await;
    let taken = HostOptions {
        listen: Some(running.host.address()),
        ..options()
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tombolo.yaml"), "listen: 127.0.0.1:0").unwrap();
    let Err(error) = Host::start(folder.path(), taken).await else {
        panic!("it started")
    };
    assert!(error.to_string().contains("stop what uses it"), "{error}");
    Host::start(folder.path(), options())
        .await
        .unwrap()
        .stop()
        .await;
    running.host.stop().await;
}

#[tokio::test]
async fn a_site_that_does_not_check_does_not_start_and_tells_everything() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("tombolo.yaml"),
        "listen: 7070\nroles: x\n",
    )
    .unwrap();
    let Err(HostError::Site(problems)) = Host::start(folder.path(), options()).await else {
        panic!("it started")
    };
    assert_eq!(problems.len(), 2);
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made for a site that does not start"
    );
}

#[tokio::test]
async fn events_survive_a_restart() {
    let running = start(&[]).await;
    ask(
        running.host.address(),
        "POST",
        "/events",
        &cloudevent(SHOP),
        &event("1"),
    )
    .await;
    let Running { host, folder } = running;
    host.stop().await;
    let host = Host::start(folder.path(), options()).await.unwrap();
    let (_, again) = ask(
        host.address(),
        "POST",
        "/events",
        &cloudevent(SHOP),
        &event("1"),
    )
    .await;
    assert_eq!(again["events"][0]["duplicate"], json!(true));
    host.stop().await;
}
