//! Cookies that go back to who set them, and to nobody else.

use super::server::{Server, answer};
use super::*;

fn keeping(base: &str, keeps_cookies: bool) -> Http {
    let mut api = binding(base, Credential::None, true);
    api.keeps_cookies = keeps_cookies;
    let bindings = BTreeMap::from([("api".to_owned(), Binding::Http(api))]);
    Http::prepare(Some(&HttpClients::new().unwrap()), &bindings).unwrap()
}

async fn ask(http: &Http, path: &str) -> HttpResponse {
    http.send(&grant(&["GET /*"]), "api", get(path), PLENTY, &|_| ())
        .await
        .0
        .unwrap()
}

/// The `cookie` lines of each request.
fn sent(server: &Server) -> Vec<Option<String>> {
    let line = |request: &String| {
        let lines = request.lines();
        let mut lines = lines.filter_map(|line| line.strip_prefix("cookie: "));
        lines.next().map(str::to_owned)
    };
    server.requests().iter().map(line).collect()
}

#[tokio::test]
async fn a_session_goes_back_to_its_server_and_no_guest_sees_it() {
    let server = Server::answering(|request| {
        if request.starts_with("GET /base/begin") {
            let set = [
                "set-cookie: sid=s3cr3t-4711; path=/; HttpOnly",
                "set-cookie: node=blue-node",
                "set-cookie: sealed=only-encrypted; Secure",
                "content-type: text/plain",
            ];
            answer(200, &set, "")
        } else if request.starts_with("GET /base/end") {
            answer(200, &["set-cookie: sid=x; Max-Age=0"], "s3cr3t-4711")
        } else {
            answer(200, &["x-echo: sid=s3cr3t-4711"], request)
        }
    })
    .await;
    let http = keeping(&server.base(), true);
    let begun = ask(&http, "/begin").await;
    assert!(begun.headers.iter().all(|(name, _)| name != "set-cookie"));
    let echoed = ask(&http, "/echo").await;
    assert_eq!(echoed.headers[0].0, "x-echo");
    assert_eq!(echoed.headers[0].1, "sid=[credential]");
    assert_eq!(
        echoed.headers.len(),
        1,
        "its length is no longer the server's"
    );
    let body = String::from_utf8(echoed.body).unwrap();
    assert!(
        body.contains("cookie: sid=[credential]; node=[credential]"),
        "{body}"
    );
    ask(&http, "/end").await;
    ask(&http, "/echo").await;
    let both = Some("sid=s3cr3t-4711; node=blue-node".to_owned());
    let rest = Some("node=blue-node".to_owned());
    assert_eq!(sent(&server), [None, both.clone(), both, rest]);
}

#[tokio::test]
async fn without_the_operators_word_nothing_is_kept() {
    let server = Server::answering(|_| answer(200, &["set-cookie: sid=s3cr3t-4711"], "")).await;
    let http = keeping(&server.base(), false);
    ask(&http, "/a").await;
    ask(&http, "/a").await;
    assert_eq!(sent(&server), [None, None]);
}

#[tokio::test]
async fn a_server_cannot_make_its_caller_keep_without_bound() {
    let server = Server::answering(|_| {
        let set: Vec<String> = (0..60).map(|n| format!("set-cookie: c{n}=v")).collect();
        let mut set: Vec<&str> = set.iter().map(String::as_str).collect();
        let long = format!("set-cookie: long={}", "x".repeat(limits::HTTP_COOKIE_BYTES));
        set.insert(0, &long);
        answer(200, &set, "")
    })
    .await;
    let http = keeping(&server.base(), true);
    ask(&http, "/a").await;
    ask(&http, "/a").await;
    let second = sent(&server)[1].clone().unwrap();
    assert_eq!(second.split("; ").count(), limits::HTTP_COOKIES);
    assert!(!second.contains("long"));
}
