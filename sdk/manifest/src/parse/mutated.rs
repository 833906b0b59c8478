//! Manifests that were changed: whatever becomes of them, reading one ends with a manifest or with problems, never
//! with a panic, and what is accepted says what it says within its bounds.

use proptest::prelude::*;

use crate::Manifest;

const GOOD: &str = r##"[adapter]
name = "acme/erp"
version = "1.0.0"
summary = "An ERP"
profiles = ["device/1"]
[connections.api]
kind = "http"
reason = "Calls the ERP"
allow = ["GET /orders/{id}", "POST /orders/*"]
[connections.db]
kind = "sql"
reason = "Reads stock"
optional = true
[connections.db.statements.stock]
effect = "read"
text = "SELECT n FROM stock WHERE sku = :sku"
[keys.hook]
uses = ["hmac-sha256"]
reason = "Checks the signature"
[actions.stock]
effect = "read"
summary = "Stock"
uses = ["api"]
[actions.stock.input]
type = "object"
properties = { sku = { type = "string" }, n = { "$ref" = "#/$defs/n" } }
[actions.stock.input."$defs".n]
type = "integer"
[hooks.changed]
summary = "Something changed"
[feeds.orders]
summary = "Orders by change"
[events.emits]
"order.changed" = "An order moved on"
"device.alarm" = ""
[calls]
"crm.note.add" = "Tells the CRM"
[store]
quota = "1 MiB"
reason = "Keeps a cursor"
[limits]
memory = "16 MiB"
cpu = "100 ms"
deadline = "5 s"
"##;

/// Values in the place of others.
const VALUES: &[&str] = &[
    "\"\"",
    "-1",
    "0",
    "99999999999999999999",
    "1e400",
    "nan",
    "true",
    "[]",
    "{}",
    "[[[[]]]]",
    "{ a = { b = { c = 1 } } }",
    "\"\\u0000\"",
    "\"\u{202e}\"",
    "\"* /\"",
    "\"GET /../x\"",
    "\"1 YiB\"",
    "\"-5 s\"",
    "\"999999999999999999 GiB\"",
    "2026-01-01",
    "'''",
    "\"",
    "\"http\"",
    "\"sql\"",
    "[\"GET /a\", 7]",
    "\"{\"",
    "\"#/$defs/n\"",
];

#[derive(Debug, Clone)]
enum Change {
    Drop(usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Value(usize, &'static str),
    Key(usize, String),
    Insert(usize, String),
    Cut(usize),
    Deep(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let line = 0..GOOD.lines().count();
    prop_oneof![
        line.clone().prop_map(Change::Drop),
        (line.clone(), 1..40usize).prop_map(|(line, times)| Change::Repeat(line, times)),
        (line.clone(), line.clone()).prop_map(|(one, other)| Change::Swap(one, other)),
        (line.clone(), prop::sample::select(VALUES))
            .prop_map(|(line, value)| Change::Value(line, value)),
        (line.clone(), "[a-z$\"\\.\\[\\]\u{e4} ]{0,12}")
            .prop_map(|(line, key)| Change::Key(line, key)),
        (line.clone(), ".{0,30}").prop_map(|(line, text)| Change::Insert(line, text)),
        (0..GOOD.len()).prop_map(Change::Cut),
        (line, 1..3_000usize).prop_map(|(line, depth)| Change::Deep(line, depth)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return String::new();
    }
    let count = lines.len();
    let with = |line: &str, value: &str| match line.split_once(" = ") {
        Some((key, _)) => format!("{key} = {value}"),
        None => line.to_owned(),
    };
    match change {
        Change::Drop(at) => drop(lines.remove(at % count)),
        Change::Repeat(at, times) => {
            let line = lines[at % count].clone();
            lines.extend(std::iter::repeat_n(line, *times));
        }
        Change::Swap(one, other) => lines.swap(one % count, other % count),
        Change::Value(at, value) => lines[at % count] = with(&lines[at % count], value),
        Change::Key(at, key) => {
            let line = &lines[at % count];
            lines[at % count] = match line.split_once(" = ") {
                Some((_, value)) => format!("{key} = {value}"),
                None => format!("[{key}]"),
            };
        }
        Change::Insert(at, text) => lines.insert(at % count, text.clone()),
        Change::Cut(at) => {
            return text[..text.floor_char_boundary(at % (text.len() + 1))].to_owned();
        }
        Change::Deep(at, depth) => {
            let deep = format!("{}{}", "[".repeat(*depth), "]".repeat(*depth));
            lines[at % count] = with(&lines[at % count], &deep);
        }
    }
    lines.join("\n")
}

#[test]
fn the_manifest_that_is_changed_is_a_good_one() {
    assert_eq!(
        Manifest::parse(GOOD)
            .map(|_| ())
            .map_err(|problems| format!("{problems:?}")),
        Ok(())
    );
}

proptest! {
    #[test]
    fn a_changed_manifest_is_read_or_refused_with_its_problems(changes in prop::collection::vec(change(), 1..5)) {
        let text = changes.iter().fold(GOOD.to_owned(), |text, change| changed(&text, change));
        match Manifest::parse(&text) {
            Ok(manifest) => prop_assert!(!manifest.adapter.name.is_empty() && manifest.adapter.name.contains('/')),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| !problem.to_string().trim().is_empty()), "{text}");
            }
        }
    }
}
