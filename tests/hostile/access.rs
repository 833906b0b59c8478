//! Who comes in by whose leave: tokens, roles, other sites' pages, rebound names, floods of headers and connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tombolo_tests::built::{adapter, run};
use tombolo_tests::host::{Response, TestHost};
use tombolo_tests::signed::standard_webhooks;
use tombolo_tests::site::{TOKEN, TestSite};

const SECRETS: [(&str, &str); 2] = [
    ("PLANT_SECRET", "whsec_aG9zdGlsZS10ZXN0LXNlY3JldC0wMTIz"),
    ("OTHER_SECRET", "whsec_YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc="),
];
const BODY: &str = r#"{"device": "press-4", "severity": 4}"#;

fn host() -> (TestSite, TestHost) {
    let site = TestSite::new();
    let host = TestHost::start(&site, &[]);
    (site, host)
}

/// Asks with the test's token, which may do everything but review, and with more headers.
fn ask(host: &TestHost, method: &str, target: &str, more: &[(&str, &str)]) -> Response {
    let bearer = format!("Bearer {TOKEN}");
    let mut headers = vec![("authorization", &*bearer)];
    headers.extend(more);
    host.send(method, target, &headers, b"")
}

/// What comes back for bytes that need be no HTTP.
fn raw(host: &TestHost, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(host.address).unwrap();
    let patience = Some(Duration::from_secs(40));
    stream.set_read_timeout(patience).unwrap();
    // A host that has seen enough stops reading.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn with_token(host: &TestHost, method: &str, target: &str, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    host.send(method, target, &headers, b"").status
}

