#![allow(clippy::unwrap_used, reason = "tests")]
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn rule(same: Same) -> FieldRule {
    FieldRule {
        name: "f".into(),
        same,
    }
}

fn row(key: &str, value: &str) -> Row {
    Row {
        key: key.into(),
        values: vec![value.into()],
        whole: format!("{{\"v\":{value}}}"),
    }
}

/// All differences as `key what`, sorted, and the counts.
fn compared(same: Same, left: &[Row], right: &[Row]) -> (Vec<(String, What)>, Counts) {
    told(false, same, left, right)
}

/// The same, and what agrees where that is told, too.
fn told(
    tells_same: bool,
    same: Same,
    left: &[Row],
    right: &[Row],
) -> (Vec<(String, What)>, Counts) {
    let rules = [rule(same)];
    let mut counts = Counts::default();
    let mut comparison = Comparison::new(&rules, tells_same, &mut counts);
    let mut found: Vec<Difference> = Vec::new();
    found.extend(left.iter().cloned().filter_map(|row| comparison.left(row)));
    found.extend(
        right
            .iter()
            .cloned()
            .filter_map(|row| comparison.right(row)),
    );
    found.extend(comparison.finish());
    let mut told: Vec<_> = found
        .into_iter()
        .map(|difference| (difference.key, difference.what))
        .collect();
    told.sort();
    (told, counts)
}

#[test]
fn values_count_as_the_same_by_their_rule() {
    let cent = || Same::Within("0.01".parse().unwrap());
    for (same, left, right, expected) in [
        (Same::Equal, r#""a""#, r#""a""#, true),
        (Same::Equal, r#""a""#, r#""A""#, false),
        (Same::Equal, "1.50", "1.5", true),
        (Same::Equal, r#""10.00""#, "10", true),
        (Same::Equal, r#""\u0061""#, r#""a""#, true),
        (Same::Equal, "null", r#""""#, false),
        (Same::Equal, "1e2", "100", false),
        (Same::Equal, "true", r#""true""#, true),
        (
            Same::IgnoringCase,
            r#"" Nova GmbH""#,
            r#""NOVA gmbh""#,
            true,
        ),
        (Same::IgnoringCase, r#""Nova""#, r#""Novae""#, false),
        (cent(), "10.00", r#""10.01""#, true),
        (cent(), "10.00", "10.011", false),
        (cent(), "-0.005", "0.005", true),
        (cent(), "null", "0", false),
        (cent(), r#""abc""#, r#""abd""#, false),
        // 2^53 and its neighbour, which a float cannot tell apart.
        (Same::Equal, "9007199254740993", "9007199254740992", false),
    ] {
        assert_eq!(
            is_same(&same, left, right),
            expected,
            "{same:?} {left} {right}"
        );
    }
}

#[test]
fn what_is_on_one_side_on_both_or_twice_is_told_apart() {
    let left = [row("a", "1"), row("b", "1"), row("c", "1"), row("a", "2")];
    let right = [
        row("b", "1"),
        row("c", "2"),
        row("d", "1"),
        row("d", "9"),
        row("b", "7"),
    ];
    let (told, counts) = compared(Same::Equal, &left, &right);
    let told: Vec<_> = told
        .iter()
        .map(|(key, what)| (key.as_str(), *what))
        .collect();
    assert_eq!(
        told,
        [
            ("a", What::OnlyLeft),
            ("a", What::TwiceLeft),
            ("b", What::TwiceRight),
            ("c", What::Different),
            ("d", What::OnlyRight),
            ("d", What::TwiceRight),
        ]
    );
    assert_eq!((counts.same, counts.differences()), (1, 6));
}

#[test]
fn what_agrees_is_told_with_both_rows_where_the_job_asks_for_it() {
    let (left, right) = (
        [row("a", "1"), row("b", "1")],
        [row("a", "1.0"), row("b", "2")],
    );
    let (quiet, before) = compared(Same::Equal, &left, &right);
    assert_eq!(quiet, [("b".to_owned(), What::Different)]);
    let (all, counts) = told(true, Same::Equal, &left, &right);
    let expected = [("a", What::Same), ("b", What::Different)];
    assert_eq!(all, expected.map(|(key, what)| (key.to_owned(), what)));
    assert_eq!(counts, before, "it counts alike");
    assert_eq!((counts.same, counts.differences()), (1, 1));

    let (rules, mut counts) = ([rule(Same::Equal)], Counts::default());
    let mut comparison = Comparison::new(&rules, true, &mut counts);
    assert!(comparison.left(row("a", "1")).is_none());
    let same = comparison.right(row("a", "1.0")).unwrap();
    assert_eq!(
        (same.left.get(), same.right.get()),
        (r#"{"v":1}"#, r#"{"v":1.0}"#)
    );
    let again = comparison.right(row("a", "1")).unwrap();
    assert_eq!(again.what, What::TwiceRight, "and once");
}

/// Quadratic and plain: the first row of each key counts.
fn oracle(left: &[Row], right: &[Row]) -> Vec<(String, What)> {
    let firsts = |rows: &[Row]| {
        let mut firsts: BTreeMap<String, Row> = BTreeMap::new();
        for row in rows {
            firsts.entry(row.key.clone()).or_insert_with(|| row.clone());
        }
        firsts
    };
    let (lefts, rights) = (firsts(left), firsts(right));
    let mut told = Vec::new();
    for (key, row) in &lefts {
        match rights.get(key) {
            None => told.push((key.clone(), What::OnlyLeft)),
            Some(other) if other.values != row.values => told.push((key.clone(), What::Different)),
            Some(_) => {}
        }
    }
    told.extend(
        rights
            .keys()
            .filter(|key| !lefts.contains_key(*key))
            .map(|key| (key.clone(), What::OnlyRight)),
    );
    for (rows, what) in [(left, What::TwiceLeft), (right, What::TwiceRight)] {
        for (at, row) in rows.iter().enumerate() {
            if rows[..at].iter().any(|before| before.key == row.key) {
                told.push((row.key.clone(), what));
            }
        }
    }
    told.sort();
    told
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0u8..12, 0u8..3), 0..30).prop_map(|all| {
        let each = all.into_iter();
        each.map(|(key, value)| row(&format!("k{key}"), &value.to_string()))
            .collect()
    })
}

proptest! {
    #[test]
    fn it_finds_what_a_plain_comparison_finds(left in rows(), right in rows()) {
        let (told, _) = compared(Same::Equal, &left, &right);
        prop_assert_eq!(told, oracle(&left, &right));
    }
}
