//! What comes back, under bounds.

use super::server::{Server, answer};
use super::*;

async fn send(server: &Server, left: Duration) -> (Result<HttpResponse, HttpError>, Record) {
    let http = prepared(
        &server.base(),
        Credential::Bearer {
            token: secret("tok/en+0123456789"),
        },
    );
    http.send(&grant(&["GET /*"]), "api", get("/a"), left, &|_| ())
        .await
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let server = Server::answering(|_| answer(302, &["location: http://127.0.0.1:1/"], "")).await;
    let response = send(&server, PLENTY).await.0.unwrap();
    assert_eq!(response.status, 302);
    assert!(
        response
            .headers
            .contains(&("location".into(), "http://127.0.0.1:1/".into()))
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_echoed_credential_is_taken_out_of_headers_and_body_in_every_spelling() {
    let echo = "tok/en+0123456789 tok\\/en+0123456789 tok%2Fen%2B0123456789 tok%2fen%2b0123456789 dG9rL2VuKzAxMjM0NTY3ODk= end";
    let server = Server::answering(move |_| {
        answer(
            200,
            &[
                "x-echo: Bearer tok/en+0123456789",
                "Set-Cookie: a=b",
                "keep-alive: x",
            ],
            echo,
        )
    })
    .await;
    let response = send(&server, PLENTY).await.0.unwrap();
    let body = String::from_utf8(response.body).unwrap();
    assert_eq!(
        body,
        "[credential] [credential] [credential] [credential] [credential] end"
    );
    assert_eq!(
        response.headers,
        pairs(&[("x-echo", "Bearer [credential]")])
    );
}

#[tokio::test]
async fn an_answer_is_not_asked_for_in_pieces_where_a_credential_goes_along() {
    let server = Server::answering(|_| answer(206, &[], "tok")).await;
    let credentials = [
        Credential::Bearer {
            token: secret("tok/en+0123456789"),
        },
        Credential::Query {
            name: "key".into(),
            value: secret("tok/en+0123456789"),
        },
    ];
    let ranged = |name: &str| HttpRequest {
        headers: pairs(&[(name, "bytes=0-2")]),
        ..get("/a")
    };
    let grant = grant(&["GET /*"]);
    for credential in credentials {
        let http = prepared(&server.base(), credential);
        for name in ["Range", "if-range", "If_Range"] {
            let (result, record) = http
                .send(&grant, "api", ranged(name), PLENTY, &|_| ())
                .await;
            assert!(matches!(result, Err(HttpError::Invalid(_))), "{result:?}");
            assert!(record.denied);
        }
    }
    assert_eq!(server.requests(), Vec::<String>::new());
    // Where there is nothing to hide, large things may be fetched bit by bit.
    let http = prepared(&server.base(), Credential::None);
    let (result, _) = http
        .send(&grant, "api", ranged("range"), PLENTY, &|_| ())
        .await;
    assert_eq!(result.unwrap().status, 206);
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline() {
    for start in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf...",
        "HTTP/1.1 200 OK\r\nx: ...",
    ] {
        let server = Server::answering(move |_| start.as_bytes().to_vec()).await;
        let (result, record) = send(&server, Duration::from_millis(150)).await;
        assert_eq!(
            (result.unwrap_err(), record.outcome.as_str()),
            (HttpError::Timeout, "timeout")
        );
        assert!(!record.denied);
    }
}

#[tokio::test]
async fn a_guest_may_wait_less_than_it_is_allowed() {
    let server = Server::answering(|_| b"...".to_vec()).await;
    let http = prepared(&server.base(), Credential::None);
    let request = HttpRequest {
        timeout: Some(Duration::from_millis(50)),
        ..get("/a")
    };
    assert_eq!(
        http.send(&grant(&["GET /a"]), "api", request, PLENTY, &|_| ())
            .await
            .0
            .unwrap_err(),
        HttpError::Timeout
    );
}

#[tokio::test]
async fn a_guest_cannot_break_off_request_after_request() {
    let server = Server::answering(|_| b"...".to_vec()).await;
    let http = prepared(&server.base(), Credential::None);
    let request = HttpRequest {
        timeout: Some(Duration::from_millis(1)),
        ..get("/a")
    };
    let (result, record) = http
        .send(&grant(&["GET /a"]), "api", request, PLENTY, &|_| ())
        .await;
    assert_eq!(result.unwrap_err(), HttpError::Timeout);
    assert!(u128::from(record.micros) >= limits::HTTP_TIMEOUT_LEAST.as_micros());
}

#[tokio::test]
async fn a_body_or_headers_without_end_are_cut_off() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n...".to_vec();
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..130 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend_from_slice(&[b'x'; 0x10000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"...");
    let wide = format!(
        "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n",
        "y".repeat(70_000)
    )
    .into_bytes();
    let many = format!("HTTP/1.1 200 OK\r\n{}...", "x: y\r\n".repeat(200_000)).into_bytes();
    for (out, most) in [
        (announced, limits::HTTP_BODY),
        (chunked, limits::HTTP_BODY),
        (wide, 65_536),
        (many, 65_536),
    ] {
        let server = Server::answering(move |_| out.clone()).await;
        assert_eq!(
            send(&server, PLENTY).await.0.unwrap_err(),
            HttpError::TooLarge(most)
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_breaks_off_is_unreachable() {
    let http = prepared("http://127.0.0.1:1/", Credential::None);
    let (result, _) = http
        .send(&grant(&["GET /a"]), "api", get("/a"), PLENTY, &|_| ())
        .await;
    assert_eq!(
        result.unwrap_err(),
        HttpError::Unreachable("connection `api`: the server refuses connections".into())
    );
    let server = Server::answering(|_| {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf".to_vec()
    })
    .await;
    let (result, record) = send(&server, PLENTY).await;
    assert!(
        matches!(result, Err(HttpError::Unreachable(_))),
        "{result:?}"
    );
    assert!(!record.denied && !format!("{record:?}").contains("127.0.0.1"));
}
