#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rules(hide: &[&str], mask: &[(&str, Mask)], matching: &[&str]) -> FieldRules {
    let mut rules = FieldRules {
        hide: hide.iter().map(|&path| path.to_owned()).collect(),
        mask_matching: matching.iter().map(|&text| text.to_owned()).collect(),
        ..FieldRules::default()
    };
    for (path, mask) in mask {
        rules.add_mask(path, *mask);
    }
    rules
}

fn filter(hide: &[&str], mask: &[(&str, Mask)], matching: &[&str]) -> FieldFilter {
    FieldFilter::new(&rules(hide, mask, matching)).unwrap()
}

#[test]
fn hidden_fields_are_gone_at_every_depth_in_arrays_and_in_every_spelling() {
    let table = [
        (&["birthday"][..], r#"{"birthday":"1","a":1}"#, r#"{"a":1}"#),
        (
            &["birthday"],
            r#"{"a":[{"b":{"birthday":1}},[{"birthday":[1,{"c":2}]}]]}"#,
            r#"{"a":[{"b":{}},[{}]]}"#,
        ),
        (
            &["birth-date"],
            r#"{"birthDate":1,"BIRTH_DATE":2,"Birth Date":3,"birth":4}"#,
            r#"{"birth":4}"#,
        ),
        (
            &["birthday"],
            r#"{"\u0062irthday":1,"birthday":2,"birthday":3}"#,
            "{}",
        ),
        (
            &["customer.notes"],
            r#"{"notes":1,"customer":[{"notes":2,"deep":{"notes":3}}],"x":{"customer":{"notes":4}}}"#,
            r#"{"notes":1,"customer":[{"deep":{"notes":3}}],"x":{"customer":{}}}"#,
        ),
        (
            &["lines.*.cost"],
            r#"{"lines":{"a":{"cost":1},"b":{"cost":2,"n":3}},"cost":5}"#,
            r#"{"lines":{"a":{},"b":{"n":3}},"cost":5}"#,
        ),
        (&["x"], "[1, 2]", "[1,2]"),
        (&["x"], "\"x\"", "\"x\""),
    ];
    for (hide, found, expected) in table {
        assert_eq!(
            filter(hide, &[], &[]).apply(found).unwrap(),
            expected,
            "{hide:?} {found}"
        );
    }
}

#[test]
fn what_no_rule_means_stays_byte_for_byte() {
    let text = r#"{"amount":1.10,"big":123456789012345678901234567890,"e":1e2,"s":"\u00e4\/é","n":null,"t":true}"#;
    assert_eq!(filter(&["x"], &[], &[]).apply(text).unwrap(), text);
}

#[test]
fn each_mask_keeps_only_what_it_says() {
    let table = [
        (Mask::Phone, "+49 170 1234567", "+** *** ****567"),
        (Mask::Phone, "12345", "*****"),
        (Mask::Identity, "L01X00T47", "*******47"),
        (Mask::Card, "4111 1111 1111 1234", "**** **** **** 1234"),
        (Mask::Email, "nova@example.com", "n***@example.com"),
        (Mask::Email, "n@example.com", "***@example.com"),
        (Mask::Email, "no address", "** *******"),
        (Mask::All, "Ünï 7", "*** *"),
    ];
    for (mask, found, expected) in table {
        let text = json!({ "field": found, "other": found }).to_string();
        let masked = filter(&[], &[("field", mask)], &[]).apply(&text).unwrap();
        let masked: Value = serde_json::from_str(&masked).unwrap();
        assert_eq!(masked, json!({ "field": expected, "other": found }));
    }
}

#[test]
fn a_mask_reaches_numbers_lists_and_objects_and_hiding_goes_before_it() {
    let masks = filter(&["secret"], &[("phone", Mask::Phone)], &[]);
    let found = r#"{"phone":491701234567,"a":{"phone":["+49 1",{"home":"0401234567","secret":1}]},"b":{"phone":null}}"#;
    assert_eq!(
        masks.apply(found).unwrap(),
        r#"{"phone":"*********567","a":{"phone":["+** *",{"home":"*******567"}]},"b":{"phone":null}}"#
    );
}

#[test]
fn two_masks_that_differ_leave_nothing() {
    let masks = filter(&[], &[("a.phone", Mask::Phone), ("phone", Mask::Card)], &[]);
    assert_eq!(
        masks.apply(r#"{"a":{"phone":"0401234567"}}"#).unwrap(),
        r#"{"a":{"phone":"**********"}}"#
    );
}

#[test]
fn what_a_pattern_matches_is_masked_in_any_text_and_number() {
    let masks = filter(&[], &[], &[r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b"]);
    assert_eq!(
        masks
            .apply(r#"{"note":"card 4111-1111-1111-1234, thanks","n":4111111111111234,"m":42}"#)
            .unwrap(),
        r#"{"note":"card ****-****-****-****, thanks","n":"****************","m":42}"#
    );
}

#[test]
fn rules_that_mean_nothing_or_everything_are_refused() {
    for path in ["", ".", "a.", ".a", "*", "*.*", "-"] {
        assert!(
            matches!(
                FieldFilter::new(&rules(&[path], &[], &[])),
                Err(FieldsError::Path(_))
            ),
            "{path}"
        );
    }
    for pattern in ["(", "a*", ""] {
        assert!(
            matches!(
                FieldFilter::new(&rules(&[], &[], &[pattern])),
                Err(FieldsError::Pattern { .. })
            ),
            "{pattern}"
        );
    }
}

#[test]
fn what_is_no_json_or_too_deep_goes_nowhere() {
    let hide = filter(&["x"], &[], &[]);
    assert!(matches!(hide.apply("{\"a\""), Err(FieldsError::Json(_))));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(hide.apply(&deep).is_err());
}

#[test]
fn a_value_that_is_kept_back_is_found_under_another_name() {
    let fields = filter(&["birthday"], &[("phone", Mask::Phone)], &[]);
    let source =
        r#"{"birthday":"1980-02-29","phone":491701234567,"name":"Nova","short":{"birthday":"x"}}"#;
    let withheld = fields.withheld([source]);
    let leaks = |input: &str| withheld.leak(&fields.apply(input).unwrap());
    assert_eq!(leaks(r#"{"birthday":"1980-02-29","name":"Nova x"}"#), None);
    let found = |rule: &str| Some(Leak::Found { rule: rule.into() });
    for (input, rule) in [
        (r#"{"note":"born 1980-02-29."}"#, "birthday"),
        (r#"{"note":"born \u0031980-02-29."}"#, "birthday"),
        (r#"{"a":["1980-02-29"]}"#, "birthday"),
        (r#"{"1980-02-29":1}"#, "birthday"),
        (r#"{"call":491701234567}"#, "phone"),
        (r#"{"call":"491701234567"}"#, "phone"),
    ] {
        assert_eq!(leaks(input), found(rule), "{input}");
    }
}

#[test]
fn more_values_than_can_be_looked_for_are_a_leak() {
    let fields = filter(&["id"], &[], &[]);
    let many: Vec<Value> = (0..=crate::limits::WITHHELD_VALUES)
        .map(|n| json!({ "id": format!("value-{n}") }))
        .collect();
    let withheld = fields.withheld([&*Value::from(many).to_string()]);
    assert_eq!(withheld.leak("{}"), Some(Leak::TooMany));
}

#[test]
fn what_cannot_be_read_through_may_hold_anything() {
    let fields = filter(&["id"], &[], &[]);
    let deep = format!("{}{}", "[".repeat(80), "]".repeat(80));
    for source in [&*deep, "{\"id\""] {
        let withheld = fields.withheld(["{}", source]);
        assert_eq!(withheld.leak("{}"), Some(Leak::Unread), "{source}");
    }
}

fn nested() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9 \"\\\\äé]{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("secret".to_owned()),
        Just("Secret".to_owned()),
        Just("se_cret".to_owned()),
        Just("phone".to_owned()),
        "[a-z]{1,3}",
    ];
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The plain way, over a tree.
fn oracle(value: &Value, masked: bool) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(name, _)| name.to_lowercase().replace('_', "") != "secret")
                .map(|(name, value)| (name.clone(), oracle(value, masked || name == "phone")))
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| oracle(item, masked)).collect(),
        Value::String(text) if masked => Mask::All.apply(text).into(),
        Value::Number(number) if masked => Mask::All.apply(&number.to_string()).into(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn nested_data_is_filtered_as_a_walk_over_its_tree_would(data in nested()) {
        let fields = filter(&["secret"], &[("phone", Mask::All)], &[]);
        let filtered = fields.apply(&data.to_string()).unwrap();
        let filtered: Value = serde_json::from_str(&filtered).unwrap();
        prop_assert_eq!(&filtered, &oracle(&data, false));
        // Again changes nothing.
        let again = fields.apply(&filtered.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), filtered);
    }
}

// === every kind of rule ===

/// Two numbers together, whatever stands around them.
const PAIRS: &str = "[0-9]{2}";

/// Paths of one to three names, of which one at least is no `*`.
fn path() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec!["a", "b", "c", "*"]);
    prop::collection::vec(names, 1..4)
        .prop_filter("says something", |names| {
            names.iter().any(|name| *name != "*")
        })
        .prop_map(|names| names.join("."))
}

fn any_rules() -> impl Strategy<Value = FieldRules> {
    let mask = prop::sample::select(Mask::NAMES.map(|(_, mask)| mask).to_vec());
    let hide = prop::collection::btree_set(path(), 0..3);
    let masks = prop::collection::btree_map(path(), mask, 0..4);
    (hide, masks, any::<bool>()).prop_map(|(hide, mask, pairs)| FieldRules {
        hide,
        mask,
        mask_matching: pairs.then(|| PAIRS.to_owned()).into_iter().collect(),
    })
}

/// Data whose names the rules mean, in several spellings, nested in objects and arrays.
fn deep() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9é+ ]{0,9}".prop_map(Value::from),
        "[a-z]{0,3}@[a-z]{1,4}[.]de".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec!["a", "A", "a_", "b", "-B", "c", "d"]);
    leaf.prop_recursive(6, 96, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// Whether the last of these names are the path's.
fn ends_with(names: &[String], path: &str) -> bool {
    let path: Vec<&str> = path.split('.').collect();
    let Some(before) = names.len().checked_sub(path.len()) else {
        return false;
    };
    let mut both = path.iter().zip(&names[before..]);
    both.all(|(own, name)| *own == "*" || own == name)
}

/// The plain way, over a tree: `around` is the mask of a field around the value.
fn walked(value: &Value, rules: &FieldRules, names: &[String], around: Option<Mask>) -> Value {
    let leaf = |text: &str| {
        let masked = around.map_or(text.to_owned(), |mask| mask.apply(text));
        match rules.mask_matching.is_empty() {
            true => masked,
            false => without_pairs(&masked),
        }
    };
    match value {
        Value::Object(members) => {
            let mut left = serde_json::Map::new();
            for (name, inside) in members {
                let plain = name.to_lowercase().replace(['_', '-'], "");
                let names = [names, &[plain]].concat();
                if rules.hide.iter().any(|path| ends_with(&names, path)) {
                    continue;
                }
                let of = rules
                    .mask
                    .iter()
                    .filter(|(path, _)| ends_with(&names, path));
                let masks: BTreeSet<Mask> = of.map(|(_, mask)| *mask).collect();
                let own = match masks.len() {
                    0 => None,
                    1 => masks.first().copied(),
                    _ => Some(Mask::All),
                };
                let inside = walked(inside, rules, &names, around.or(own));
                left.insert(name.clone(), inside);
            }
            Value::Object(left)
        }
        Value::Array(items) => {
            let items = items.iter();
            items
                .map(|item| walked(item, rules, names, around))
                .collect()
        }
        Value::String(text) => leaf(text).into(),
        Value::Number(number) => {
            let text = leaf(&number.to_string());
            match around.is_none() && text == number.to_string() {
                true => value.clone(),
                false => text.into(),
            }
        }
        other => other.clone(),
    }
}

/// What [`PAIRS`] matches as asterisks, found by hand.
fn without_pairs(text: &str) -> String {
    let mut left: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at + 1 < left.len() {
        if left[at].is_ascii_digit() && left[at + 1].is_ascii_digit() {
            left[at..at + 2].fill('*');
            at += 1;
        }
        at += 1;
    }
    left.into_iter().collect()
}

proptest! {
    #[test]
    fn every_kind_of_rule_does_what_a_walk_over_the_tree_would(rules in any_rules(), data in deep()) {
        let filtered = FieldFilter::new(&rules).unwrap().apply(&data.to_string()).unwrap();
        let filtered: Value = serde_json::from_str(&filtered).unwrap();
        prop_assert_eq!(filtered, walked(&data, &rules, &[], None));
    }

    #[test]
    fn no_mask_shows_more_than_it_says(text in "[a-z0-9+() -]{0,16}") {
        let shown = |mask: Mask| mask.apply(&text).chars().filter(|c| c.is_alphanumeric()).count();
        for (mask, most) in [(Mask::Phone, 3), (Mask::Identity, 2), (Mask::Card, 4), (Mask::Email, 0), (Mask::All, 0)] {
            prop_assert!(shown(mask) <= most, "{mask:?} of {text:?}: {}", mask.apply(&text));
        }
    }
}
