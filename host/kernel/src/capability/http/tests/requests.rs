//! What leaves, and what does not.

use super::server::{Server, answer};
use super::*;

#[tokio::test]
async fn a_granted_request_arrives_below_the_base_and_its_answer_comes_back() {
    let server = Server::answering(|_| answer(201, &["x-own: 1"], "made")).await;
    let http = prepared(&server.base(), Credential::None);
    let request = HttpRequest {
        method: "POST",
        path: "/orders/S%2042".into(),
        query: pairs(&[("q", "a b&c=d/é"), ("empty", "")]),
        headers: pairs(&[
            ("Content-Type", "application/json"),
            ("x-two", "1"),
            ("X-Two", "2"),
        ]),
        body: Some(b"{}".to_vec()),
        timeout: None,
    };
    let (result, record) = http
        .send(
            &grant(&["POST /orders/{id}"]),
            "api",
            request,
            PLENTY,
            &|_| (),
        )
        .await;
    let response = result.unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (201, b"made".as_slice())
    );
    assert!(response.headers.contains(&("x-own".into(), "1".into())));
    let sent = &server.requests()[0];
    assert!(
        sent.starts_with("POST /base/orders/S%2042?q=a%20b%26c%3Dd%2F%C3%A9&empty= HTTP/1.1\r\n"),
        "{sent}"
    );
    assert!(
        sent.contains("x-two: 1\r\nx-two: 2\r\n") && sent.ends_with("\r\n\r\n{}"),
        "{sent}"
    );
    assert!(
        !sent.contains("accept-encoding") && !sent.contains("cookie"),
        "{sent}"
    );
    assert_eq!(
        (record.what.as_str(), record.outcome.as_str(), record.denied),
        ("POST /orders/S%2042 with a query of 16 bytes", "201", false)
    );
    assert_eq!(record.received, 4);
}

