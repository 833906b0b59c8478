//! Every route with every role: what `routes.rs` states is what happens, and what the README says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::routes::{Reach, Route, TABLE, Who};
use crate::access::Role;
use crate::{Host, HostOptions};

/// A host with a token of every role, whole and narrowed.
async fn start(folder: &Path) -> Host {
    let mut site = "listen: 127.0.0.1:0\ntokens:\n".to_owned();
    for (_, name, _) in Role::ALL {
        for (kind, scopes) in [
            ("whole", ""),
            (
                "narrow",
                ", systems: [only], flows: [only], types: [only], tasks: [only]",
            ),
            ("other", ", tasks: [none]"),
        ] {
            let text = format!("{name}-{kind}");
            std::fs::write(folder.join(&text), format!("token-of-the-{text}")).unwrap();
            writeln!(
                site,
                "  - {{ name: {text}, token: \"file:{text}\", role: {name}{scopes} }}"
            )
            .unwrap();
        }
    }
    std::fs::write(folder.join("tombolo.yaml"), site).unwrap();
    let options = HostOptions {
        compile_child: (PathBuf::from("/nonexistent/tombolo"), Vec::new()),
        listen: None,
    };
    Host::start(folder, options).await.unwrap()
}

async fn status(at: SocketAddr, method: &str, path: &str, token: Option<&str>) -> u16 {
    let answer = answer(at, method, path, token).await;
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// All of it.
async fn answer(at: SocketAddr, method: &str, path: &str, token: Option<&str>) -> String {
    let bearer = token.map_or(String::new(), |token| {
        format!("authorization: Bearer token-of-the-{token}\r\n")
    });
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = format!(
        "{} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n{bearer}\r\n{{}}",
        method.to_uppercase()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn filled(route: &Route, name: &str) -> String {
    let path = route.path.replace("{id}", &format!("1.{name}"));
    let path = path.replace("{seq}", "1").replace("{system}", name);
    let path = path.replace("{feed}", "f").replace("{job}", "j");
    match route.reach {
        Reach::System if !route.path.contains('{') => format!("{path}?system={name}"),
        Reach::Flow if !route.path.contains('{') => format!("{path}?flow={name}"),
        Reach::Type => format!("{path}?type={name}"),
        _ => path,
    }
}

#[tokio::test]
async fn every_route_takes_the_roles_it_states_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path()).await;
    let at = host.address();
    for route in TABLE {
        let path = filled(route, "only");
        let Who::Roles(roles) = route.who else {
            assert_eq!(route.path, "/health", "the only route for anyone");
            assert_eq!(status(at, route.method, &path, None).await, 200);
            continue;
        };
        let of = |token: Option<&str>| {
            let (path, token) = (path.clone(), token.map(str::to_owned));
            async move { status(at, route.method, &path, token.as_deref()).await }
        };
        assert_eq!(of(None).await, 401, "{path} without a token");
        assert_eq!(of(Some("nobody")).await, 401, "{path} with a wrong token");
        for (role, name, _) in Role::ALL {
            let found = of(Some(&format!("{name}-whole"))).await;
            let is_let_in = !matches!(found, 401 | 403);
            assert_eq!(
                is_let_in,
                roles.contains(&role),
                "{path} as {name}: {found}"
            );
            let found = of(Some(&format!("{name}-narrow"))).await;
            let is_let_in = !matches!(found, 401 | 403);
            let expected = roles.contains(&role) && route.reach != Reach::Whole;
            assert_eq!(is_let_in, expected, "{path} as a narrowed {name}: {found}");
        }
    }
    host.stop().await;
}

#[tokio::test]
async fn a_narrowed_token_gets_nothing_by_another_name_or_by_none() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path()).await;
    let at = host.address();
    for route in TABLE.iter().filter(|route| route.reach != Reach::Inside) {
        let Who::Roles(roles) = route.who else {
            continue;
        };
        let name = roles[0].name();
        let other = filled(route, "other");
        let bare = other.split('?').next().unwrap().to_owned();
        let twice = format!(
            "{}&{}",
            filled(route, "only"),
            filled(route, "other").split('?').next_back().unwrap()
        );
        for path in [other, bare] {
            let found = status(at, route.method, &path, Some(&format!("{name}-narrow"))).await;
            assert_eq!(found, 403, "{path}");
        }
        if twice.contains('?') {
            let found = status(at, route.method, &twice, Some(&format!("{name}-narrow"))).await;
            assert_eq!(found, 403, "{twice}");
        }
        // Narrowed in tasks: nothing but tasks.
        let path = filled(route, "only");
        let found = status(at, route.method, &path, Some(&format!("{name}-other"))).await;
        assert_eq!(found, 403, "{path}");
    }
    host.stop().await;
}

