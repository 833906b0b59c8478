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
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).unwrap().parse().unwrap()
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
