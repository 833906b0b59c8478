//! What counts as an answer, and what does not.

use crate::question::Question;

fn question(options: &[&str], keys: &[&str]) -> Question {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Question {
        reference: "7f3a".to_owned(),
        options: owned(options),
        keys: owned(keys),
    }
}

#[test]
fn words_are_an_answer_where_they_can_mean_nothing_else() {
    let asked = question(
        &[
            "approve",
            "reject",
            "approve, but later",
            "\u{540c}\u{610f}",
        ],
        &[
            "1\u{fe0f}\u{20e3}",
            "\u{1f44e}",
            "3\u{fe0f}\u{20e3}",
            "4\u{fe0f}\u{20e3}",
        ],
    );
    let table = [
        ("approve", Some(("approve", None))),
        (" Approve! ", Some(("approve", None))),
        ("APPROVE.", Some(("approve", None))),
        ("approve, but later", Some(("approve, but later", None))),
        ("Reject: too dear", Some(("reject", Some("too dear")))),
        ("reject - too dear", Some(("reject", Some("too dear")))),
        ("reject\ntoo dear", Some(("reject", Some("too dear")))),
        ("1", Some(("approve", None))),
        ("2.", Some(("reject", None))),
        ("2) we have some", Some(("reject", Some("we have some")))),
        ("1\u{fe0f}\u{20e3}", Some(("approve", None))),
        ("\u{1f44e}", Some(("reject", None))),
        ("\u{540c}\u{610f}", Some(("\u{540c}\u{610f}", None))),
        (
            "\u{540c}\u{610f}\u{ff0c}\u{5f88}\u{597d}",
            Some(("\u{540c}\u{610f}", Some("\u{5f88}\u{597d}"))),
        ),
        ("approve the other one", None),
        ("approve?", None),
        ("approved", None),
        ("1.5 is enough", None),
        ("2 of them", None),
        ("0", None),
        ("5", None),
        ("99999999999999999999999", None),
        ("do not approve", None),
        ("reject...?", None),
        ("", None),
        ("!", None),
    ];
    for (text, expected) in table {
        assert_eq!(asked.by_words(text), expected, "{text:?}");
    }
}

#[test]
fn an_options_words_count_before_its_number_in_words_and_after_it_in_reactions() {
    let asked = question(&["2", "1"], &["1\u{fe0f}\u{20e3}", "2\u{fe0f}\u{20e3}"]);
    assert_eq!(asked.by_words("2"), Some(("2", None)));
    assert_eq!(asked.by_reaction("1\u{fe0f}\u{20e3}"), Some("2"));
}

#[test]
fn reactions_are_known_by_key_number_and_words() {
    let asked = question(
        &["approve", "reject", "later"],
        &["\u{1f44d}", "\u{1f44e}", "3\u{fe0f}\u{20e3}"],
    );
    let table = [
        ("\u{1f44d}", Some("approve")),
        ("\u{1f44d}\u{1f3fd}", Some("approve")),
        ("\u{1f44e}\u{fe0f}", Some("reject")),
        ("3\u{fe0f}\u{20e3}", Some("later")),
        ("3\u{20e3}", Some("later")),
        ("2\u{fe0f}\u{20e3}", Some("reject")),
        ("Later", Some("later")),
        ("\u{2764}\u{fe0f}", None),
        ("4\u{fe0f}\u{20e3}", None),
        ("", None),
        ("\u{fe0f}", None),
    ];
    for (key, expected) in table {
        assert_eq!(asked.by_reaction(key), expected, "{key:?}");
    }
}