/// What every answer says, whatever it answers.
const SAID: [&str; 7] = [
    "x-content-type-options: nosniff",
    "cache-control: no-store",
    "x-frame-options: DENY",
    "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy: no-referrer",
    "cross-origin-resource-policy: same-origin",
    "content-type: application/json",
];

#[tokio::test]
async fn every_answer_of_every_route_forbids_guessing_keeping_and_framing() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path()).await;
    let at = host.address();
    let mut asked: Vec<(&str, String, Option<String>)> = Vec::new();
    for route in TABLE {
        let roles = match route.who {
            Who::Anyone => &[Role::Operator],
            Who::Roles(roles) => roles,
        };
        // In the order of refusals: none, not this, not so, and what the handler answers.
        let other = Role::ALL.iter().find(|(role, ..)| !roles.contains(role));
        let path = filled(route, "only");
        for token in [
            None,
            other.map(|(_, name, _)| format!("{name}-whole")),
            Some(format!("{}-narrow", roles[0].name())),
        ] {
            asked.push((route.method, path.clone(), token));
        }
        for method in [route.method, "delete"] {
            let token = Some(format!("{}-whole", roles[0].name()));
            asked.push((method, path.clone(), token));
        }
    }
    for (method, path) in [("get", "/"), ("get", "/api/none"), ("post", "/hooks/a/b")] {
        asked.push((method, path.to_owned(), None));
        asked.push((method, path.to_owned(), Some("auditor-whole".into())));
    }
    for (method, path) in [("delete", "/hooks/a/b"), ("get", "/hooks/a")] {
        asked.push((method, path.to_owned(), None));
    }
    let mut statuses = std::collections::BTreeSet::new();
    let guesses = i64::from(tombolo_kernel::limits::LOGIN_FAILURES) + 1;
    let guess = ("get", "/api/runs".to_owned(), Some("nobody".to_owned()));
    // At the end too many wrong tokens.
    asked.extend((0..guesses).map(|_| guess.clone()));
    for (method, path, token) in asked {
        let answer = answer(at, method, &path, token.as_deref()).await;
        let head = answer.split("\r\n\r\n").next().unwrap();
        let lines: Vec<&str> = head.lines().collect();
        for said in SAID {
            assert!(lines.contains(&said), "{method} {path}: {said}\n{head}");
        }
        // Whoever speaks HTTP is told of no TLS, and nobody of what answers.
        let told = head.to_ascii_lowercase();
        for never in ["strict-transport-security", "access-control-", "\nserver:"] {
            assert!(!told.contains(never), "{method} {path}: {head}");
        }
        statuses.insert(lines[0].split(' ').nth(1).unwrap().to_owned());
    }
    for status in ["200", "401", "403", "404", "405", "429"] {
        assert!(statuses.contains(status), "{statuses:?}");
    }
    host.stop().await;
}

#[test]
fn who_operates_does_not_review_and_auditors_only_look() {
    for route in TABLE.iter().filter(|route| route.method != "get") {
        let Who::Roles(roles) = route.who else {
            panic!("{} is for anyone", route.path);
        };
        assert!(!roles.contains(&Role::Auditor), "{}", route.path);
        let both = roles.contains(&Role::Operator) && roles.contains(&Role::Reviewer);
        // It only takes away, and only what a reviewer took back.
        assert!(!both || route.path == "/api/grants/check", "{}", route.path);
    }
}

#[test]
fn the_readme_has_the_same_table() {
    let mut table =
        String::from("| any | `/hooks/{system}/{hook}` | whom the adapter lets in | |\n");
    for route in TABLE {
        let who = match route.who {
            Who::Anyone => "anyone".to_owned(),
            Who::Roles(roles) => {
                let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                names.join(", ")
            }
        };
        let reach = match route.reach {
            Reach::Whole => "",
            Reach::System => "systems",
            Reach::Flow => "flows",
            Reach::Type => "types",
            Reach::Inside => "by what it holds",
        };
        let method = route.method.to_uppercase();
        writeln!(table, "| {method} | `{}` | {who} | {reach} |", route.path).unwrap();
    }
    let table = table.replace(" |  |", " | |");
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    assert!(
        readme.unwrap().contains(&table),
        "host/server/README.md needs this table:\n{table}"
    );
}
