//! What a site asks of approvals, and what does not pass for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use minisign::KeyPair;

use super::super::tests::{NOW, grant_of, spec};
use super::super::{decide, wishes};
use super::*;

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn public(pair: &KeyPair) -> PublisherKey {
    PublisherKey::parse(&pair.pk.to_base64()).unwrap()
}

fn two(kinds: &[RiskKind]) -> ReviewRules {
    ReviewRules {
        two_reviewers: kinds.iter().copied().collect(),
        ..ReviewRules::default()
    }
}

fn by(name: &str) -> Approval {
    Approval {
        by: name.into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "needed".into(),
        signature: None,
    }
}

fn signed(grant: &Grant, mut approval: Approval, pair: &KeyPair, comment: &str) -> Approval {
    let bytes = statement(grant, &approval).unwrap();
    let signature = minisign::sign(None, &pair.sk, &bytes[..], Some(comment), None).unwrap();
    approval.signature = Some(signature.into_string());
    approval
}

/// The grant of the example, of these approvals.
fn grant(approved: Vec<Approval>) -> Grant {
    Grant {
        approved,
        ..grant_of(&wishes(&spec()))
    }
}

/// Why the example is held back.
fn held(rules: &ReviewRules, grant: &Grant) -> String {
    let held = decide(&wishes(&spec()), Some(grant), rules, NOW).expect_err("it starts");
    held.message
}

fn starts(rules: &ReviewRules, grant: &Grant) -> bool {
    decide(&wishes(&spec()), Some(grant), rules, NOW).is_ok()
}

#[test]
fn a_risk_that_the_site_names_needs_two_different_people() {
    let rules = two(&[RiskKind::ReadsAndSends]);
    let said = held(&rules, &grant(vec![by("rita")]));
    for word in [
        "one more reviewer than rita",
        "reads-and-sends",
        "tombolo grant approve erp",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for same in [" Rita", "RITA ", "rita"] {
        assert!(
            held(&rules, &grant(vec![by("rita"), by(same)])).contains("one more"),
            "{same:?}"
        );
    }
    assert!(starts(&rules, &grant(vec![by("rita"), by("omar")])));
    assert!(
        starts(&two(&[RiskKind::LearnsKey]), &grant(vec![by("rita")])),
        "there is no such risk"
    );
}

#[test]
fn what_was_refused_makes_no_risk_that_needs_two() {
    let mut narrow = grant(vec![by("rita")]);
    let (given, refused) = narrow
        .items
        .into_iter()
        .partition(|item| !matches!(item, Item::Http { .. }));
    (narrow.items, narrow.refused) = (given, refused);
    assert!(starts(
        &two(&[RiskKind::SignsAndSends, RiskKind::ReadsAndSends]),
        &narrow
    ));
}

#[test]
fn where_reviewers_are_listed_only_their_own_signature_over_this_very_grant_counts() {
    let (rita, omar, eve) = (pair(), pair(), pair());
    let rules = ReviewRules {
        reviewers: BTreeMap::from([
            ("rita".into(), public(&rita)),
            ("omar".into(), public(&omar)),
        ]),
        ..ReviewRules::default()
    };
    let plain = grant(Vec::new());
    let comment = comment("erp");
    let good = |name: &str, pair| signed(&plain, by(name), pair, &comment);
    assert!(starts(&rules, &grant(vec![good("rita", &rita)])));
    assert!(starts(
        &rules,
        &grant(vec![good("Rita", &rita), good("omar", &omar)])
    ));
    for (approved, said) in [
        (vec![by("rita")], "found no signature"),
        (vec![good("eve", &eve)], "lists the reviewers omar, rita"),
        (vec![good("rita", &eve)], "by another key"),
        (vec![good("rita", &omar)], "by another key"),
        (
            vec![good("rita", &rita), by("omar")],
            "its approval by omar does not count",
        ),
        (
            vec![signed(&plain, by("rita"), &rita, "adapter acme/erp 1.0.0")],
            "made for `adapter acme/erp 1.0.0`",
        ),
        (
            vec![Approval {
                signature: Some("x".into()),
                ..by("rita")
            }],
            "cannot be read",
        ),
        (
            vec![Approval {
                reason: "other".into(),
                ..good("rita", &rita)
            }],
            "does not fit",
        ),
        (
            vec![Approval {
                at: "2027-01-01T00:00:00Z".into(),
                ..good("rita", &rita)
            }],
            "does not fit",
        ),
    ] {
        let told = held(&rules, &grant(approved));
        assert!(told.contains(said), "{said}: {told}");
    }
}

type Edit = fn(&mut Grant);

#[test]
fn whatever_of_a_signed_grant_is_edited_it_counts_no_more() {
    let rita = pair();
    let rules = ReviewRules {
        reviewers: BTreeMap::from([("rita".into(), public(&rita))]),
        ..ReviewRules::default()
    };
    let mut plain = grant(Vec::new());
    plain.expires = Some("2028-01-01T00:00:00Z".into());
    plain.approved = vec![signed(&plain, by("rita"), &rita, "approval erp")];
    assert!(starts(&rules, &plain));
    let mut turned = plain.clone();
    turned.items.reverse();
    assert!(starts(&rules, &turned), "order says nothing");
    let edits: [(&str, Edit); 6] = [
        ("an item more", |grant| {
            grant.items.push(Item::Emit {
                event: "x.y".into(),
            })
        }),
        ("an item less", |grant| drop(grant.items.pop())),
        ("an item refused", |grant| {
            grant.refused.push(Item::Emit {
                event: "x.y".into(),
            })
        }),
        ("no end", |grant| grant.expires = None),
        ("a later end", |grant| {
            grant.expires = Some("2029-01-01T00:00:00Z".into())
        }),
        ("another version", |grant| {
            grant.adapter.version = "2.0.0".into()
        }),
    ];
    for (edit, change) in edits {
        let mut edited = plain.clone();
        change(&mut edited);
        let told = held(&rules, &edited);
        assert!(
            told.contains("no longer what was approved"),
            "{edit}: {told}"
        );
    }
    let mut other = plain.clone();
    other.adapter.digest = "sha256:bb".into();
    assert!(rules.uncounted(&other).is_some());
    other = plain;
    other.system = "crm".into();
    assert!(rules.uncounted(&other).is_some());
}

#[test]
fn a_reviewer_who_revoked_need_not_sign_it() {
    let rita = pair();
    let rules = ReviewRules {
        reviewers: BTreeMap::from([("rita".into(), public(&rita))]),
        ..ReviewRules::default()
    };
    let plain = grant(Vec::new());
    let mut revoked = grant(vec![signed(&plain, by("rita"), &rita, "approval erp")]);
    revoked.revoked = Some(by("anyone"));
    assert!(held(&rules, &revoked).contains("revoked by anyone"));
}
