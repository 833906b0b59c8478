//! Tables: one bad line each, and the message with its place.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tombolo_flow::problem::Problem;
use tombolo_kernel::package::Package;
use tombolo_kernel::package::signature::Verdict;
use tombolo_kernel::system::{Binding, Credential, SqlPlace};
use tombolo_manifest::Manifest;

use super::super::fields::Problems;
use super::super::load;
use super::super::place::AdapterPlace;
use super::super::plan::{SecretSlot, SystemPlan};
use super::super::settings::Settings;
use super::super::shelf::{Adapter, Adapters};
use crate::access::Role;

const GENERIC: &str = r#"
[adapter]
name = "acme/any"
version = "1.0.0"
summary = "Anything over HTTP or SQL"
generic = true
[connections.api]
kind = "http"
reason = "Calls the server that the operator names"
optional = true
[connections.db]
kind = "sql"
reason = "Reads the database that the operator names"
optional = true
[connections.bus]
kind = "broker"
reason = "Speaks to the broker that the operator names"
optional = true
[keys.signing]
uses = ["hmac-sha256"]
reason = "Checks the sender's signature"
optional = true
"#;

const PARTICULAR: &str = r#"
[adapter]
name = "acme/crm"
version = "1.2.0"
summary = "One CRM"
[connections.api]
kind = "http"
reason = "Calls the CRM"
allow = ["GET /customers/{id}"]
[keys.hook]
uses = ["hmac-sha256"]
reason = "Checks the CRM's signature"
[hooks.changed]
summary = "A customer changed"
[feeds.customers]
summary = "Customers by change"
[limits]
memory = "16 MiB"
"#;

/// Two adapters without a component: only their manifests count here.
struct Shelf;

impl Adapters for Shelf {
    fn adapter(&mut self, place: &AdapterPlace) -> Result<Adapter, String> {
        let AdapterPlace::File(path) = place else {
            return Err("was not fetched yet".into());
        };
        let text = match path.file_name().and_then(|name| name.to_str()) {
            Some("any.wasm") => GENERIC,
            Some("crm.wasm") => PARTICULAR,
            _ => return Err("cannot be read: no such file".into()),
        };
        let manifest = Manifest::parse(text).map_err(|problems| format!("{problems:?}"))?;
        let package = Arc::new(Package {
            manifest,
            digest: format!("sha256:{}", "0".repeat(64)),
            imports: BTreeSet::new(),
            bytes: Arc::from(Vec::new()),
            warnings: Vec::new(),
            sbom: None,
        });
        let verdict = Verdict::Untrusted("found none".into());
        Ok(Adapter {
            package,
            verdict,
            file: path.clone(),
        })
    }
}

pub(super) fn plan(text: &str) -> Result<SystemPlan, Vec<Problem>> {
    let around = load::Around {
        folder: Path::new("/site"),
        has_age: false,
        review: Arc::default(),
    };
    match load::draft("erp", "systems/erp.yaml", text, &around, &mut Shelf) {
        (Some(plan), problems) if problems.is_empty() => Ok(plan),
        (_, problems) => Err(problems),
    }
}

pub(super) fn told(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every message of a table must be there, at its place.
pub(super) fn refused(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let problems = plan(text).expect_err(text);
        assert!(
            told(&problems).contains(expected),
            "{text}\n  told: {}\n  not:  {expected}",
            told(&problems)
        );
    }
}

#[test]
fn a_whole_system_file_becomes_a_plan() {
    let plan = plan(
        r#"
adapter: adapters/any.wasm
connections:
  api:
    http: http://127.0.0.1:9000/base
    allow: ["POST /customers/{customer}/activities"]
    credential: { header: { name: X-Key, value: "env:CRM_KEY" } }
    network: private
  db:
    postgres: postgres://ada@db.example:5432/erp
    password: file:keys/db
    statements:
      stock: { effect: read, text: "SELECT on_hand FROM stock WHERE sku = :sku" }
keys:
  signing: { secrets: [env:A, env:B], join: "&" }
settings: { page: 50 }
actions:
  item.stock: { effect: read, summary: On hand, input: { type: object }, do: { connection: db, statement: stock } }
hooks: { alarm: { summary: An alarm, do: { verify: none } } }
emits: [device.alarm]
limits: { memory: 32 MiB, cpu: 200 ms, instances: 4 }
"#,
    )
    .unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let slots: Vec<_> = plan.secrets.iter().map(|wish| wish.slot.clone()).collect();
    assert_eq!(
        slots,
        [
            SecretSlot::Credential("api".into()),
            SecretSlot::Password("db".into()),
            SecretSlot::Key("signing".into())
        ]
    );
    assert_eq!(plan.secrets[2].references.len(), 2);
    let Some(Binding::Http(http)) = plan.bare.connections.get("api") else {
        panic!("no api")
    };
    assert!(
        http.private_network
            && matches!(&http.credential, Credential::Header { name, .. } if name == "x-key")
    );
    let Some(Binding::Sql(sql)) = plan.bare.connections.get("db") else {
        panic!("no db")
    };
    assert!(
        matches!(&sql.place, SqlPlace::Postgres { url, password: None } if url.host_str() == Some("db.example"))
    );
    assert_eq!(plan.bare.limits.memory, 32 << 20);
    assert_eq!(plan.bare.limits.instances, 4);
    assert_eq!(
        &*plan.bare.settings,
        r#"{"system":"erp","settings":{"page":50},"actions":{"item.stock":{"connection":"db","statement":"stock"}},"hooks":{"alarm":{"verify":"none"}},"feeds":{}}"#
    );
    assert!(plan.bare.hooks.contains("alarm") && plan.bare.emits.contains("device.alarm"));
}

