//! How fast the API may be used, and what is known of a token's use: a real host, through its socket. Rates here are so
//! small that no test outlives the wait for the next request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tombolo_kernel::limits::ACCESS_BURST_LEAST;
use tombolo_server::access::{new_token, used};
use tombolo_server::{Host, HostOptions};

/// A host with these tokens (name, role, more) and more settings; the text of a token is its name, often.
async fn start(folder: &Path, tokens: &[(&str, &str, &str)], more: &str) -> Host {
    let mut site = format!("listen: 127.0.0.1:0\n{more}\ntokens:\n");
    for (name, role, more) in tokens {
        std::fs::write(folder.join(name), text(name)).unwrap();
        site.push_str(&format!(
            "  - {{ name: {name}, token: \"file:{name}\", role: {role}{more} }}\n"
        ));
    }
    std::fs::write(folder.join("tombolo.yaml"), site).unwrap();
    let options = HostOptions {
        compile_child: (PathBuf::from("/nonexistent/tombolo"), Vec::new()),
        listen: None,
    };
    Host::start(folder, options).await.unwrap()
}

fn text(name: &str) -> String {
    format!("{name}-").repeat(8)
}

struct Answer {
    status: u16,
    retry_after: Option<u64>,
    body: Value,
}

async fn ask(at: SocketAddr, method: &str, path: &str, more: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let header = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        retry_after: header("retry-after").map(|(_, value)| value.parse().unwrap()),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

async fn get(at: SocketAddr, path: &str, token: &str) -> Answer {
    let headers = format!(
        "host: localhost\r\nauthorization: Bearer {}\r\n",
        text(token)
    );
    ask(at, "GET", path, &headers, "").await
}

async fn publish(at: SocketAddr, id: u64, token: &str) -> Answer {
    let headers = format!(
        "host: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/cloudevents+json\r\n",
        text(token)
    );
    let event = json!({ "specversion": "1.0", "id": id.to_string(), "source": "/shop", "type": "order.placed" });
    ask(at, "POST", "/events", &headers, &event.to_string()).await
}

/// Told to wait for what half an hour brings, in the shape of every error.
#[track_caller]
fn is_over_its_rate(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    let wait = answer.retry_after.expect("when to come again");
    assert!((1..=1_800).contains(&wait), "{wait} s");
    assert_eq!(answer.body["error"]["kind"], "rate-limited");
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("more requests than 2/h"), "{message}");
}

#[tokio::test]
async fn a_token_over_its_rate_is_told_when_to_come_again_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = [
        ("slow", "operator", ", rate: 2/h"),
        ("other", "operator", ""),
        ("shop", "publisher", ", rate: 2/h"),
    ];
    let host = start(folder.path(), &tokens, "").await;
    let at = host.address();
    // Whatever it asks for counts.
    let paths = ["/api/runs", "/api/nothing", "/api/runs?limit=0", "/events"];
    for n in 0..ACCESS_BURST_LEAST {
        let path = paths[usize::try_from(n).unwrap() % paths.len()];
        let status = get(at, path, "slow").await.status;
        assert!(matches!(status, 200 | 404 | 405 | 422), "{path}: {status}");
    }
    for path in paths {
        is_over_its_rate(&get(at, path, "slow").await);
    }
    assert_eq!(get(at, "/api/runs", "other").await.status, 200);
    for id in 0..ACCESS_BURST_LEAST {
        assert_eq!(publish(at, id, "shop").await.status, 202);
    }
    is_over_its_rate(&publish(at, 99, "shop").await);
    let events = get(at, "/api/events", "other").await.body;
    assert_eq!(events.as_array().unwrap().len() as u64, ACCESS_BURST_LEAST);
    // A reload gives nobody more.
    host.reload().await.unwrap();
    is_over_its_rate(&get(at, "/api/runs", "slow").await);
    let records = get(at, "/api/audit?kind=refusal", "other").await.body;
    let told = records.to_string();
    assert!(told.contains("429 a token that asks too often"), "{told}");
    assert!(told.contains("\"token\":\"slow\""), "{told}");
    host.stop().await;
}

