//! The schemas for editors say of the project's own site files what their readers say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tombolo_flow::tables::Tables;
use tombolo_flow::{Flow, yaml};
use tombolo_kernel::system::SystemLimits;

use super::super::fields::{Problems, json as as_json};
use super::super::offered::Offered;
use super::super::settings::Settings;
use super::super::{grant, limits, people, reconciliation, schedule, system};
use crate::schemas::SCHEMAS;

fn validator(name: &str) -> jsonschema::Validator {
    let schema = SCHEMAS.iter().find(|schema| schema.name == name).unwrap();
    let schema: Json = serde_json::from_str(schema.text).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What the reader of a kind of file finds wrong. Flow tests are read elsewhere.
fn problems(kind: &str, text: &str) -> usize {
    let file = format!("{kind}s/some-name.yaml");
    let node = yaml::parse(&file, text).unwrap();
    let mut problems = Problems::of(&file);
    match kind {
        "tombolo" => drop(Settings::read(&node, Path::new("/site"), &mut problems)),
        "system" => {
            let file = system::read(&node, Path::new("/site"), &mut problems);
            if let Some(node) = file.and_then(|file| file.limits) {
                limits::narrowed(node, SystemLimits::default(), &mut problems);
            }
        }
        "people" => {
            let systems = ["chat", "desk", "erp"].map(str::to_owned);
            drop(people::read(&node, &systems, None, &mut problems));
        }
        "grant" => drop(grant::read(&node, "erp", &mut problems)),
        "schedule" => drop(schedule::read("some-name", &node, &mut problems)),
        "reconciliation" => {
            let mut offered = Offered::default();
            ["crm", "erp"]
                .into_iter()
                .for_each(|system| offered.add(system, None));
            let (systems, tables) = (BTreeMap::new(), Tables::default());
            let read = reconciliation::read;
            read(
                "some-name",
                &node,
                &systems,
                &offered,
                &tables,
                &mut problems,
            );
        }
        "flow" => {
            return Flow::parse(&file, text)
                .err()
                .map_or(0, |found| found.len());
        }
        _ => unreachable!("no reader of {kind}"),
    }
    problems.count()
}

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

/// Kind and text of the site files of all scenarios and the demo, and of what none of them has.
fn samples() -> Vec<(&'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    yaml_files(&root.join("tests/scenarios"), &mut files);
    yaml_files(&root.join("host/cli/src/demo/site"), &mut files);
    let mut samples = Vec::new();
    for path in files {
        let folder = path.parent().unwrap().file_name().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = match folder.to_str().unwrap() {
            "systems" => "system",
            "flows" if name.ends_with(".test.yaml") => "flow-test",
            "flows" => "flow",
            "schedules" => "schedule",
            "reconciliations" => "reconciliation",
            "grants" => "grant",
            _ if name == "tombolo.yaml" => "tombolo",
            _ if name == "people.yaml" => "people",
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).unwrap();
        // Those of a scenario that shows how bad files are explained are bad.
        if !path.to_str().unwrap().contains("bad-site") {
            // What the demo and the scenarios fill in.
            let text = text
                .replace("__LISTEN__", "127.0.0.1:7070")
                .replace("__CRM__", "http://127.0.0.1:7071")
                .replace("__PUBLISHER__", KEY)
                .replace("{{PUBLISHER}}", KEY);
            samples.push((kind, text.replace("{{", "").replace("}}", "")));
        }
    }
    assert!(samples.len() > 30, "the sites were not found");
    samples.extend(WRITTEN.map(|(kind, text)| (kind, text.to_owned())));
    samples
}

/// A public key.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

const WRITTEN: [(&str, &str); 7] = [
    (
        "people",
        "mia: { name: Mia Kern, roles: [plant-manager], ids: { chat: '@mia:plant.example', erp: '7' } }\notto: {}\n",
    ),
    (
        "tombolo",
        "listen: '[::]:7070'\ninsecure: allow\ntls: { certificate: c.pem, key: k.pem }\ntrusted-proxies: [10.0.0.0/8]\nhosts: [tombolo.internal]\npublic-url: https://hooks.example\ndata: d\n\
         secrets: { age: secrets.age, identity: env:KEY }\n\
         publishers: { acme/shop: RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3, 'acme/*': [RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3] }\n\
         tokens: [{ name: me, token: env:T, may: [operate, publish, answer] }, { name: eve, token: env:E, role: auditor, systems: [erp], flows: [f], types: [a.b], tasks: [buyer], expires: 2027-01-31, rate: 10/s }]\naccess: { rate: 600/m }\n\
         retention: { age: 90d, size: 10 GiB, audit: 184d }\naudit: { export: { syslog: 'tcp://c.example:6514', otlp: 'http://c.example:4318' } }\nroles: [buyer]\nkinds: [customer]\n\
         review: { two-reviewers: [reads-and-sends, destroys] }\nreviewers: [{ name: rita, key: RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3 }, { name: omar, key: RWQAAQIDBAUGB9damAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea }]\n\
         registries: { registry.example: { user: u, password: env:P, network: private, insecure: allow }, '127.0.0.1:5000': {} }\n",
    ),
    (
        "system",
        "adapter: a.wasm\nunsigned: allow\n\
         connections:\n\
         \x20 a: { http: https://a.example, allow: [GET /x], credential: { basic: { user: u, password: env:P } } }\n\
         \x20 b: { http: https://a.example, credential: none, network: public, cookies: keep }\n\
         \x20 c: { http: https://a.example, credential: { header: { name: X-Key, value: env:P } } }\n\
         \x20 d: { http: https://a.example, credential: { oauth2: { token-url: https://l.example, client-id: c, client-secret: age:s, scope: a b, audience: x, in-body: true } } }\n\
         \x20 e: { postgres: postgres://u@h/d, password: file:p, statements: { get: { effect: read, text: SELECT 1 } } }\n\
         \x20 f: { mqtt: mqtt://h:1883, user: u, password: env:P, version: 3.1.1, publish: [a/b] }\n\
         \x20 g: { amqp: amqp://h/v, user: u, password: env:P, publish: [a] }\n\
         \x20 h: { nats: nats://h, publish: [a] }\n\
         \x20 i: { mysql: mysql://u@h/d, password: env:P }\n\
         keys: { one: env:K, two: { secrets: [env:A, env:B], join: '&' } }\n\
         settings: { any: thing }\n\
         actions: { item.get: { effect: read, summary: S, input: { type: object }, output: true, do: { path: /x } } }\n\
         hooks:\n\
         \x20 in: { summary: S, from: { connection: f, topic: a/b }, do: { type: x } }\n\
         \x20 other: { from: { connection: h, stream: S, topic: a }, do: { type: x } }\n\
         feeds: { items: { summary: S, do: { a: 1 }, from: 7, page: 10, cron: 0 2 * * *, zone: Europe/Berlin } }\n\
         emits: [order.placed]\n\
         fields: { hide: [birthday, customer.notes], mask: { phone: phone, card: card }, mask-matching: ['[0-9]{9}'] }\n\
         limits: { memory: 8 MiB, cpu: 1 s, deadline: 5s, instances: 2 }\n\
         rate: 10/s\nconcurrency: 4\ndelivery: { attempts: 8, backoff: 2 s, most: 5 m }\n\
         canary: { share: 10%, for: 15m }\n",
    ),
    (
        "schedule",
        "every: 5 min\nmissed: once\nevent: { type: report.due, subject: s, data: { a: 1 } }\n",
    ),
    (
        "reconciliation",
        "cron: 0 2 * * *\nzone: Europe/Berlin\nleft: { feed: crm.customers, key: item.no }\n\
         right: { action: erp.list, with: { a: 1 }, rows: /rows, next: /next, cursor: after, key: item.code }\n\
         fields:\n  a: { left: item.a, right: item.b, tolerance: '0.01' }\n  b: { left: item.a, right: item.b, ignore-case: true }\n\
         tell-same: true\n",
    ),
    (
        "grant",
        "system: erp\nadapter: { name: a/b, version: 1.0.0, digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }\n\
         approved: { by: rita, at: \"2026-01-01T00:00:00Z\", reason: orders, signature: s }\nitems:\n\
         - { capability: http, connection: a, place: p, allow: GET /, credential: none, private_network: false }\n\
         - { capability: sql, connection: a, place: p, statement: s, effect: read, text: SELECT 1 }\n\
         - { capability: publish, connection: a, place: p, topic: t }\n\
         - { capability: subscribe, connection: a, place: p, from: queue q, hook: h }\n\
         - { capability: key, key: k, use: sign, derive: [] }\n\
         - { capability: emit, event: a.b }\n\
         - { capability: store, quota: 5 }\n\
         - { capability: action, system: s, action: a }\n\
         - { capability: hide, field: a.b }\n\
         - { capability: mask, field: a, as: phone }\n\
         - { capability: mask-matching, pattern: x }\n\
         - { capability: limits, memory: 1, cpu_ms: 1, deadline_ms: 1 }\n",
    ),
    (
        "grant",
        "format: 2\nsystem: erp\nadapter: { name: a/b, version: 1.0.0, digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }\n\
         approved: [{ by: rita, at: \"2026-01-01T00:00:00Z\", reason: orders }, { by: omar, at: \"2026-01-01T00:00:00Z\", reason: too }]\n\
         expires: \"2027-01-01T00:00:00Z\"\nrevoked: { by: rita, at: \"2026-02-01T00:00:00Z\", reason: over }\nitems: [{ capability: emit, event: a.b }]\nrefused: [{ capability: emit, event: a.c }]\n",
    ),
];

#[test]
fn the_schemas_accept_what_the_readers_accept() {
    for (kind, text) in samples() {
        let value = as_json(&yaml::parse("some.yaml", &text).unwrap());
        let wrong: Vec<String> = validator(kind)
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:#?}\n{text}");
        if kind != "flow-test" {
            assert_eq!(problems(kind, &text), 0, "the reader of {kind}:\n{text}");
        }
    }
}

/// JSON pointers of all mappings in a value.
fn mappings(value: &Json, at: String, found: &mut Vec<String>) {
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                mappings(value, format!("{at}/{key}"), found);
            }
            found.push(at);
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                mappings(item, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn unknown_keys_are_refused_where_the_reader_refuses_them_and_nowhere_else() {
    let (mut compared, mut differ) = (0, Vec::new());
    for (kind, text) in samples() {
        if kind == "flow-test" {
            continue;
        }
        let validator = validator(kind);
        let value = as_json(&yaml::parse("some.yaml", &text).unwrap());
        let mut places = Vec::new();
        mappings(&value, String::new(), &mut places);
        // An action's own schemas are held against the rules for schemas by the reader only.
        places.retain(|place| !place.contains("/input/") && !place.contains("/output/"));
        for place in places {
            let mut with_more = value.clone();
            with_more.pointer_mut(&place).unwrap()["zzz"] = json!(1);
            let refused = problems(kind, &with_more.to_string()) > 0;
            if validator.is_valid(&with_more) == refused {
                differ.push(format!("{kind} {place}: the reader refuses: {refused}"));
            }
            compared += 1;
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(compared > 200, "only {compared} mappings");
}

/// A flow with every kind of step, and steps that are wrong each in one way.
#[test]
fn every_kind_of_step_is_known() {
    let validator = validator("flow");
    let valid = |steps: &str| {
        let text = format!("on: order.*\nsteps:\n{steps}\n");
        validator.is_valid(&as_json(&yaml::parse("flows/a.yaml", &text).unwrap()))
    };
    for good in [
        "- { id: a, call: erp.x, with: '${event.data}', retry: { attempts: 2, backoff: 2s, most: 1h30m }, timeout: 1h }",
        "- { call: erp.x, undo: { call: erp.y, with: {}, retry: {} }, on-failure: [{ fail: no }] }",
        "- { call: flow.tell, with: { a: 1 } }",
        "- { if: true, then: [{ return: 1 }], else: [{ fail: no }] }",
        "- { choose: [{ when: 'a > 1', steps: [{ set: { a: 1 } }] }], otherwise: [{ emit: { type: a.b } }] }",
        "- { each: event.data.lines, at-most: 4, keep-going: true, steps: [{ return: { a: 1 } }], on-failure: [{ fail: x }] }",
        "- { id: w, wait: { on: [a.b, c.d], when: 'event.data.a == 1' }, timeout: 10d }",
        "- { ask: { role: r, question: q, options: [a, b] }, timeout: 48h }",
        "- { id: l, link: { kind: customer, ids: { crm: '${event.id}', erp: 7 }, role: r }, timeout: 48h }",
        "- { check: [{ that: true, says: no, field: /a }], on-failure: [{ fail: no }] }",
        "- { call: erp.x, check: [{ that: 'a > 1', says: no }] }",
    ] {
        assert!(valid(good), "{good}");
    }
    for bad in [
        "- { call: erp }",
        "- { call: flow.tell, timeout: 1h }",
        "- { call: erp.x, timeout: 1 hour }",
        "- { call: erp.x, emit: { type: a } }",
        "- { if: true }",
        "- { choose: [] }",
        "- { choose: [{ when: a }] }",
        "- { each: a, at-most: 33, steps: [{ fail: a }] }",
        "- { wait: { when: a } }",
        "- { ask: { role: r, question: q, options: [] } }",
        "- { link: { kind: customer, ids: { crm: 1 }, role: r } }",
        "- { link: { kind: customer, ids: { crm: 1, erp: [2] }, role: r } }",
        "- { link: { kind: customer, ids: { crm: 1, erp: 2 } } }",
        "- { id: Not-An-Id, fail: x }",
        "- { return: 1, id: a }",
        "- { sleep: 1h }",
        "- { check: [{ that: true }] }",
        "- { check: [{ that: true, says: no, field: a }] }",
        "- { call: flow.x, check: [{ that: true, says: no }] }",
    ] {
        assert!(!valid(bad), "{bad}");
    }
    let takes =
        json!({ "takes": ["a"], "steps": [{ "fail": "x" }], "on-failure": [{ "fail": "y" }] });
    assert!(validator.is_valid(&takes));
    assert!(!validator.is_valid(&json!({ "steps": [{ "fail": "x" }] })));
}

#[test]
fn the_schema_of_flow_tests_follows_their_format() {
    let validator = validator("flow-test");
    let valid = |text: &str| validator.is_valid(&as_json(&yaml::parse("a.yaml", text).unwrap()));
    assert!(valid(
        "- test: a part is bought\n  systems: { erp.a: { result: 1 }, erp.b: [{ fails: unavailable, message: m }] }\n  \
         do: [{ event: { type: a.b, data: 1 } }, { after: 1m }, { answer: yes please, by: mia }]\n  \
         expect: { calls: [{ erp.a: {} }], tasks: [{ role: r }], events: [], runs: [done] }\n"
    ));
    for bad in [
        "- { do: [] }",
        "- { test: t, do: [{ sleep: 1m }] }",
        "- { test: t, do: [], expect: { runs: [over] } }",
        "- { test: t, do: [], systems: { erp.a: { fails: badly } } }",
        "- { test: t, do: [], expects: {} }",
    ] {
        assert!(!valid(bad), "{bad}");
    }
}