#[test]
fn a_bad_system_file_is_told_where_and_what() {
    refused(&[
        (
            "adaptor: any.wasm",
            "systems/erp.yaml:1:1: a system: found the key \"adaptor\", expected one of adapter, digest, unsigned, connections",
        ),
        ("adaptor: any.wasm", "Did you mean \"adapter\"?"),
        ("settings: {}", "a system needs `adapter`, found none"),
        (
            "- adapter",
            "a system: found a list of 1, expected a mapping",
        ),
        (
            "adapter: [a]",
            "systems/erp.yaml:1:10: adapter: found a list of 1, expected a text",
        ),
        (
            "adapter: none.wasm",
            "systems/erp.yaml:1:10: adapter \"none.wasm\": cannot be read: no such file",
        ),
        (
            "adapter: any.wasm\nkeys:\n  signing: hunter2",
            "systems/erp.yaml:3:12: a key: found a literal, expected a reference: `env:NAME`",
        ),
        (
            "adapter: any.wasm\nkeys:\n  sining: env:X",
            "systems/erp.yaml:3:3: the adapter has no key \"sining\"; it asks for signing",
        ),
        (
            "adapter: any.wasm\nkeys: { signing: age:x }",
            "found an `age:` reference, but tombolo.yaml names no",
        ),
        (
            "adapter: any.wasm\nkeys: { signing: { secrets: [] } }",
            "secrets: found none, expected at least one reference",
        ),
        (
            "adapter: any.wasm\nlimits: { memory: 1 GiB }",
            "memory: found the text \"1 GiB\", expected at most 64 MiB",
        ),
        (
            "adapter: any.wasm\nlimits: { cpu: fast }",
            "cpu: found the text \"fast\", expected a whole number and one of",
        ),
        (
            "adapter: any.wasm\nlimits: { instances: 0 }",
            "instances: found the number 0, expected a whole number from 1 to 16",
        ),
        (
            "adapter: any.wasm\nsettings: [1]",
            "settings: found a list of 1, expected a mapping",
        ),
        (
            "adapter: any.wasm\nadapter: any.wasm",
            "systems/erp.yaml:2:1: not readable as YAML",
        ),
        (
            "adapter: any.wasm\nemits: [\"a b\"]",
            "emits \"a b\": expected an event type such as `device.alarm`",
        ),
    ]);
}