#[tokio::test]
async fn a_sites_rate_is_for_all_tokens_without_one_and_slows_nobody_who_publishes() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = [
        ("ops", "operator", ""),
        ("own", "operator", ", rate: 600/m"),
        ("shop", "publisher", ""),
    ];
    let host = start(folder.path(), &tokens, "access: { rate: 2/h }").await;
    let at = host.address();
    for _ in 0..ACCESS_BURST_LEAST {
        assert_eq!(get(at, "/api/runs", "ops").await.status, 200);
        assert_eq!(get(at, "/api/runs", "own").await.status, 200);
    }
    is_over_its_rate(&get(at, "/api/runs", "ops").await);
    assert_eq!(get(at, "/api/runs", "own").await.status, 200);
    for id in 0..3 * ACCESS_BURST_LEAST {
        assert_eq!(publish(at, id, "shop").await.status, 202);
    }
    host.stop().await;
}

#[tokio::test]
async fn an_address_without_a_token_is_told_to_wait_and_a_token_from_there_is_not() {
    let health = "host: localhost\r\n".to_owned();
    let foreign = "host: evil.example\r\n".to_owned();
    // Its form is right, so that it counts as no guess.
    let unknown = format!(
        "host: localhost\r\nauthorization: Bearer {}\r\n",
        *new_token().unwrap()
    );
    let table = [
        ("/health", health, 200),
        ("/api/runs", foreign, 403),
        ("/api/runs", unknown, 401),
    ];
    for (path, headers, usual) in table {
        let folder = tempfile::tempdir().unwrap();
        let tokens = [("ops", "operator", "")];
        let host = start(folder.path(), &tokens, "access: { rate: 2/h }").await;
        let at = host.address();
        for _ in 0..ACCESS_BURST_LEAST {
            let found = ask(at, "GET", path, &headers, "").await;
            assert_eq!(found.status, usual, "{path}");
        }
        is_over_its_rate(&ask(at, "GET", path, &headers, "").await);
        assert_eq!(get(at, "/api/runs", "ops").await.status, 200, "{path}");
        host.stop().await;
    }
}

#[tokio::test]
async fn what_tokens_did_is_known_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = [
        ("ops", "operator", ", rate: 2/h"),
        ("shop", "publisher", ", types: [order.placed]"),
        ("idle", "auditor", ""),
    ];
    let data = folder.path().join("data");
    let host = start(folder.path(), &tokens, "").await;
    let at = host.address();
    for _ in 0..ACCESS_BURST_LEAST + 3 {
        get(at, "/api/runs", "ops").await;
    }
    assert_eq!(get(at, "/api/runs", "shop").await.status, 403);
    // A right role, and not for this.
    let headers = format!(
        "host: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/cloudevents+json\r\n",
        text("shop")
    );
    let other = json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "other" });
    let found = ask(at, "POST", "/events", &headers, &other.to_string()).await;
    assert_eq!(found.status, 403, "{}", found.body);
    assert_eq!(get(at, "/api/runs", "wrong").await.status, 401);
    host.stop().await;
    let known = used(&data);
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    assert_eq!(names, ["idle", "ops", "shop"]);
    let counts = |name: &str| (known[name].forbidden, known[name].rate_limited);
    assert_eq!(counts("ops"), (0, 3));
    assert_eq!(counts("shop"), (2, 0));
    assert!(known["ops"].used_ms >= Some(known["ops"].since_ms));
    assert_eq!(known["idle"].used_ms, None);
    let kept = std::fs::read_to_string(data.join("tokens-used.json")).unwrap();
    assert!(!kept.contains(&text("ops")), "{kept}");

    let fewer = &tokens[..2];
    let host = start(folder.path(), fewer, "").await;
    assert_eq!(get(host.address(), "/api/runs", "shop").await.status, 403);
    host.stop().await;
    let again = used(&data);
    assert_eq!(again["shop"].forbidden, 3);
    assert_eq!(again["ops"], known["ops"], "nobody came with it");
    assert!(!again.contains_key("idle"), "it is gone");
}
