//! What a site asks of approvals, as it writes that down.

use tombolo_kernel::grant::RiskKind;

use super::files::{settings, told};

const RITA: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const OMAR: &str = "RWQAAQIDBAUGB9damAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

#[test]
fn risks_and_reviewers_are_read() {
    let (read, problems) = settings(&format!(
        "review: {{ two-reviewers: [reads-and-sends, destroys] }}\nreviewers: [{{ name: rita, key: {RITA} }}, {{ name: omar, key: {OMAR} }}]"
    ));
    assert!(problems.is_empty(), "{}", told(&problems));
    let two: Vec<RiskKind> = read.review.two_reviewers.iter().copied().collect();
    assert_eq!(two, [RiskKind::ReadsAndSends, RiskKind::Destroys]);
    let names: Vec<&String> = read.review.reviewers.keys().collect();
    assert_eq!(names, ["omar", "rita"]);
}

#[test]
fn what_would_make_an_approval_cheaper_than_it_looks_is_refused() {
    let table = [
        (
            "review: { two-reviewers: [reads-and-send] }".to_owned(),
            "tombolo.yaml:1:27: two-reviewers: found the risk \"reads-and-send\", expected one of reads-and-sends, writes-database",
        ),
        ("review: {}".to_owned(), "two-reviewers"),
        (
            "review: { three-reviewers: [destroys] }".to_owned(),
            "three-reviewers",
        ),
        (
            "reviewers: []".to_owned(),
            "reviewers: found a list of 0, expected from 1 to 100 reviewers",
        ),
        (
            format!("reviewers: [{{ name: rita, key: {RITA} }}, {{ name: Rita, key: {OMAR} }}]"),
            "two reviewers are named \"Rita\"",
        ),
        (
            format!("reviewers: [{{ name: rita, key: {RITA} }}, {{ name: omar, key: {RITA} }}]"),
            "\"omar\" has the key of \"rita\": one person would count as two",
        ),
        (
            format!(
                "review: {{ two-reviewers: [destroys] }}\nreviewers: [{{ name: rita, key: {RITA} }}]"
            ),
            "`reviewers` lists only one",
        ),
        (
            "reviewers: [{ name: rita, key: RWRTY0IysecretsecretsecretY }]".to_owned(),
            "the reviewer's key: expected a minisign public key",
        ),
        (
            format!("reviewers: [{{ name: ' ', key: {RITA} }}]"),
            "the reviewer's name: found",
        ),
    ];
    for (text, expected) in table {
        let told = told(&settings(&text).1);
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not:  {expected}"
        );
        assert!(!told.contains("secretsecret"), "{told}");
    }
}
