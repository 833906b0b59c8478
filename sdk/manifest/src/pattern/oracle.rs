//! Patterns against a slow and obvious second opinion: all the ways in which servers are known to read a path (decoding
//! once, twice or more, backslashes as slashes, overlong UTF-8, cutting parameters off, folding dots), each matched
//! segment by segment. What a pattern lets through must be inside it in every one of these readings.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Pieces that segments are made of, the harmless and the others.
const PIECES: &[&str] = &[
    "orders",
    "a",
    "7",
    "A",
    "-",
    "~",
    "a.b",
    "",
    ".",
    "..",
    "...",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    "%252e",
    "%252f",
    "%25252e",
    "%25",
    "%2525",
    "%3b",
    "%253B",
    ";",
    ";x=1",
    "%20",
    "%00",
    "%0a",
    "%7f",
    "%c0%ae",
    "%C0%AF",
    "%e0%80%ae",
    "%f0%80%80%ae",
    "%C3%BC",
    "%E4%BB%93",
    "%",
    "%2",
    "%zz",
    "\\",
    "?",
    "#",
    " ",
    "\u{fc}",
    "*",
    "{id}",
    ":",
    "@",
    "%3f",
    "%23",
    "%ff",
    "%32",
    "%35",
    "%65",
    "2e",
    "2f",
    "5",
    "3b",
    "orders(",
    "(",
    ")",
    "'",
];

fn segment() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..4).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// Segments that every server reads alike.
fn plain() -> impl Strategy<Value = String> {
    prop::sample::select(&["orders", "a", "7", "x-y", "a%20b", "%C3%BC", "a;v=1"][..])
        .prop_map(str::to_owned)
}

fn pattern_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![3 => plain(), 1 => Just("{id}".to_owned()), 1 => Just("*".to_owned()), 1 => Just("orders({id})".to_owned())];
    let method = prop::sample::select(&["GET", "POST", "*"][..]);
    (method, prop::collection::vec(part, 1..5), any::<bool>()).prop_map(|(method, parts, slash)| {
        format!(
            "{method} /{}{}",
            parts.join("/"),
            if slash { "/" } else { "" }
        )
    })
}

/// One decoding, forgiving: what is no escape stays. Overlong forms become the ASCII character they stand for.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|two| std::str::from_utf8(two).ok());
        let value = digits
            .filter(|two| bytes[at] == b'%' && two.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    let mut shortest = Vec::new();
    let mut rest = &out[..];
    while let [first, after @ ..] = rest {
        let (value, length) = match rest {
            [0xc0 | 0xc1, low, ..] => (((first & 1) << 6) | (low & 0x3f), 2),
            [0xe0, 0x80 | 0x81, low, ..] => (low & 0x3f, 3),
            [0xf0, 0x80, 0x80 | 0x81, low, ..] => (low & 0x3f, 4),
            _ => (*first, 1),
        };
        shortest.push(value);
        rest = if length == 1 { after } else { &rest[length..] };
    }
    shortest
}

/// The segments as a server resolves them.
fn resolved(path: &[u8], cuts_parameters: bool) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let inner = path.strip_prefix(b"/").unwrap_or(path);
    for part in inner.split(|byte| *byte == b'/' || *byte == b'\\') {
        let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
        let name = if cuts_parameters { name } else { part };
        match name {
            b"." => {}
            b".." => drop(found.pop()),
            name => found.push(name.to_vec()),
        }
    }
    found
}

/// All readings of a path.
fn readings(path: &str, cuts_parameters: bool) -> Vec<Vec<Vec<u8>>> {
    let mut bytes = path.as_bytes().to_vec();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(resolved(&bytes, cuts_parameters));
        bytes = decoded(&bytes);
    }
    all
}

/// The obvious matcher, on segments that are read already.
fn fits(pattern: &[Vec<u8>], path: &[Vec<u8>]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([last], [first, ..]) if last == b"*" => !first.is_empty(),
        ([want, pattern @ ..], [found, path @ ..]) => {
            let is_variable = want == b"*" || want.starts_with(b"{");
            let around = want
                .windows(2)
                .position(|pair| pair == b"({")
                .map(|at| (&want[..=at], &want[want.len() - 1..]));
            (if let Some((prefix, suffix)) = around {
                found.len() > prefix.len() + suffix.len()
                    && found.starts_with(prefix)
                    && found.ends_with(suffix)
            } else if is_variable {
                !found.is_empty()
            } else {
                want == found
            }) && fits(pattern, path)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_a_pattern_lets_through_is_inside_it_however_a_server_reads_it(
        text in pattern_text(), path in path(), method in prop::sample::select(METHODS),
    ) {
        let Ok(pattern) = text.parse::<HttpPattern>() else { return Ok(()) };
        let own = text.split(' ').nth(1).unwrap_or_default();
        if pattern.allows(method, &path) {
            prop_assert!(text.starts_with('*') || text.starts_with(method));
            for cuts in [false, true] {
                for (pattern, found) in readings(own, cuts).iter().zip(readings(&path, cuts)) {
                    prop_assert!(fits(pattern, &found), "{} lets {} through, which reads {:?}", text, path, found);
                }
            }
        }
    }

    #[test]
    fn a_checked_path_stays_where_it_is_and_keeps_its_segments_in_every_reading(path in path()) {
        if check_path(&path).is_ok() {
            let lengths: BTreeSet<usize> = [false, true]
                .iter()
                .flat_map(|cuts| readings(&path, *cuts))
                .map(|segments| segments.len())
                .collect();
            prop_assert_eq!(lengths.len(), 1, "{}", path);
        }
    }

    #[test]
    fn a_path_that_nobody_reads_twice_is_matched_as_the_obvious_matcher_does(
        text in pattern_text(), parts in prop::collection::vec(plain(), 1..6), slash in any::<bool>(),
    ) {
        let path = format!("/{}{}", parts.join("/"), if slash { "/" } else { "" });
        let pattern = text.parse::<HttpPattern>().map_err(|problem| TestCaseError::fail(problem.to_string()))?;
        let split = |text: &str| -> Vec<Vec<u8>> { text[1..].split('/').map(|part| part.as_bytes().to_vec()).collect() };
        let own = text.split(' ').nth(1).unwrap_or_default();
        let expected = fits(&split(own), &split(&path)) && !text.starts_with("POST");
        prop_assert_eq!(pattern.allows("GET", &path), expected, "{} {}", text, path);
    }

    #[test]
    fn any_text_is_a_pattern_that_reads_back_or_a_problem(text in ".{0,40}", path in ".{0,40}") {
        let _ = check_path(&path);
        if let Ok(pattern) = text.parse::<HttpPattern>() {
            prop_assert_eq!(pattern.to_string(), text);
            let _ = pattern.allows("GET", &path);
        }
    }
}