#[test]
fn a_bad_connection_is_told_where_and_what() {
    let of = |connection: &str| format!("adapter: any.wasm\nconnections:\n  api: {connection}");
    let table = [
        (
            "{}",
            "systems/erp.yaml:3:3: a connection leads to one place: found none, expected one of http",
        ),
        (
            "{ http: \"https://a.example\", sqlite: x.db }",
            "found http and sqlite",
        ),
        (
            "{ sqlite: x.db }",
            "connection `api`: found a database (`sqlite:`, `postgres:` or `mysql:`), expected a server",
        ),
        (
            "{ http: ftp://a.example, allow: [GET /] }",
            "expected the address of a server such as",
        ),
        (
            "{ http: \"https://ada:pw@a.example\", allow: [GET /] }",
            "found a user or password in the address",
        ),
        (
            "{ http: \"https://a.example/?x=1\", allow: [GET /] }",
            "found a query or fragment",
        ),
        (
            "{ http: \"https://a.example\" }",
            "`allow` is missing, so nothing could be sent",
        ),
        (
            "{ http: \"https://a.example\", allow: [FETCH /] }",
            "found the method `FETCH`",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], network: home }",
            "network: found the text \"home\", expected `public`",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], password: env:X }",
            "`password` has no meaning beside `http`",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: env:X }",
            "expected a mapping such as `{ bearer: env:NAME }`",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: {} }",
            "credential: found 0 kinds, expected exactly one of bearer",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: { bearer: t0ken } }",
            "bearer: found a literal, expected a reference",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: { basic: { user: \"a:b\", password: env:P } } }",
            "a user cannot hold `:`",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: { header: { name: \"a b\", value: env:P } } }",
            "the name is not a header's name",
        ),
        (
            "{ http: \"https://a.example\", allow: [GET /], credential: { oauth2: { client-id: a, client-secret: env:S } } }",
            "oauth2 needs `token-url`, found none",
        ),
    ];
    for (connection, expected) in table {
        refused(&[(&of(connection), expected)]);
    }
    let of = |connection: &str| format!("adapter: any.wasm\nconnections:\n  db: {connection}");
    let table = [
        (
            "{ postgres: \"postgres://ada:s3cret@db/erp\" }",
            "found a password in the address; write `password: env:NAME` beside it",
        ),
        (
            "{ postgres: \"mysql://ada@db/erp\" }",
            "this is not a database's address, expected `postgres://USER@HOST:PORT/DATABASE`",
        ),
        (
            "{ mysql: \"mysql://db/erp\" }",
            "the user or the database is missing",
        ),
        (
            "{ postgres: \"postgres://ada@db/erp?password=x\" }",
            "of options only `sslmode`",
        ),
        (
            "{ sqlite: \":memory:\" }",
            "expected the path of a database file",
        ),
        (
            "{ sqlite: x.db, statements: { s: { effect: delete, text: x } } }",
            "effect: found the text \"delete\", expected read, write or destructive",
        ),
        (
            "{ sqlite: x.db, statements: { S: { effect: read, text: x } } }",
            "statement \"S\": expected a name of lower case letters",
        ),
    ];
    for (connection, expected) in table {
        let text = of(connection);
        refused(&[(&text, expected)]);
        assert!(!told(&plan(&text).unwrap_err()).contains("s3cret"));
    }
}

#[test]
fn only_a_generic_adapter_lets_the_operator_declare() {
    let whole = "adapter: crm.wasm\nconnections: { api: { http: \"https://crm.example\" } }\nkeys: { hook: env:K }\n";
    assert!(plan(whole).is_ok(), "{:?}", plan(whole).err());
    refused(&[
        (
            "adapter: crm.wasm",
            "the adapter needs the connection `api` (Calls the CRM); bind it to a server (`http:`) under `connections`",
        ),
        (
            "adapter: crm.wasm",
            "the adapter needs the key `hook` (Checks the CRM's signature)",
        ),
        (
            &format!("{whole}actions: {{ a: {{ effect: read, do: {{}} }} }}"),
            "`actions` can be declared only for a generic adapter, and acme/crm is not one",
        ),
        (
            &format!("{whole}hooks: {{ changed: {{ do: {{}} }} }}"),
            "hook `changed` is the adapter's own",
        ),
        (
            &format!("{whole}limits: {{ memory: 17 MiB }}"),
            "expected at most 16 MiB",
        ),
        (
            "adapter: crm.wasm\nconnections: { api: { http: \"https://crm.example\", allow: [GET /] } }\nkeys: { hook: env:K }",
            "connection `api`: `allow` can be declared only for a generic adapter",
        ),
    ]);
}

#[test]
fn every_problem_of_a_file_is_told_at_once() {
    let problems = plan("adapter: any.wasm\nfoo: 1\nsettings: 3\nkeys: { signing: literal }\nactions: { A: { effect: no } }").unwrap_err();
    assert_eq!(problems.len(), 6, "{}", told(&problems));
}

pub(super) fn settings(text: &str) -> (Settings, Vec<Problem>) {
    let node = tombolo_flow::yaml::parse("tombolo.yaml", text).unwrap();
    let mut problems = Problems::of("tombolo.yaml");
    let settings = Settings::read(&node, Path::new("/site"), &mut problems);
    (settings, problems.into_list())
}

/// Each text is told so, and no secret with it.
pub(super) fn settings_refused(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let told = told(&settings(text).1);
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not:  {expected}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn what_tombolo_yaml_says_is_read_with_defaults() {
    let (read, problems) = settings(
        "listen: 0.0.0.0:80\ninsecure: allow\npublic-url: https://hooks.example/in/\ntokens:\n  - { name: ops, token: env:T, may: [operate, answer] }\nroles: [plant-manager]",
    );
    assert!(problems.is_empty(), "{}", told(&problems));
    assert_eq!(read.public_url.as_deref(), Some("https://hooks.example/in"));
    assert_eq!(
        read.tokens[0].access.roles,
        BTreeSet::from([Role::Operator, Role::Person])
    );
    assert_eq!(read.roles, Some(vec!["plant-manager".to_owned()]));
    let (read, problems) = settings("{}");
    assert!(
        problems.is_empty()
            && read.listen.to_string() == "127.0.0.1:7070"
            && read.data == Path::new("/site/data")
    );
}

#[test]
fn a_bad_tombolo_yaml_is_told_where_and_what() {
    settings_refused(&[
        (
            "listne: x",
            "tombolo.yaml:1:1: tombolo.yaml: found the key \"listne\"",
        ),
        (
            "listen: here",
            "tombolo.yaml:1:9: listen: found the text \"here\", expected an address and a port such as",
        ),
        (
            "listen: 7070",
            "listen: found the number 7070, expected a text",
        ),
        (
            "public-url: \"https://a:b@c\"",
            "public-url: found the text",
        ),
        (
            "secrets: { age: s.age }",
            "secrets needs `identity`, found none",
        ),
        (
            "secrets: { age: s.age, identity: age:x }",
            "the key of the file cannot be inside it",
        ),
        (
            "roles: [\"a\\nb\"]",
            "role \"a\\nb\": expected at most 80 characters on one line",
        ),
    ]);
}