#[test]
fn a_token_made_by_command_works_at_once_and_a_revoked_one_never_again() {
    let (site, host) = host();
    let create = ["token", "create", "--name", "eve", "--role", "auditor"];
    let (code, token, told) = site.tombolo(&create);
    assert_eq!(code, 0, "{told}");
    let token = token.trim();
    assert!(token.starts_with("tmb_") && !told.contains(token), "{told}");
    assert_eq!(with_token(&host, "GET", "/api/systems", token), 200);
    assert_eq!(with_token(&host, "GET", "/api/audit", token), 200);
    assert_eq!(with_token(&host, "POST", "/api/reload", token), 403);
    assert_eq!(site.tombolo(&create).0, 1, "a second one of the same name");
    host.wait_for("its last use is known", |_| {
        let (_, list, _) = site.tombolo(&["token", "list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list[0]["used_ms"].as_u64()
    });
    let everywhere = walk(site.path());
    assert!(!everywhere.contains(&token[4..40]), "the token is kept");
    let (code, _, told) = site.tombolo(&["token", "revoke", "eve"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(with_token(&host, "GET", "/api/systems", token), 401);
    assert_eq!(site.tombolo(&["token", "revoke", "eve"]).0, 1);
    host.wait_for("both refusals are on record", |host| {
        let records = host.get("/api/audit?kind=refusal").to_string();
        (records.contains("\"token\":\"eve\"") && records.contains("401")).then_some(())
    });
}

#[test]
fn a_token_list_tells_of_a_token_that_wants_what_it_may_not_or_asks_too_often() {
    let (site, host) = host();
    let create = |name, more: &[&str]| {
        let all = ["token", "create", "--name", name, "--role", "auditor"];
        let (code, token, told) = site.tombolo(&[&all[..], more].concat());
        assert_eq!(code, 0, "{told}");
        token.trim().to_owned()
    };
    let (slow, wrong) = (create("slow", &["--rate", "2/h"]), create("wrong", &[]));
    let most = tombolo_kernel::limits::ACCESS_BURST_LEAST;
    for _ in 0..most {
        assert_eq!(with_token(&host, "GET", "/api/runs", &slow), 200);
        assert_eq!(with_token(&host, "POST", "/api/reload", &wrong), 403);
    }
    assert_eq!(with_token(&host, "GET", "/api/runs", &slow), 429);
    assert_eq!(with_token(&host, "GET", "/api/runs", &wrong), 200);
    host.get("/api/runs");
    let list = host.wait_for("what they did is known", |_| {
        let (_, list, _) = site.tombolo(&["token", "list", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        (list[0]["rate_limited"] == 1 && list[2]["used_ms"].is_u64()).then_some(list)
    });
    let of = |at: usize, key: &str| list[at][key].clone();
    assert_eq!(
        (of(0, "name"), of(0, "rate")),
        ("slow".into(), "2/h".into())
    );
    assert_eq!(of(0, "forbidden"), 0);
    assert_eq!(
        (of(1, "forbidden"), of(1, "rate_limited")),
        (most.into(), 0.into())
    );
    // Those of the site's file, too.
    assert_eq!(
        (of(2, "name"), of(2, "file")),
        ("test".into(), "tombolo.yaml".into())
    );
    let (_, table, _) = site.tombolo(&["token", "list"]);
    assert!(table.contains("1 too often"), "{table}");
    assert!(table.contains(&format!("{most} may not")), "{table}");
    // One of the same name that is made later begins anew.
    assert_eq!(site.tombolo(&["token", "revoke", "wrong"]).0, 0);
    create("wrong", &[]);
    let (_, list, _) = site.tombolo(&["token", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (&list[1]["name"], &list[1]["forbidden"]),
        (&"wrong".into(), &0.into())
    );
    let (code, _, told) = site.tombolo(&[
        "token", "create", "--name", "x", "--role", "auditor", "--rate", "5",
    ]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("`10/s`"), "{told}");
}

#[test]
fn a_token_that_is_over_is_none() {
    let (site, host) = host();
    let create = |name, time| {
        let role = ["--role", "operator", "--expires", time];
        let (code, token, told) =
            site.tombolo(&[&["token", "create", "--name", name][..], &role].concat());
        assert_eq!(code, 0, "{told}");
        token.trim().to_owned()
    };
    let (long, short) = (create("long", "90d"), create("short", "1 ms"));
    assert_eq!(with_token(&host, "GET", "/api/runs", &long), 200);
    assert_eq!(with_token(&host, "GET", "/api/runs", &short), 401);
    let (code, _, _) = run(&["token", "list", "--site", "/nonexistent"], &[]);
    assert_eq!(code, 1);
}

/// Every file of the site, as text.
fn walk(folder: &std::path::Path) -> String {
    let files = tombolo_tests::site::files(folder);
    let texts = files.iter().map(|file| std::fs::read(file).unwrap());
    texts
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

/// A system whose hook takes what is signed with this secret.
fn plant(secret: &str) -> String {
    format!(
        "
adapter: adapters/webhook.wasm
keys: {{ standard-webhooks: env:{secret} }}
hooks:
  alarm: {{ summary: Alarms, do: {{ verify: standard-webhooks, type: device.alarm, subject: /device }} }}
emits: [device.alarm]
"
    )
}

#[test]
fn case_76_a_signature_for_one_system_is_none_at_anothers_endpoint() {
    let site = TestSite::new();
    site.adapter("webhook", &adapter("plugins/webhook"));
    for (system, secret) in [("plant", "PLANT_SECRET"), ("other", "OTHER_SECRET")] {
        site.write(&format!("systems/{system}.yaml"), &plant(secret));
        site.approve(system);
    }
    let host = TestHost::start(&site, &SECRETS);
    let signed = standard_webhooks(SECRETS[0].1, "msg-1", 0, BODY);
    let headers: Vec<(&str, &str)> = signed
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let post = |target: &str| host.send("POST", target, &headers, BODY.as_bytes()).status;
    for target in [
        "/hooks/other/alarm",
        "/hooks/other/alarm?system=plant",
        "/hooks/other/../plant/alarm/",
        "/hooks/other/alarm/",
        "/hooks/other/alarm/plant/alarm",
        "/hooks/OTHER/alarm",
        "/hooks/other%2f..%2fplant/alarm",
    ] {
        let status = post(target);
        assert!(matches!(status, 401 | 404), "{target}: {status}");
    }
    assert_eq!(host.get("/api/events").as_array().map_or(0, Vec::len), 0);
    assert_eq!(post("/hooks/plant/alarm"), 202);
    let stored = host.get("/api/events?type=device.alarm");
    assert_eq!(stored[0]["source"], "/systems/plant");
}

#[test]
fn case_79_floods_of_headers_end_early_and_there_is_no_http_2() {
    let (_site, host) = host();
    let many = "x: y\r\n".repeat(10_000);
    let large = format!("x: {}\r\n", "y".repeat(1 << 20));
    for flood in [many, large] {
        let head = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{flood}\r\n");
        let answer = raw(&host, head.as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    // With knowledge: a preface, settings, then streams that are opened and reset. It is no HTTP/1.1.
    let mut attack = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1..20_000_u32).step_by(2) {
        attack.extend([0, 0, 1, 1, 5]);
        attack.extend(stream.to_be_bytes());
        attack.push(0x82);
        attack.extend([0, 0, 4, 3, 0]);
        attack.extend(stream.to_be_bytes());
        attack.extend([0, 0, 0, 8]);
    }
    let answer = raw(&host, &attack);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer:?}"
    );
    // By asking: the answer is in the language it was asked in.
    let upgrade = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = raw(&host, upgrade);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    // Connections that say nothing take no other's place.
    let idle: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(host.address).unwrap())
        .collect();
    assert_eq!(host.send("GET", "/health", &[], b"").status, 200);
    drop(idle);
}

#[test]
fn case_81_a_request_of_another_sites_page_is_refused() {
    let (_site, host) = host();
    let own = format!("http://{}", host.address);
    let refused: [(&str, &str); 7] = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:1"),
        ("origin", "https://127.0.0.1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "nonsense"),
    ];
    for (name, value) in refused {
        for target in ["/api/reload", "/api/tasks/x/answer", "/events"] {
            let found = ask(&host, "POST", target, &[(name, value)]);
            assert_eq!(found.status, 403, "{target} {name}: {value}");
            let allows = found
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("access-control-"));
            assert!(!allows, "{:?}", found.headers);
        }
    }
    for (name, value) in [("origin", &*own), ("sec-fetch-site", "same-origin")] {
        let found = ask(&host, "POST", "/api/reload", &[(name, value)]);
        assert_eq!(found.status, 200, "{name}: {value}: {}", found.body);
    }
    // What a browser asks before: nothing is promised.
    let before = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
    ];
    assert_eq!(ask(&host, "OPTIONS", "/api/reload", &before).status, 403);
}

#[test]
fn case_82_a_name_that_was_rebound_to_the_host_gets_nothing() {
    let (_site, host) = host();
    let port = host.address.port();
    for name in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1.evil.example".to_owned(),
        "localhost.".to_owned(),
    ] {
        for (method, target) in [
            ("GET", "/api/systems"),
            ("POST", "/api/reload"),
            ("GET", "/"),
        ] {
            let found = ask(&host, method, target, &[("host", &name)]);
            assert_eq!(found.status, 403, "{method} {target} for {name}");
        }
    }
    for name in [format!("localhost:{port}"), host.address.to_string()] {
        let found = ask(&host, "GET", "/api/systems", &[("host", &name)]);
        assert_eq!(found.status, 200, "{name}");
    }
    let absolute = format!(
        "GET http://evil.example/api/systems HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    );
    let answer = raw(&host, absolute.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn case_83_the_stream_of_events_is_closed_to_other_sites_pages() {
    let (_site, host) = host();
    assert_eq!(
        host.publish("order.placed", "1", &serde_json::json!({}))
            .status,
        202
    );
    let tail = "/api/events/tail?after=0&wait=1";
    for value in ["https://evil.example", "null"] {
        let found = ask(&host, "GET", tail, &[("origin", value)]);
        assert_eq!(found.status, 403, "{value}");
        assert!(!found.body.contains("order.placed"));
    }
    // Nor is there a WebSocket to be had.
    let found = ask(
        &host,
        "GET",
        tail,
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ],
    );
    assert_eq!(found.status, 200, "{}", found.body);
}

#[test]
fn case_89_no_page_can_show_the_host_inside_itself() {
    let site = TestSite::new();
    site.adapter("webhook", &adapter("plugins/webhook"));
    site.write("systems/plant.yaml", &plant("PLANT_SECRET"));
    site.approve("plant");
    let host = TestHost::start(&site, &SECRETS);
    let signed = standard_webhooks(SECRETS[0].1, "msg-1", 0, BODY);
    let signed: Vec<(&str, &str)> = signed
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let hook = "/hooks/plant/alarm";
    let taken = host.send("POST", hook, &signed, BODY.as_bytes());
    assert_eq!(taken.status, 202, "{}", taken.body);
    let mut answers = vec![
        (hook, taken),
        (hook, host.send("POST", hook, &[], BODY.as_bytes())),
        (hook, host.send("DELETE", hook, &[], b"")),
        ("/events", host.publish("a", "1", &serde_json::json!({}))),
    ];
    for target in ["/", "/health", "/api/tasks", "/hooks/a/b", "/nothing"] {
        answers.push((target, ask(&host, "GET", target, &[])));
    }
    let statuses: Vec<u16> = answers.iter().map(|(_, found)| found.status).collect();
    assert_eq!(statuses, [202, 401, 405, 202, 404, 200, 200, 404, 404]);
    for (target, found) in answers {
        let header = |wanted: &str| {
            let mut all = found.headers.iter().filter(|(name, _)| name == wanted);
            all.next().map_or("", |(_, value)| value).to_owned()
        };
        assert_eq!(header("x-frame-options"), "DENY", "{target}");
        let policy = header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{target}: {policy}"
        );
        assert!(policy.contains("default-src 'none'"), "{target}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{target}");
        assert_eq!(header("cache-control"), "no-store", "{target}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{target}");
        assert_eq!(
            header("cross-origin-resource-policy"),
            "same-origin",
            "{target}"
        );
    }
}

#[test]
fn an_address_that_a_proxy_tells_counts_and_one_that_the_client_makes_up_does_not() {
    let most = tombolo_kernel::limits::LOGIN_FAILURES;
    for trusted in [true, false] {
        let site = TestSite::new();
        if trusted {
            let settings = std::fs::read_to_string(site.path().join("tombolo.yaml")).unwrap();
            site.write(
                "tombolo.yaml",
                &(settings + "trusted-proxies: [127.0.0.1]\n"),
            );
        }
        let host = TestHost::start(&site, &[]);
        let guess = |forwarded: &str| {
            let headers = [
                ("authorization", "Bearer guess-number-1"),
                ("x-forwarded-for", forwarded),
            ];
            host.send("GET", "/api/runs", &headers, b"").status
        };
        for n in 0..most {
            // What stands before the proxy's own words is whatever the client wrote.
            let forwarded = match trusted {
                true => format!("10.9.8.{n}, 198.51.100.1"),
                false => format!("198.51.100.{n}"),
            };
            assert_eq!(guess(&forwarded), 401, "guess {n}");
        }
        assert_eq!(guess("198.51.100.1"), 429);
        let another = if trusted { 401 } else { 429 };
        assert_eq!(guess("203.0.113.7"), another, "trusted: {trusted}");
    }
}

#[test]
fn who_guesses_tokens_is_told_to_wait_and_who_has_one_made_by_command_is_not() {
    let (site, host) = host();
    let (_, token, _) = site.tombolo(&["token", "create", "--name", "ops", "--role", "operator"]);
    let guess = |n: u32| with_token(&host, "GET", "/api/runs", &format!("guess-number-{n:06}"));
    let most = tombolo_kernel::limits::LOGIN_FAILURES;
    for n in 0..most {
        assert_eq!(guess(n), 401, "guess {n}");
    }
    assert_eq!(guess(most), 429);
    // The right guess is no longer heard either.
    let found = ask(&host, "GET", "/api/runs", &[]);
    assert_eq!(found.status, 429);
    let wait = found.headers.iter().find(|(name, _)| name == "retry-after");
    let seconds: u64 = wait.unwrap().1.parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(with_token(&host, "GET", "/api/runs", token.trim()), 200);
    assert_eq!(host.send("GET", "/health", &[], b"").status, 200);
}
