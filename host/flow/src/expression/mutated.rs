//! Expressions that nobody would write, over data that nobody would send: compiling one ends with an expression or
//! problems, evaluating one with a value or an error, and neither with a panic or without end.

use proptest::prelude::*;

use super::*;
use crate::json::{Document, Named};
use tombolo_kernel::event::Event;

const ATOMS: &[&str] = &[
    "event.data",
    "event.data.a",
    "event.data[0]",
    "event.id",
    "steps.s.a",
    "run.id",
    "item",
    "failure",
    "vars",
    "nothing",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615u",
    "1.5",
    "1e308",
    "0.0",
    "\"\"",
    "'\\u0000'",
    "\"\u{1f600}\"",
    "r'\\'",
    "b'\\xff'",
    "true",
    "null",
    "[]",
    "{}",
    "[1, 'a', null]",
    "{'a': 1}",
    "{1: 2}",
    "timestamp('2026-01-01T00:00:00Z')",
    "duration('1h')",
    "''.x",
    "event.data.a.b.c.d",
];
const BINARY: &[&str] = &[
    "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in", "?:",
];
const CALLS: &[&str] = &[
    "size",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "bool",
    "type",
    "has",
    "dyn",
    "timestamp",
    "duration",
    "math.greatest",
    "round",
    "decimal",
    "phone",
    "lookup",
    "xref",
];
const METHODS: &[&str] = &[
    "contains",
    "startsWith",
    "matches",
    "split",
    "join",
    "replace",
    "substring",
    "charAt",
    "indexOf",
    "upperAscii",
    "format",
    "getFullYear",
    "all",
    "exists",
    "map",
    "filter",
    "reverse",
    "size",
    "trim",
];

fn expression() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => prop::sample::select(ATOMS).prop_map(str::to_owned),
        1 => ".{0,6}",
    ];
    atom.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), prop::sample::select(BINARY))
                .prop_map(|((one, other), sign)| format!("{one} {sign} {other}")),
            (two.clone(), inner.clone())
                .prop_map(|((one, other), third)| format!("({one}) ? ({other}) : ({third})")),
            (inner.clone(), prop::sample::select(CALLS))
                .prop_map(|(one, name)| format!("{name}({one})")),
            (two.clone(), prop::sample::select(METHODS))
                .prop_map(|((one, other), name)| format!("({one}).{name}({other})")),
            (
                two.clone(),
                prop::sample::select(&["all", "exists", "map", "filter", "exists_one"][..])
            )
                .prop_map(|((one, other), name)| format!("({one}).{name}(x, {other})")),
            (two.clone()).prop_map(|(one, other)| format!("({one})[{other}]")),
            (two).prop_map(|(one, other)| format!("[{one}, {other}]")),
            (inner.clone(), 1..60usize).prop_map(|(one, depth)| format!(
                "{}{one}{}",
                "(".repeat(depth),
                ")".repeat(depth)
            )),
            (inner.clone(), 1..60usize)
                .prop_map(|(one, depth)| format!("{}{one}", "!".repeat(depth))),
            (inner, 1..60usize).prop_map(|(one, depth)| format!("{}{one}", "-".repeat(depth))),
        ]
    })
}

const DATA: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "0",
    "1e400",
    "-0.0",
    "123456789012345678901234567890.5",
    "{\"a\":{\"a\":[[[{\"b\":null}]]]}}",
    "{\"a\":\"\\u0000\\ud83d\\ude00\",\"a\":2}",
    "[1,\"x\",null,{\"a\":1.10}]",
    "{\"\":1,\"a b\":2,\"a\":[]}",
];

proptest! {
    #[test]
    fn any_expression_over_any_data_has_a_value_or_an_error(
        source in expression(), data in prop::sample::select(DATA), step in prop::sample::select(DATA),
    ) {
        let at = Place { line: 3, column: 5 };
        let compiled = match Expression::compile(&source, at) {
            Ok(compiled) => compiled,
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                return Ok(());
            }
        };
        prop_assert_eq!(compiled.source(), &source);
        let event = EventDocument::new(7, Event {
            id: "e1".into(),
            source: "/x".into(),
            kind: "a.b".into(),
            subject: None,
            time: "2026-11-22T00:00:00Z".into(),
            data: serde_json::value::RawValue::from_string(data.to_owned()).map_err(|error| TestCaseError::fail(error.to_string()))?,
            hops: 0,
            cause: None,
            root: None,
        });
        let (mut steps, vars) = (Named::default(), Named::default());
        steps.set("s", Document::new(step.to_owned()).map_err(|error| TestCaseError::fail(error.to_string()))?);
        let scope = Scope::new(&event, &steps, &vars, "7.flow");
        let mut out = String::new();
        match compiled.write_json(&scope, &mut out) {
            Ok(()) => prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&out).is_ok(), "{}: {}", source, out),
            Err(error) => {
                prop_assert_eq!(error.place, at);
                prop_assert!(!error.message.is_empty());
            }
        }
        if let Err(error) = compiled.condition(&scope) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_compiles_or_is_told_what_is_wrong(source in ".{0,60}") {
        if let Err(problems) = Expression::compile(&source, Place { line: 1, column: 1 }) {
            prop_assert!(!problems.is_empty());
        }
    }
}