#[tokio::test]
async fn a_base_without_a_path_and_a_root_path_fit_together() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(
        &format!("http://127.0.0.1:{}", server.port),
        Credential::None,
    );
    http.send(&grant(&["GET /"]), "api", get("/"), PLENTY, &|_| ())
        .await
        .0
        .unwrap();
    assert!(server.requests()[0].starts_with("GET / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_is_not_granted_sends_nothing() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(&server.base(), Credential::None);
    let grant = grant(&["GET /orders/{id}"]);
    let post = HttpRequest {
        method: "POST",
        ..get("/orders/7")
    };
    for (connection, request) in [
        ("api", get("/orders")),
        ("api", get("/admin")),
        ("api", post),
        ("other", get("/orders/7")),
    ] {
        let (result, record) = http
            .send(&grant, connection, request, PLENTY, &|_| ())
            .await;
        assert!(matches!(result, Err(HttpError::Denied(_))), "{result:?}");
        assert!(
            record.denied && record.outcome.starts_with("denied: ") && record.sent == 0,
            "{record:?}"
        );
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_path_that_leads_elsewhere_is_refused_and_sends_nothing() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(&server.base(), Credential::None);
    let grant = grant(&["GET /*"]);
    for path in [
        "http://evil.example/",
        "//evil.example/x",
        "/\\evil.example",
        "@evil.example",
        "/a/../../x",
        "/a/%2e%2e/x",
        "/a%2fb",
        "/a%5cb",
        "/a/%252e%252e/x",
        "/a/..;/x",
        "/a?x=1",
        "/a#b",
        "/a\r\nHost: evil",
        "/a%0d%0aHost:%20evil",
        "/a b",
        "/a%00",
        "",
        "orders",
    ] {
        let (result, record) = http.send(&grant, "api", get(path), PLENTY, &|_| ()).await;
        assert!(
            matches!(result, Err(HttpError::Invalid(_))),
            "{path:?}: {result:?}"
        );
        assert!(
            record.denied && !record.what.contains('?') && !record.what.contains('\n'),
            "{record:?}"
        );
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn headers_that_are_the_hosts_are_refused() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let credential = Credential::Header {
        name: "X-Api-Key".into(),
        value: secret("0123456789"),
    };
    let http = prepared(&server.base(), credential);
    let grant = grant(&["GET /*"]);
    for (name, value) in [
        ("Host", "evil"),
        (":authority", "evil"),
        ("Authorization", "Bearer x"),
        ("Cookie", "a=b"),
        ("Proxy-Authorization", "x"),
        ("proxy-connection", "close"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Expect", "100-continue"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X_HTTP_Method_Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-Original-URL", "/admin"),
        ("X-Forwarded-Host", "evil"),
        ("Forwarded", "for=1"),
        ("x-api-key", "mine"),
        ("X_API_KEY", "mine"),
        ("Accept-Encoding", "gzip"),
        ("x\r\ny", "z"),
        ("x y", "z"),
        ("", "z"),
        ("x", "a\r\nHost: evil"),
        ("x", "a\nb"),
        ("x", "a\0b"),
    ] {
        let request = HttpRequest {
            headers: pairs(&[(name, value)]),
            ..get("/a")
        };
        let (result, record) = http.send(&grant, "api", request, PLENTY, &|_| ()).await;
        assert!(
            matches!(result, Err(HttpError::Invalid(_))),
            "{name:?}: {result:?}"
        );
        assert!(record.denied);
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(&server.base(), Credential::None);
    let grant = grant(&["GET /*"]);
    let body = HttpRequest {
        body: Some(vec![0; 8 * 1024 * 1024 + 1]),
        ..get("/a")
    };
    let query = HttpRequest {
        query: pairs(&[("q", &"x".repeat(9_000))]),
        ..get("/a")
    };
    for request in [body, query] {
        let (result, _) = http.send(&grant, "api", request, PLENTY, &|_| ()).await;
        assert!(matches!(result, Err(HttpError::TooLarge(_))), "{result:?}");
    }
    let many = HttpRequest {
        headers: vec![("x".into(), "y".into()); 65],
        ..get("/a")
    };
    let override_by_query = HttpRequest {
        query: pairs(&[("_method", "DELETE")]),
        ..get("/a")
    };
    for request in [many, override_by_query] {
        let (result, _) = http.send(&grant, "api", request, PLENTY, &|_| ()).await;
        assert!(matches!(result, Err(HttpError::Invalid(_))), "{result:?}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_record_shows_no_query_no_body_and_no_header() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(
        &server.base(),
        Credential::Query {
            name: "key".into(),
            value: secret("hush-hush/+"),
        },
    );
    let request = HttpRequest {
        query: pairs(&[("q", "private")]),
        headers: pairs(&[("x", "private")]),
        body: Some(b"private".to_vec()),
        ..get("/a")
    };
    let (result, record) = http
        .send(&grant(&["GET /a"]), "api", request, PLENTY, &|_| ())
        .await;
    result.unwrap();
    let shown = format!("{record:?} {http:?}");
    assert!(
        !shown.contains("private") && !shown.contains("hush"),
        "{shown}"
    );
    assert!(server.requests()[0].starts_with("GET /base/a?q=private&key=hush-hush%2F%2B HTTP/1.1"));
}

#[tokio::test]
async fn without_clients_what_is_granted_ends_where_it_would_leave() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let token = Credential::OAuth2ClientCredentials {
        token_url: format!("{}/token", server.base()).parse().unwrap(),
        client_id: "me".into(),
        client_secret: secret(""),
        scope: String::new(),
        audience: None,
        in_body: false,
    };
    for credential in [Credential::None, token] {
        let binding = Binding::Http(binding(&server.base(), credential, true));
        let bindings = BTreeMap::from([("api".to_owned(), binding)]);
        let http = Http::prepare(None, &bindings).unwrap();
        let grant = grant(&["GET /a"]);
        let (result, record) = http.send(&grant, "api", get("/a"), PLENTY, &|_| ()).await;
        let why = result.unwrap_err();
        assert_eq!(why, HttpError::Unreachable(NOT_REACHED.into()));
        assert!(!record.denied);
        let (_, record) = http.send(&grant, "api", get("/b"), PLENTY, &|_| ()).await;
        assert!(record.denied);
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}
