//! Events from outside that were changed: a reader ends with an event whose every part is in its bounds, or with words.

use proptest::prelude::*;

use super::super::json::{check, check_untrusted};
use super::super::*;

const GOOD: &str = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"device.alarm","subject":"pump","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json","dataschema":"https://x.example/s","data":{"a":[1,-2.5e3,"x\u00e4\ud83d\ude00",null,{"b":true}]}}"#;

/// What goes in somewhere.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "\\",
    "\\u",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "null",
    "1e400",
    "-",
    "0.",
    "\u{0}",
    "\u{feff}",
    "\"data\":1,",
    "\"id\":null,",
    "\"tombolohops\":0,",
    "\"tomboloroot\":1,",
    "\"source\":\"/systems/erp\",",
    "\"type\":\"tombolo.x\",",
    "\"data_base64\":\"\",",
    "\"\\u0073ource\":\"/flows/x\",",
    "99999999999999999999999",
    " ",
    "\n",
];

fn changed() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => (1..5_000usize).prop_map(|depth| b"[".repeat(depth)),
        1 => (1..200usize).prop_map(|depth| [b"[".repeat(depth), b"1".to_vec(), b"]".repeat(depth)].concat()),
    ];
    let change = (0..GOOD.len(), 0..6usize, piece);
    prop::collection::vec(change, 0..4).prop_map(|changes| {
        let mut text = GOOD.as_bytes().to_vec();
        for (at, gone, piece) in changes {
            let at = at % (text.len() + 1);
            let end = (at + gone).min(text.len());
            text.splice(at..end, piece);
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_taken_is_whole_within_its_bounds_and_nobody_elses(text in changed()) {
        if let Ok(event) = Event::from_cloudevents_json(&text, "2026-11-22T10:00:00.000Z") {
            let is_ours = |own: &&str| event.source.strip_prefix(*own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            prop_assert!(!RESERVED_SOURCES.iter().any(is_ours));
            prop_assert!(!event.kind.starts_with(RESERVED_TYPES));
            prop_assert_eq!((event.hops, event.root), (0, None));
            prop_assert!(event.cause.is_none());
            for name in [&event.id, &event.source, &event.kind] {
                prop_assert!((1..=EVENT_NAME).contains(&name.len()) && !name.contains(char::is_control));
            }
            // Every reader that builds a tree from it can.
            prop_assert_eq!(check_untrusted(event.data.get(), JSON_BYTES, JSON_DEPTH), Ok(()));
            let tree = serde_json::from_str::<serde_json::Value>(event.data.get());
            // A number that no tree holds is told where somebody wants to compute with it.
            prop_assert!(!tree.is_err_and(|error| !error.to_string().contains("number out of range")));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::from_cloudevents_json(&text, "2026-11-22T10:00:00.000Z");
        if let Ok(text) = std::str::from_utf8(&text) {
            let _ = check(text, JSON_BYTES, JSON_DEPTH);
        }
    }

    #[test]
    fn what_the_check_lets_through_a_tree_can_be_built_of(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..30)) {
        let text = pieces.concat();
        let tree = serde_json::from_str::<serde_json::Value>(&text);
        if check_untrusted(&text, JSON_BYTES, JSON_DEPTH).is_ok() {
            prop_assert!(tree.is_ok() || text.contains("e400"), "{}: {:?}", text, tree);
        }
    }
}
