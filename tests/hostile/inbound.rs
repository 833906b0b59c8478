//! What comes in: forged, replayed, too large, too slow, without a token.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tombolo_tests::built::{adapter, root};
use tombolo_tests::host::TestHost;
use tombolo_tests::signed::standard_webhooks;
use tombolo_tests::site::TestSite;

const SECRET: &str = "whsec_aG9zdGlsZS10ZXN0LXNlY3JldC0wMTIz";
const HOOK: &str = "/hooks/plant/alarm";
const BODY: &str = r#"{"device": "press-4", "severity": 4}"#;

fn site() -> (TestSite, TestHost) {
    let site = TestSite::new();
    site.adapter("webhook", &adapter("plugins/webhook"));
    site.write(
        "systems/plant.yaml",
        "
adapter: adapters/webhook.wasm
keys: { standard-webhooks: env:PLANT_SECRET }
hooks:
  alarm: { summary: Alarms, do: { verify: standard-webhooks, type: device.alarm, subject: /device } }
emits: [device.alarm]
",
    );
    site.approve("plant");
    let host = TestHost::start(&site, &[("PLANT_SECRET", SECRET)]);
    (site, host)
}

fn post(host: &TestHost, headers: &[(String, String)], body: &str) -> u16 {
    let mut all: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    all.push(("content-type", "application/json"));
    host.send("POST", HOOK, &all, body.as_bytes()).status
}

fn stored(host: &TestHost) -> usize {
    let events = host.get("/api/events?type=device.alarm");
    events.as_array().map_or(0, Vec::len)
}

#[test]
fn case_74_a_forged_or_missing_signature_is_401_and_nothing_is_stored() {
    let (_site, host) = site();
    let right = standard_webhooks(SECRET, "msg-1", 0, BODY);
    let without = |name: &str| {
        right
            .iter()
            .filter(|(header, _)| header != name)
            .cloned()
            .collect::<Vec<_>>()
    };
    let with = |name: &str, value: &str| {
        let mut headers = without(name);
        headers.push((name.to_owned(), value.to_owned()));
        headers
    };
    let forged = standard_webhooks("whsec_YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc=", "msg-1", 0, BODY);
    let cases = [
        ("no headers", vec![], BODY),
        ("no signature", without("webhook-signature"), BODY),
        ("no id", without("webhook-id"), BODY),
        ("no timestamp", without("webhook-timestamp"), BODY),
        ("another key", forged, BODY),
        (
            "another body",
            right.clone(),
            r#"{"device": "press-4", "severity": 9}"#,
        ),
        ("another id", with("webhook-id", "msg-2"), BODY),
        (
            "another version",
            with("webhook-signature", "v2,AAAA"),
            BODY,
        ),
        ("an empty signature", with("webhook-signature", ""), BODY),
        ("no base64", with("webhook-signature", "v1,%%%"), BODY),
    ];
    for (case, headers, body) in cases {
        assert_eq!(post(&host, &headers, body), 401, "{case}");
    }
    assert_eq!(stored(&host), 0);
    assert_eq!(post(&host, &right, BODY), 202);
    assert_eq!(stored(&host), 1);
}

#[test]
fn case_75_a_replay_is_refused_outside_the_window_and_counts_once_inside() {
    let (_site, host) = site();
    for skew in [-3600, -301 - 60, 301 + 60, 86_400] {
        assert_eq!(
            post(
                &host,
                &standard_webhooks(SECRET, "msg-old", skew, BODY),
                BODY
            ),
            401,
            "{skew} s"
        );
    }
    assert_eq!(stored(&host), 0);
    let headers = standard_webhooks(SECRET, "msg-1", -60, BODY);
    for _ in 0..3 {
        assert_eq!(post(&host, &headers, BODY), 202);
    }
    assert_eq!(stored(&host), 1);
}

