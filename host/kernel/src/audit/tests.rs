//! What a record says, and what it never does.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::limits;
use std::collections::BTreeSet;

fn json(record: &AuditRecord) -> serde_json::Value {
    serde_json::from_slice(&record.json()).unwrap()
}

#[test]
fn a_call_says_who_reached_what_by_whose_leave_and_why() {
    let mut record = AuditRecord::new(Kind::Http, 1_763_778_600_000)
        .of("crm", "sha256:a", "sha256:b")
        .about("GET /orders/7")
        .caused_by("1042.spare-part/stock/1")
        .ended(Outcome::Allowed, "200");
    record.target = "api".into();
    record.sent = 12;
    let expected = r#"{"at_ms":1763778600000,"kind":"http","outcome":"allowed","status":"200","system":"crm","adapter":"sha256:a","grant":"sha256:b","target":"api","what":"GET /orders/7","event":1042,"run":"1042.spare-part","step":"stock/1","sent":12}"#;
    assert_eq!(String::from_utf8(record.json()).unwrap(), expected);
}

#[test]
fn only_a_run_is_taken_for_a_run() {
    let table = [
        (
            "1042.spare-part/stock",
            Some((1042, "1042.spare-part", "stock")),
        ),
        ("7.a.replay-3", Some((7, "7.a.replay-3", ""))),
        ("hooks/erp/alarm", None),
        ("connecting erp", None),
        ("1.", None),
        (".a", None),
        ("-1.a", None),
        ("+1.a", None),
        ("01.a", None),
        ("99999999999999999999.a", None),
        ("", None),
    ];
    for (cause, expected) in table {
        assert_eq!(run_of(cause), expected, "{cause:?}");
    }
}

#[test]
fn what_a_guest_wrote_is_cut_and_stays_one_json_text() {
    let hostile = format!("\"}},\n\u{0}\u{202e}{}", "é".repeat(1 << 20));
    let record = AuditRecord::new(Kind::Sql, 0).about(hostile.clone());
    let bytes = record.json();
    assert!(bytes.len() < limits::AUDIT_TEXT + 200, "{}", bytes.len());
    let what = json(&record)["what"].as_str().unwrap().to_owned();
    assert!(what.ends_with(&format!("... ({} bytes)", hostile.len())));
    assert!(hostile.starts_with(what.rsplit_once("...").unwrap().0));
}

#[test]
fn kinds_and_outcomes_have_one_name_and_one_number_each() {
    let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let numbers: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.number()).collect();
    assert_eq!(
        (names.len(), numbers.len()),
        (Kind::ALL.len(), Kind::ALL.len())
    );
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.name()), Some(*kind));
    }
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::named(outcome.name()), Some(outcome));
    }
    assert!(!Kind::Emit.is_decision() && Kind::Approval.is_decision());
}

#[test]
fn a_call_that_the_other_side_refused_has_failed() {
    let table = [
        (false, "ok", Outcome::Allowed),
        (false, "204", Outcome::Allowed),
        (false, "404", Outcome::Failed),
        (false, "503", Outcome::Failed),
        (false, "timeout", Outcome::Failed),
        (false, "", Outcome::Failed),
        (true, "denied: no", Outcome::Denied),
    ];
    for (denied, status, expected) in table {
        assert_eq!(Outcome::of_call(denied, status), expected, "{status}");
    }
}
