#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use super::*;

fn json(template: &str, input: &str) -> Result<Option<String>, Failure> {
    let draft: Draft = serde_json::from_str(template).unwrap();
    let mut pointers = Pointers::new();
    let template = Template::compile(&draft, &mut pointers).unwrap();
    let found = pointers.find(input).unwrap();
    let mut out = String::new();
    let present = template.render(Values::new(&found, "K-1"), &mut out)?;
    assert!(present || out.is_empty());
    Ok(present.then_some(out))
}

fn path(template: &str, input: &str) -> Result<String, Failure> {
    let mut pointers = Pointers::new();
    let template = PathTemplate::compile(template, &mut pointers).unwrap();
    let found = pointers.find(input).unwrap();
    template.render(Values::new(&found, "K-1"))
}

#[test]
fn holes_keep_their_type_alone_and_are_interpolated_in_text() {
    let input = r#"{"n": 1.50, "s": "a\"b", "o": {"x": [1, 2]}, "z": null, "big": 12345678901234567890123}"#;
    let cases = [
        (r#""{n}""#, "1.50"),
        (r#""{big}""#, "12345678901234567890123"),
        (r#""n is {n}""#, r#""n is 1.50""#),
        (r#""{s}""#, r#""a\"b""#),
        (r#""<{s}>""#, r#""<a\"b>""#),
        (r#""{o}""#, r#"{"x": [1, 2]}"#),
        (r#""{/o/x/1}""#, "2"),
        (r#""{z}""#, "null"),
        (r#""{{{n}}}""#, r#""{1.50}""#),
        (r#""{idempotency-key}""#, r#""K-1""#),
        (
            r#"{"b": "{n}", "a": [true, null, "x", -3, 1.5]}"#,
            r#"{"b":1.50,"a":[true,null,"x",-3,1.5]}"#,
        ),
        (
            r#"{"a": "{q?}", "b": "{n}", "c": "x{q?}"}"#,
            r#"{"b":1.50}"#,
        ),
        (r#"{"a": {"b": "{q?}"}}"#, r#"{"a":{}}"#),
        (r#"["{q?}", "{n}", "{q?}", 1]"#, "[1.50,1]"),
        ("{}", "{}"),
        (r#""""#, r#""""#),
    ];
    for (template, expected) in cases {
        assert_eq!(
            json(template, input).unwrap().as_deref(),
            Some(expected),
            "{template}"
        );
    }
    assert_eq!(json(r#""{q?}""#, input).unwrap(), None);
}

#[test]
fn what_is_missing_is_named() {
    let failure = json(r#"{"a": "{quantity}"}"#, "{}").unwrap_err();
    assert_eq!(
        failure,
        Failure::invalid_input("/quantity", "is missing; this action needs it")
    );
    for (template, input) in [
        (r#""x {o}""#, r#"{"o": {}}"#),
        (r#""x {o}""#, r#"{"o": null}"#),
        (r#""{/a/b}""#, r#"{"a": 1}"#),
    ] {
        assert_eq!(
            json(template, input).unwrap_err().kind(),
            "invalid-input",
            "{template}"
        );
    }
}

#[test]
fn a_template_that_cannot_be_is_refused_before_any_call() {
    for text in ["{", "{a", "a}", "{}", "{a{b}}", "{/a~2}"] {
        assert!(
            TextTemplate::compile(text, &mut Pointers::new()).is_err(),
            "{text}"
        );
    }
    for path in ["orders", "/a?b=c", "/a#b", "/a b", "/a\\b", "/{x?}"] {
        assert!(
            PathTemplate::compile(path, &mut Pointers::new()).is_err(),
            "{path}"
        );
    }
}

#[test]
fn a_value_cannot_leave_its_segment() {
    let cases = [
        (
            "/orders/{id}/lines",
            r#"{"id": "S 1"}"#,
            Some("/orders/S%201/lines"),
        ),
        ("/orders/{id}.json", r#"{"id": 7}"#, Some("/orders/7.json")),
        ("/orders/{id}", r#"{"id": "a/b"}"#, None),
        ("/orders/{id}", r#"{"id": ".."}"#, None),
        ("/orders/{id}", r#"{"id": ""}"#, None),
        ("/orders/{id}", r#"{"id": null}"#, None),
        ("/orders/{id}", "{}", None),
        ("/orders/{a}{b}", r#"{"a": ".", "b": "."}"#, None),
        (
            "/orders/{id}",
            r#"{"id": "x?admin=1#y"}"#,
            Some("/orders/x%3Fadmin%3D1%23y"),
        ),
    ];
    for (template, input, expected) in cases {
        assert_eq!(
            path(template, input).ok().as_deref(),
            expected,
            "{template} {input}"
        );
    }
}

#[test]
fn query_texts_are_none_one_or_several() {
    let input = r#"{"n": 5, "list": ["a", 2, true], "o": {}, "z": null, "s": "x"}"#;
    let cases: [(&str, Option<&[&str]>); 8] = [
        ("\"{n}\"", Some(&["5"])),
        ("\"{list}\"", Some(&["a", "2", "true"])),
        ("\"{q?}\"", Some(&[])),
        ("\"{z}\"", Some(&[])),
        ("\"a {s}\"", Some(&["a x"])),
        ("100", Some(&["100"])),
        ("\"{o}\"", None),
        ("\"{q}\"", None),
    ];
    for (template, expected) in cases {
        let mut pointers = Pointers::new();
        let template =
            Template::compile(&serde_json::from_str(template).unwrap(), &mut pointers).unwrap();
        let found = pointers.find(input).unwrap();
        let texts = template.texts(Values::new(&found, ""));
        let expected = expected.map(|texts| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        });
        assert_eq!(texts.ok(), expected);
    }
}
