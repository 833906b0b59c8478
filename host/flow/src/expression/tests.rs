#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::json::{Document, Named};
use crate::yaml;
use tombolo_kernel::event::Event;

const DATA: &str = r#"{"part":"P-7","needed":5,"price":12.50,"big":12345678901234567890123,"severity":3,"note":null,
  "urgent":true,"tags":["a","b","c"],"lines":[{"sku":"x","n":1},{"sku":"y","n":2}],"quoted":"say \"hi\"\n","customer":{"id":17}}"#;

fn event(data: &str) -> EventDocument {
    EventDocument::new(
        7,
        Event {
            id: "e1".into(),
            source: "/systems/plant".into(),
            kind: "device.alarm".into(),
            subject: None,
            time: "2026-11-22T00:00:00Z".into(),
            data: serde_json::value::RawValue::from_string(data.to_owned()).unwrap(),
            hops: 0,
            cause: None,
            root: None,
        },
    )
}

fn steps() -> Named {
    let mut steps = Named::default();
    steps.set(
        "stock",
        Document::new(r#"{"on_hand":2,"places":[]}"#.into()).unwrap(),
    );
    steps
}

fn with_scope<T>(data: &str, run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (event, steps, vars) = (event(data), steps(), Named::default());
    run(&Scope::new(&event, &steps, &vars, "7.flow"))
}

fn compiled(source: &str) -> Expression {
    Expression::compile(source, Place { line: 1, column: 1 })
        .unwrap_or_else(|problems| panic!("{source}: {problems:?}"))
}

fn json_of(source: &str) -> Result<String, String> {
    with_scope(DATA, |scope| {
        let mut out = String::new();
        compiled(source)
            .write_json(scope, &mut out)
            .map(|()| out)
            .map_err(|error| error.message)
    })
}

#[test]
fn expressions_have_these_values() {
    for (source, expected) in [
        ("event.data.part", r#""P-7""#),
        ("event.id", r#""e1""#),
        ("run.id", r#""7.flow""#),
        ("event.data.big", "12345678901234567890123"),
        ("event.data.price", "12.50"),
        ("event.data.quoted", r#""say \"hi\"\n""#),
        ("event.data.customer", r#"{"id":17}"#),
        ("event.data.needed - steps.stock.on_hand", "3"),
        (
            "event.data.needed > steps.stock.on_hand && event.type == 'device.alarm'",
            "true",
        ),
        ("event.data.price * 2.0", "25.0"),
        ("event.data.price > 12", "true"),
        ("event.data.quoted + '!'", r#""say \"hi\"\n!""#),
        ("has(event.data.part)", "true"),
        ("has(event.data.nothing)", "false"),
        ("has(event.subject)", "false"),
        ("has(event.data.customer.id)", "true"),
        ("has(steps.stock)", "true"),
        ("event.data.?nothing.orValue('none')", r#""none""#),
        ("event.data.note == null", "true"),
        ("size(event.data.tags)", "3"),
        ("event.data.tags.size()", "3"),
        ("event.data.tags[1]", r#""b""#),
        ("'b' in event.data.tags", "true"),
        ("'part' in event.data", "true"),
        ("event.data.tags == ['a', 'b', 'c']", "true"),
        ("['a', 'b', 'c'] == event.data.tags", "true"),
        ("{'id': 17} == event.data.customer", "true"),
        ("event.data.customer != {'id': 18}", "true"),
        ("event.data.lines.map(l, l.sku)", r#"["x","y"]"#),
        (
            "event.data.lines.filter(l, l.n > 1)",
            r#"[{"sku":"y","n":2}]"#,
        ),
        ("event.data.lines.exists(l, l.sku == 'y')", "true"),
        ("event.data.customer.all(k, k == 'id')", "true"),
        ("event.data.tags + ['d']", r#"["a","b","c","d"]"#),
        ("['z'] + event.data.tags", r#"["z","a","b","c"]"#),
        (
            "{'b': 1, 'a': event.data.tags}",
            r#"{"a":["a","b","c"],"b":1}"#,
        ),
        ("event.data.tags.join(', ')", r#""a, b, c""#),
        ("event.data.part.lowerAscii()", r#""p-7""#),
        ("event.data['part']", r#""P-7""#),
        (
            "timestamp(event.time) < timestamp('2027-01-01T00:00:00Z')",
            "true",
        ),
        ("duration('90s')", r#""90s""#),
        ("event.data.urgent ? 1 : 2", "1"),
        ("steps.stock.places == []", "true"),
        ("[] == steps.stock.places", "true"),
        ("math.greatest(event.data.needed, 9)", "9"),
        ("double(event.data.needed) / 2.0", "2.5"),
    ] {
        assert_eq!(json_of(source).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn what_has_no_value_says_what_was_missing_and_what_is_there() {
    for (source, expected) in [
        (
            "event.data.prt",
            "there is no \"prt\" in event.data; there are: part, needed, price, big, severity",
        ),
        ("event.data.prt + 'x'", "Did you mean \"part\"?"),
        (
            "event.subject",
            "there is no \"subject\" in event; there are: id, source, type, time, data",
        ),
        (
            "event.data.part.x",
            "event.data.part is \"P-7\" and has no field \"x\"",
        ),
        ("event.data.tags[9]", "there is no item 9 in a list of 3"),
        (
            "event.data.needed + event.data.price",
            "does not work on int and",
        ),
        (
            "event.data.needed + 'x'",
            "Write string(...) around the number",
        ),
        ("1 / 0", "Division by zero"),
        ("event", "name a field of it"),
        ("event.data.?part", "its value is optional"),
    ] {
        let error = json_of(source).unwrap_err();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn a_condition_is_true_or_false_and_nothing_else() {
    with_scope(DATA, |scope| {
        assert_eq!(compiled("event.data.urgent").condition(scope), Ok(true));
        assert_eq!(
            compiled("event.data.severity >= 3").condition(scope),
            Ok(true)
        );
        for (source, part) in [
            ("event.data.part", "found \"P-7\""),
            ("1 + 1", "type int"),
            ("event.data.note", "found null"),
        ] {
            let error = compiled(source).condition(scope).unwrap_err();
            assert!(error.message.contains(part), "{source}: {error}");
            assert!(error.to_string().contains("at line 1, column 1"), "{error}");
        }
    });
}

#[test]
fn what_does_not_compile_says_where() {
    let deep = format!("{}1{}", "(1 + ".repeat(40), ")".repeat(40));
    let long = "1 + ".repeat(1_200) + "1";
    for (source, column, part) in [
        ("event.data.x >", 15, "does not parse"),
        (
            "evnt.data.x",
            1,
            "there is no variable \"evnt\", expected one of event, steps, vars, run, item, index, failure. Did you mean \"event\"?",
        ),
        ("severity > 3", 1, "Is it event.data.severity?"),
        (
            "event.sevrity",
            6,
            "there is no event.sevrity, expected one of id",
        ),
        (
            "event.data.x && upper(event.data.y)",
            22,
            "there is no function \"upper\"",
        ),
        (
            "event.data.x.upper()",
            19,
            "there is no function \"upper\" on a value",
        ),
        ("", 1, "found nothing"),
        ("${event.data.x}", 1, "expected it without ${"),
        (deep.as_str(), 0, ""),
        (long.as_str(), 1, "bytes, expected at most 4096"),
        (
            "[1].all(a, [1].all(b, [1].all(c, true)))",
            30,
            "nested deeper than 2",
        ),
    ] {
        let problems = Expression::compile(source, Place { line: 1, column: 1 }).expect_err(source);
        assert!(problems[0].message.contains(part), "{source}: {problems:?}");
        assert!(
            column == 0 || problems[0].place == Place { line: 1, column },
            "{source}: {problems:?}"
        );
    }
}

#[test]
fn a_hostile_event_cannot_make_an_expression_run_away() {
    let many: String = (0..20_000).map(|n| format!("{n},")).collect();
    let data = format!("{{\"l\":[{}0]}}", many);
    with_scope(&data, |scope| {
        let error = compiled("event.data.l.all(a, event.data.l.exists(b, b == a))")
            .condition(scope)
            .unwrap_err();
        assert!(
            error
                .message
                .contains("it looked at more than 200000 values"),
            "{error}"
        );
        let mut out = String::new();
        compiled("event.data.l.map(a, a)")
            .write_json(scope, &mut out)
            .unwrap();
    });
}

#[test]
fn an_expression_that_only_names_a_value_copies_its_text() {
    let expression = compiled("event.data.customer.id");
    assert!(matches!(expression.body, Body::Path(_)));
    let references = compiled("steps.a.b + vars.c + string(size(steps))");
    assert_eq!(
        references
            .references()
            .step_names()
            .into_iter()
            .collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(references.references().vars[0].0, "c");
    assert!(references.references().all_steps);
}

fn template(text: &str) -> Result<String, String> {
    let node = yaml::parse("x.yaml", text).unwrap();
    let template = Template::compile(&node, text).map_err(|problems| format!("{problems:?}"))?;
    with_scope(DATA, |scope| {
        let mut out = String::new();
        template
            .write_json(scope, &mut out)
            .map(|()| out)
            .map_err(|error| error.to_string())
    })
}

#[test]
fn templates_keep_types_alone_and_interpolate_in_texts() {
    for (text, expected) in [
        (
            "{ sku: '${event.data.part}', n: '${event.data.needed - 1}' }",
            r#"{"sku":"P-7","n":4}"#,
        ),
        (
            "'Buy ${event.data.needed} of ${event.data.part}'",
            r#""Buy 5 of P-7""#,
        ),
        (
            "'${event.data.price} ${event.data.urgent} ${event.data.customer}'",
            r#""12.50 true {\"id\":17}""#,
        ),
        (
            "a: [1, '${event.data.tags}', x]",
            r#"{"a":[1,["a","b","c"],"x"]}"#,
        ),
        (
            "{ a: 1, b: [true, null, 2.5] }",
            r#"{"a":1,"b":[true,null,2.5]}"#,
        ),
        ("'costs $${price}'", r#""costs ${price}""#),
        ("\"${'}' + event.data.part + \\\"{\\\"}\"", r#""}P-7{""#),
        ("'${ {\"a\": 1}.a }'", "1"),
    ] {
        assert_eq!(template(text).as_deref(), Ok(expected), "{text}");
    }
    assert!(
        template("'note: ${event.data.note}'")
            .unwrap_err()
            .contains("it is null")
    );
    assert!(
        template("'a ${event.data'")
            .unwrap_err()
            .contains("without its }")
    );
}
