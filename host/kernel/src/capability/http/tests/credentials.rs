//! What the host attaches, and the tokens it fetches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Server, answer};
use super::*;

#[tokio::test]
async fn each_kind_of_credential_is_attached() {
    let key = || secret("k-0123456789");
    for (credential, expected) in [
        (
            Credential::Basic {
                user: "ada".into(),
                password: key(),
            },
            "authorization: Basic YWRhOmstMDEyMzQ1Njc4OQ==\r\n",
        ),
        (
            Credential::Bearer { token: key() },
            "authorization: Bearer k-0123456789\r\n",
        ),
        (
            Credential::Header {
                name: "X-Key".into(),
                value: key(),
            },
            "x-key: k-0123456789\r\n",
        ),
        (
            Credential::Query {
                name: "api key".into(),
                value: key(),
            },
            "GET /base/a?api%20key=k-0123456789 HTTP",
        ),
    ] {
        let server = Server::answering(|request| answer(200, &[], request)).await;
        let http = prepared(&server.base(), credential);
        let response = http
            .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
            .await
            .0
            .unwrap();
        assert!(
            server.requests()[0].contains(expected),
            "{}",
            server.requests()[0]
        );
        let echoed = String::from_utf8(response.body).unwrap();
        assert!(
            echoed.contains("[credential]")
                && !echoed.contains("0123456789")
                && !echoed.contains("YWRh"),
            "{echoed}"
        );
        assert!(!format!("{http:?}").contains("0123456789"));
    }
}

