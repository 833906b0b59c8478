use super::*;

fn pattern(text: &str) -> HttpPattern {
    text.parse().unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn a_pattern_lets_through_exactly_what_it_says() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "GET /orders",
            &["GET /orders"],
            &[
                "POST /orders",
                "GET /orders/",
                "GET /Orders",
                "GET /orders/7",
                "GET /",
                "GET /order",
            ],
        ),
        ("GET /", &["GET /"], &["GET /a", "GET //"]),
        (
            "POST /{db}/",
            &["POST /main/"],
            &["POST /main", "POST //", "POST /", "POST /a/b/"],
        ),
        (
            "GET /o/{id}",
            &["GET /o/7", "GET /o/a%20b", "GET /o/7;v=1", "GET /o/*"],
            &["GET /o/", "GET /o", "GET /o/7/x", "GET /o/7/"],
        ),
        (
            "GET /o/*/lines",
            &["GET /o/7/lines"],
            &[
                "GET /o/7",
                "GET /o/7/8/lines",
                "GET /o//lines",
                "GET /o/7/lines/",
            ],
        ),
        (
            "GET /f/*",
            &["GET /f/a", "GET /f/a/b/c", "GET /f/a/"],
            &["GET /f", "GET /f/", "GET /g/a", "GET /f//a"],
        ),
        ("* /x", &["GET /x", "DELETE /x"], &["GET /y"]),
        (
            "GET /S/Orders({key})",
            &[
                "GET /S/Orders('1')",
                "GET /S/Orders(a='1',b=2)",
                "GET /S/Orders(%27%29x)",
            ],
            &[
                "GET /S/Orders()",
                "GET /S/Orders",
                "GET /S/Others('1')",
                "GET /S/Orders('1')x",
                "GET /S/Orders('1')/Lines",
                "GET /S/Orders('/../x)",
                "GET /S/Orders(1;x)",
                "GET /S/Orders(1%3bx)",
            ],
        ),
        ("GET /*", &["GET /a", "GET /a/b"], &["GET /"]),
    ];
    for (text, inside, outside) in cases {
        let pattern = pattern(text);
        assert_eq!(pattern.to_string(), *text);
        for (request, expected) in inside
            .iter()
            .map(|one| (one, true))
            .chain(outside.iter().map(|one| (one, false)))
        {
            let (method, path) = request.split_once(' ').unwrap_or_default();
            assert_eq!(
                pattern.allows(method, path),
                expected,
                "{text} and {request}"
            );
        }
    }
}

#[test]
fn a_pattern_contains_what_lets_through_no_more() {
    for (outer, inner, expected) in [
        ("GET /O({k})", "GET /O('1')", true),
        ("GET /O({k})", "GET /O({x})", true),
        ("GET /O({k})", "GET /O({x})!", false),
        ("GET /O({k})", "GET /O('({x})", true),
        ("GET /O('({k})", "GET /O({x})", false),
        ("GET /O({k})", "GET /{x}", false),
        ("GET /O({k})", "GET /O()", false),
        ("GET /{x}", "GET /O({k})", true),
        ("GET /*", "GET /O({k})/a", true),
        ("GET /O('1')", "GET /O({k})", false),
    ] {
        assert_eq!(
            pattern(outer).contains(&pattern(inner)),
            expected,
            "{outer} and {inner}"
        );
    }
}

#[test]
fn no_pattern_lets_a_tricky_path_through() {
    let all = pattern("* /*");
    for path in [
        "",
        "a",
        "//a",
        "/a//b",
        "/a/../b",
        "/a/..",
        "/a/.",
        "/./a",
        "/a/%2e%2e/b",
        "/a/%2E./b",
        "/a/.%2e/b",
        "/a%2fb",
        "/a%5Cb",
        "/a\\b",
        "/a%00",
        "/a%0d%0ab",
        "/a%7f",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\tb",
        "/a\u{0}",
        "/caf\u{e9}",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a/..;/b",
        "/a/..;x=1/b",
        "/a/.;/b",
        "/a/..%3b/b",
        "/a/..%253Bx/b",
        "/a/%3bx",
        "/a/%25%32e/b",
        "/a/%252%65/b",
        "/a/%41",
        "/a/;x=1",
        "/a/%252e%252e/b",
        "/a%252fb",
        "/a%25255cb",
        "/a%2500",
        "/a/%c0%ae/b",
        "/a%C1%9cb",
        "/a%e0%80%afb",
        "/a%f0%80%80%afb",
        "/%u002e",
        "http://evil.example/",
        "/http:\\\\evil",
        "/a/\u{ff0e}\u{ff0e}/b",
    ] {
        assert!(check_path(path).is_err(), "{path:?}");
        assert!(!all.allows("GET", path), "{path:?}");
    }
}

#[test]
fn ordinary_paths_pass() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/a.b/..c",
        "/...",
        "/100%25",
        "/50%25%20of",
        "/%E4%B8%AD",
        "/a:b@c",
        "/a;b=c",
        "/a%3Bb",
        "/O('x')",
        "/http://x".trim_end_matches("//x"),
    ] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn a_text_that_is_no_pattern_is_refused_with_the_reason() {
    for (text, reason) in [
        ("/orders", "no space"),
        ("get /orders", "found the method `get`"),
        ("TRACE /", "found the method `TRACE`"),
        ("GET orders", "does not begin with `/`"),
        ("GET  /orders", "does not begin with `/`"),
        ("GET //x", "two slashes"),
        ("GET /{}", "found the variable"),
        ("GET /{a b}", "found the variable"),
        ("GET /a{b}", "whole segment"),
        ("GET /a*", "whole segment"),
        ("GET /({a})", "whole segment"),
        ("GET /a({b}{c})", "whole segment"),
        ("GET /a({})", "whole segment"),
        ("GET /a%2f({b})", "encoded dot, slash"),
        ("GET /**", "whole segment"),
        ("GET /../a", "dot segment"),
        ("GET /a?x=1", "must be percent-encoded"),
        ("GET /a%2fb", "encoded dot, slash"),
        ("GET https://x/", "does not begin with `/`"),
    ] {
        match text.parse::<HttpPattern>() {
            Ok(_) => panic!("{text} was taken"),
            Err(problem) => assert!(problem.to_string().contains(reason), "{text}: {problem}"),
        }
    }
    assert!(
        format!("GET /{}", "a".repeat(PATTERN_BYTES))
            .parse::<HttpPattern>()
            .is_err()
    );
}