#[test]
fn case_77_an_oversized_or_lying_body_is_refused_and_memory_stays_bounded() {
    let (_site, host) = site();
    let large = "x".repeat(9 << 20);
    let before = resident(&host);
    // Counted, not believed: with a length that says so, and in chunks without any.
    let mut stream = connect(&host);
    write!(
        stream,
        "POST {HOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        9 << 30_u64
    )
    .unwrap();
    assert!(
        answer(&mut stream).starts_with("HTTP/1.1 413"),
        "a length over the bound"
    );
    let mut stream = connect(&host);
    write!(
        stream,
        "POST {HOOK} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
        large.len()
    )
    .unwrap();
    let _ = stream.write_all(large.as_bytes());
    assert!(
        answer(&mut stream).starts_with("HTTP/1.1 413"),
        "chunks over the bound"
    );
    // Two lengths that differ, and a length with chunks: what request smuggling is made of.
    for head in [
        "content-length: 3\r\ncontent-length: 30",
        "content-length: abc",
        "content-length: -1",
    ] {
        let mut stream = connect(&host);
        write!(
            stream,
            "POST {HOOK} HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\nabc"
        )
        .unwrap();
        assert!(answer(&mut stream).starts_with("HTTP/1.1 400"), "{head}");
    }
    assert_eq!(stored(&host), 0);
    assert!(
        resident(&host) < before + (64 << 20),
        "memory grew from {before} to {}",
        resident(&host)
    );
}

#[test]
fn case_77_a_body_that_drips_is_cut_off() {
    let (_site, host) = site();
    let mut stream = connect(&host);
    write!(
        stream,
        "POST {HOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{{"
    )
    .unwrap();
    let mut dripping = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        while dripping.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100)); // reason: dripping is the attack
        }
    });
    // The host waits 15 s for a whole request; others are served meanwhile.
    assert_eq!(
        post(&host, &standard_webhooks(SECRET, "msg-1", 0, BODY), BODY),
        202
    );
    let text = answer(&mut stream);
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 408"),
        "{text}"
    );
}

#[test]
fn case_78_a_separator_inside_a_signed_part_is_refused() {
    let (_site, host) = site();
    for id in ["msg.1", "msg-1.1614265330"] {
        assert_eq!(
            post(&host, &standard_webhooks(SECRET, id, 0, BODY), BODY),
            401,
            "{id}"
        );
    }
    assert_eq!(stored(&host), 0);
}

/// Every route for which a token is needed, as the host's own table has them.
fn routes() -> Vec<(String, String)> {
    let table = std::fs::read_to_string(root().join("host/server/src/api/routes.rs")).unwrap();
    let route = |line: &str| {
        let (method, rest) = line.trim().split_once(" \"")?;
        let (path, who) = rest.split_once('"')?;
        let is_route = matches!(method, "get" | "post") && !who.contains("Who::Anyone");
        let path = path.replace(['{', '}'], "");
        is_route.then(|| (method.to_uppercase(), path))
    };
    table.lines().filter_map(route).collect()
}

#[test]
fn case_80_without_a_token_every_api_is_401_also_from_this_machine() {
    let routes = routes();
    assert!(routes.len() > 40, "{routes:?}");
    // Fewer wrong tokens in a minute than have an address wait.
    for routes in routes.chunks(25) {
        let (_site, host) = site();
        for (method, target) in routes {
            for headers in [
                &[][..],
                &[("authorization", "Bearer wrong")][..],
                &[("authorization", "Basic dGVzdDp0ZXN0")][..],
                &[("authorization", "")][..],
            ] {
                let response = host.send(method, target, headers, b"{}");
                assert_eq!(
                    response.status, 401,
                    "{method} {target} with {headers:?}: {}",
                    response.body
                );
            }
        }
        assert_eq!(host.get("/api/events").as_array().map_or(0, Vec::len), 0);
        let answer = json!({"answer": "x", "by": "x", "comment": ""});
        let response = host.post("/api/tasks/none/answer", &answer);
        assert_eq!(response.status, 404);
    }
}

fn connect(host: &TestHost) -> TcpStream {
    let stream = TcpStream::connect(host.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    stream
}

fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes) {
        Ok(read) => String::from_utf8_lossy(&bytes[..read]).into_owned(),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("the host neither answered nor closed")
        }
        Err(_closed) => String::new(),
    }
}

/// Bytes of memory that are the host's own.
fn resident(host: &TestHost) -> u64 {
    crate::fixture::memory(host, "RssAnon:")
}