#[tokio::test]
async fn a_guest_cannot_set_the_credentials_own_query_field() {
    let server = Server::answering(|_| answer(200, &[], "")).await;
    let http = prepared(
        &server.base(),
        Credential::Query {
            name: "key".into(),
            value: secret("k-0123456789"),
        },
    );
    let request = HttpRequest {
        query: pairs(&[("KEY", "mine")]),
        ..get("/a")
    };
    assert!(matches!(
        http.send(&grant(&["GET /a"]), "api", request, PLENTY, &|_| ())
            .await
            .0,
        Err(HttpError::Invalid(_))
    ));
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn a_secret_that_no_header_can_hold_is_refused_without_being_shown() {
    for credential in [
        Credential::Bearer {
            token: secret("hush\nhush"),
        },
        Credential::Header {
            name: "x".into(),
            value: secret("hush\r\n"),
        },
        Credential::Header {
            name: "x y".into(),
            value: secret("hush"),
        },
        Credential::Basic {
            user: "a:b".into(),
            password: secret("hush"),
        },
    ] {
        let bindings = BTreeMap::from([(
            "api".to_owned(),
            Binding::Http(binding("http://127.0.0.1/", credential, true)),
        )]);
        let error = Http::prepare(Some(&HttpClients::new().unwrap()), &bindings)
            .unwrap_err()
            .0;
        assert!(
            error.starts_with("connection `api`: ") && !error.contains("hush"),
            "{error}"
        );
    }
}

fn oauth(port: u16, in_body: bool) -> Credential {
    Credential::OAuth2ClientCredentials {
        token_url: format!("http://127.0.0.1:{port}/token").parse().unwrap(),
        client_id: "tombolo".into(),
        client_secret: secret("client secret/1"),
        scope: "read write".into(),
        audience: Some("crm".into()),
        in_body,
    }
}

/// Gives `token-1`, `token-2`...; the API takes only the one that `good` names.
async fn api_with_tokens(good: &'static str) -> Server {
    let given = Arc::new(AtomicUsize::new(0));
    Server::answering(move |request| {
        if request.starts_with("POST /token") {
            let token = format!("token-{}", given.fetch_add(1, Ordering::SeqCst) + 1);
            return answer(
                200,
                &[],
                &format!(
                    r#"{{"access_token":"{token}","expires_in":"3600","token_type":"bearer"}}"#
                ),
            );
        }
        answer(if request.contains(good) { 200 } else { 401 }, &[], request)
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_calls_and_kept() {
    let server = api_with_tokens("Bearer token-1").await;
    let http = prepared(&server.base(), oauth(server.port, false));
    let grant = grant(&["GET /a"]);
    let calls = (0..8).map(|_| http.send(&grant, "api", get("/a"), PLENTY, &|_| ()));
    for (result, _) in futures_util::future::join_all(calls).await {
        let body = String::from_utf8(result.unwrap().body).unwrap();
        assert!(
            body.contains("authorization: Bearer [credential]"),
            "{body}"
        );
    }
    let tokens: Vec<String> = server
        .requests()
        .into_iter()
        .filter(|request| request.starts_with("POST /token"))
        .collect();
    assert_eq!(tokens.len(), 1);
    // `tombolo:client%20secret%2F1`, as RFC 6749, section 2.3.1 has it.
    assert!(
        tokens[0].contains("authorization: Basic dG9tYm9sbzpjbGllbnQlMjBzZWNyZXQlMkYx\r\n"),
        "{}",
        tokens[0]
    );
    assert!(
        tokens[0]
            .ends_with("\r\n\r\ngrant_type=client_credentials&scope=read%20write&audience=crm"),
        "{}",
        tokens[0]
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = api_with_tokens("Bearer token-2").await;
    let http = prepared(&server.base(), oauth(server.port, true));
    let aside = std::sync::Mutex::new(Vec::new());
    let tell = |record: Record| aside.lock().unwrap().push(record);
    let (result, record) = http
        .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &tell)
        .await;
    assert_eq!(result.unwrap().status, 200);
    // Four requests, four records: the last is the call's own.
    let told = |record: &Record| format!("{} {}", record.what, record.outcome);
    let mut records = aside.into_inner().unwrap();
    records.push(record);
    assert_eq!(
        records.iter().map(told).collect::<Vec<_>>(),
        [
            "POST /token for a token 200",
            "GET /a 401",
            "POST /token for a token 200",
            "GET /a 200"
        ]
    );
    assert!(
        records
            .iter()
            .all(|record| record.sent > 0 && !record.denied)
    );
    let requests = server.requests();
    let order: Vec<&str> = requests.iter().map(|request| &request[..8]).collect();
    assert_eq!(order, ["POST /to", "GET /bas", "POST /to", "GET /bas"]);
    assert!(
        requests[0].ends_with("&client_id=tombolo&client_secret=client%20secret%2F1")
            && !requests[0].contains("authorization")
    );
    let server = api_with_tokens("never").await;
    let http = prepared(&server.base(), oauth(server.port, true));
    assert_eq!(
        http.send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
            .await
            .0
            .unwrap()
            .status,
        401
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_token_endpoints_refusal_is_told_without_a_secret_and_nothing_else_is_sent() {
    for (status, body, expected) in [
        (
            401,
            r#"{"error":"invalid_client","error_description":"client secret/1 is wrong"}"#,
            "answered 401 invalid_client; the operator checks",
        ),
        (
            400,
            r#"{"error":"client secret/1"}"#,
            "answered 400 [credential]; the operator",
        ),
        (500, "client secret/1", "answered 500; the operator"),
        (
            200,
            "client secret/1",
            "answered 200, but not with the JSON of RFC 6749",
        ),
        (200, r#"{"token_type":"bearer"}"#, "has no `access_token`"),
        (
            200,
            r#"{"access_token":"t","token_type":"mac"}"#,
            "a token of type `mac`",
        ),
        (302, "", "answered 302; the operator"),
    ] {
        let server =
            Server::answering(move |_| answer(status, &["location: /elsewhere"], body)).await;
        let http = prepared(&server.base(), oauth(server.port, false));
        let (result, record) = http
            .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
            .await;
        let Err(HttpError::Unreachable(why)) = result else {
            panic!("{result:?}")
        };
        assert!(
            why.contains(expected)
                && !why.contains("secret/1")
                && !record.outcome.contains("secret/1"),
            "{why}"
        );
        assert_eq!(record.sent, 0, "it did not leave");
        // Who comes right after is told the same without asking again.
        assert!(
            http.send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
                .await
                .0
                .is_err()
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_token_endpoint_is_bound_by_the_connections_network() {
    let bindings = BTreeMap::from([(
        "api".to_owned(),
        Binding::Http(binding("https://example.com/", oauth(80, false), false)),
    )]);
    let error = Http::prepare(Some(&HttpClients::new().unwrap()), &bindings)
        .unwrap_err()
        .0;
    assert!(
        error.contains("`token-url`: it leads to a loopback address"),
        "{error}"
    );
}
