#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use super::*;

fn find(pointers: &[&str], text: &str) -> Vec<Option<String>> {
    let mut set = Pointers::new();
    let slots: Vec<usize> = pointers
        .iter()
        .map(|pointer| set.add(pointer).unwrap())
        .collect();
    let found = set.find(text).unwrap();
    slots
        .into_iter()
        .map(|slot| found.get(slot).map(str::to_owned))
        .collect()
}

#[test]
fn pointers_are_found_as_rfc_6901_says() {
    let text = r#" {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, "k\"l": 6, "deep": {"x": {"y": 1.50}}} "#;
    let cases = [
        ("", Some(text.trim())),
        ("/foo", Some(r#"["bar", "baz"]"#)),
        ("/foo/0", Some(r#""bar""#)),
        ("/foo/1", Some(r#""baz""#)),
        ("/foo/2", None),
        ("/foo/01", None),
        ("/foo/-", None),
        ("/", Some("0")),
        ("/a~1b", Some("1")),
        ("/m~0n", Some("8")),
        ("/k\"l", Some("6")),
        ("/deep/x", Some(r#"{"y": 1.50}"#)),
        ("/deep/x/y", Some("1.50")),
        ("/deep/x/y/z", None),
        ("/missing/x", None),
    ];
    for (pointer, expected) in cases {
        assert_eq!(
            find(&[pointer], text),
            [expected.map(str::to_owned)],
            "{pointer}"
        );
    }
    let all: Vec<&str> = cases.iter().map(|case| case.0).collect();
    let expected: Vec<Option<String>> =
        cases.iter().map(|case| case.1.map(str::to_owned)).collect();
    assert_eq!(find(&all, text), expected, "all of them in one pass");
}

#[test]
fn the_last_of_two_members_counts_whole() {
    let text = r#"{"a": {"x": 1, "y": 2}, "a": {"x": 3}}"#;
    assert_eq!(find(&["/a/x", "/a/y"], text), [Some("3".into()), None]);
}

#[test]
fn text_that_is_no_json_is_refused_wherever_it_breaks() {
    let mut set = Pointers::new();
    set.add("/a").unwrap();
    for text in [
        "",
        "{",
        "{\"a\": 1} x",
        "{\"a\": }",
        "{\"b\": tru}",
        "\"open",
        "[1,]",
    ] {
        assert!(set.find(text).is_err(), "{text}");
        assert!(Pointers::new().find(text).is_err(), "{text}, no pointers");
    }
}

#[test]
fn a_pointer_must_be_one() {
    for pointer in ["a", "a/b", "/a~2", "/a~"] {
        assert!(Pointers::new().add(pointer).is_err(), "{pointer}");
    }
}

#[test]
fn scalars_read_as_people_write_them() {
    let cases = [
        (r#""a""#, Some("a")),
        (r#""a\"b\u00e9""#, Some("a\"b\u{e9}")),
        ("12345678901234567890.10", Some("12345678901234567890.10")),
        ("true", Some("true")),
        ("null", None),
        ("{}", None),
        ("[1]", None),
    ];
    for (raw, expected) in cases {
        assert_eq!(scalar(raw).as_deref(), expected, "{raw}");
    }
}

#[test]
fn escaping_is_undone_by_a_parser() {
    for text in [
        "",
        "plain",
        "quote\" back\\slash",
        "line\nfeed\ttab\r",
        "\u{0}\u{1f}\u{7f}",
        "\u{e9}\u{4e2d}\u{1f600}",
        "\"",
        "\\",
    ] {
        let mut out = String::new();
        push_string(&mut out, text);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
