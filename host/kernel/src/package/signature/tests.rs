#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;

use minisign::KeyPair;
use tombolo_manifest::Manifest;

use super::*;

fn package(name: &str, version: &str, bytes: &[u8]) -> Package {
    let text = format!(
        "[adapter]\nname = \"{name}\"\nversion = \"{version}\"\nsummary = \"s\"\n[actions.go]\neffect = \"read\"\nsummary = \"s\"\n"
    );
    Package {
        manifest: Manifest::parse(&text).unwrap(),
        digest: String::new(),
        imports: BTreeSet::new(),
        bytes: bytes.into(),
        warnings: Vec::new(),
        sbom: None,
    }
}

fn shop() -> Package {
    package("acme/shop", "0.3.0", b"component")
}

fn public(pair: &KeyPair) -> PublisherKey {
    PublisherKey::parse(&pair.pk.to_base64()).unwrap()
}

fn sign(pair: &KeyPair, bytes: &[u8], comment: &str) -> String {
    minisign::sign(None, &pair.sk, bytes, Some(comment), None)
        .unwrap()
        .into_string()
}

fn trusting(names: &[(&str, &KeyPair)]) -> Publishers {
    let mut publishers = Publishers::default();
    for (names, pair) in names {
        publishers.trust(names, vec![public(pair)]);
    }
    publishers
}

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

#[track_caller]
fn untrusted(verdict: Verdict, words: &str) {
    match verdict {
        Verdict::Untrusted(found) => assert!(found.contains(words), "{found}"),
        other => panic!("expected it to be untrusted: {other:?}"),
    }
}

#[track_caller]
fn wrong(verdict: Verdict, words: &str) {
    match verdict {
        Verdict::Wrong(found, _) => assert!(found.contains(words), "{found}"),
        other => panic!("expected it to be wrong: {other:?}"),
    }
}

#[test]
fn a_signature_by_a_key_trusted_for_the_name_or_its_vendor_is_good() {
    let pair = pair();
    let signature = sign(&pair, b"component", "adapter acme/shop 0.3.0");
    for names in ["acme/shop", "acme/*"] {
        let verdict = trusting(&[(names, &pair)]).judge(&shop(), Some(signature.as_bytes()));
        assert_eq!(
            verdict,
            Verdict::Good {
                key: public(&pair).id().to_owned(),
                trusted_for: names.to_owned()
            }
        );
    }
    assert_eq!(signer_id(&signature).unwrap(), public(&pair).id());
    assert!(
        pair.pk
            .to_box()
            .unwrap()
            .to_string()
            .contains(public(&pair).id()),
        "the id is not spelled as minisign spells it"
    );
}

#[test]
fn a_missing_signature_and_one_by_another_key_are_untrusted_and_say_whose() {
    let (ours, theirs) = (pair(), pair());
    let publishers = trusting(&[("acme/shop", &ours), ("other/*", &theirs)]);
    untrusted(publishers.judge(&shop(), None), "found no signature");
    let signature = sign(&theirs, b"component", "adapter acme/shop 0.3.0");
    let verdict = publishers.judge(&shop(), Some(signature.as_bytes()));
    untrusted(verdict.clone(), "which is trusted only for other/*");
    untrusted(verdict, &format!("expected key {}", public(&ours).id()));
    let verdict = Publishers::default().judge(&shop(), Some(signature.as_bytes()));
    untrusted(verdict.clone(), "which tombolo.yaml does not name");
    untrusted(verdict, "names no publisher of acme/shop");
}

#[test]
fn keys_for_the_exact_name_count_alone() {
    let (vendor, exact) = (pair(), pair());
    let publishers = trusting(&[("acme/*", &vendor), ("acme/shop", &exact)]);
    let signature = sign(&vendor, b"component", "adapter acme/shop 0.3.0");
    untrusted(
        publishers.judge(&shop(), Some(signature.as_bytes())),
        "trusted only for acme/*",
    );
}

#[test]
fn changed_bytes_a_changed_comment_and_another_comment_are_wrong() {
    let pair = pair();
    let publishers = trusting(&[("acme/*", &pair)]);
    let good = sign(&pair, b"component", "adapter acme/shop 0.3.0");
    let judge = |text: &str| publishers.judge(&shop(), Some(text.as_bytes()));
    let other_bytes = sign(&pair, b"another component", "adapter acme/shop 0.3.0");
    wrong(judge(&other_bytes), "does not fit these bytes");
    wrong(judge(&good.replace("0.3.0", "0.3.1")), "does not fit");
    for comment in [
        "adapter acme/shop 0.3.1",
        "adapter acme/other 0.3.0",
        "adapter acme/shop 0.3.0 ",
        "timestamp:1",
        "",
    ] {
        wrong(
            judge(&sign(&pair, b"component", comment)),
            "expected `adapter acme/shop 0.3.0`",
        );
    }
    let older = package("acme/shop", "0.2.0", b"component");
    wrong(
        publishers.judge(&older, Some(good.as_bytes())),
        "expected `adapter acme/shop 0.2.0`",
    );
}

#[test]
fn every_cut_and_flip_of_a_signature_is_refused_and_never_panics() {
    let pair = pair();
    let publishers = trusting(&[("acme/*", &pair)]);
    let good = sign(&pair, b"component", "adapter acme/shop 0.3.0");
    let signed_part = good.find('\n').unwrap();
    let good_verdict = publishers.judge(&shop(), Some(good.as_bytes()));
    for length in 0..good.len() - 1 {
        let verdict = publishers.judge(&shop(), Some(&good.as_bytes()[..length]));
        assert!(!matches!(verdict, Verdict::Good { .. }), "cut at {length}");
    }
    for at in 0..good.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= flip;
            let verdict = publishers.judge(&shop(), Some(&bytes));
            // The first line and the line breaks are signed by nobody.
            if at > signed_part && good.as_bytes()[at] != b'\n' {
                assert_ne!(verdict, good_verdict, "flip {flip} at {at}");
            }
        }
    }
    for text in ["", "\n\n\n\n", "a\nRW\nb\nRW", "x"] {
        wrong(
            publishers.judge(&shop(), Some(text.as_bytes())),
            "cannot be read",
        );
    }
}

#[test]
fn a_signature_that_is_not_prehashed_is_refused() {
    let pair = pair();
    let publishers = trusting(&[("acme/*", &pair)]);
    let good = sign(&pair, b"component", "adapter acme/shop 0.3.0");
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    let mut raw = STANDARD.decode(&lines[1]).unwrap();
    raw[..2].copy_from_slice(b"Ed");
    lines[1] = STANDARD.encode(raw);
    wrong(
        publishers.judge(&shop(), Some(lines.join("\n").as_bytes())),
        "expected a prehashed one",
    );
}

#[test]
fn only_what_is_not_trusted_can_be_allowed_never_what_is_wrong() {
    let found = || "f".to_owned();
    assert_eq!(
        Verdict::Untrusted(found()).signer(true),
        Signer::Allowed { found: found() }
    );
    for verdict in [
        Verdict::Untrusted(found()),
        Verdict::Wrong(found(), found()),
    ] {
        assert!(matches!(verdict.signer(false), Signer::Nobody { .. }));
    }
    assert!(matches!(
        Verdict::Wrong(found(), found()).signer(true),
        Signer::Nobody { .. }
    ));
}

#[test]
fn keys_and_names_are_spelled_one_way() {
    let key = pair().pk.to_base64();
    assert!(PublisherKey::parse(&key).is_ok());
    for text in [
        "",
        "RW",
        &key[1..],
        &format!("{key}A"),
        &format!(" {key}"),
        "é",
    ] {
        assert!(PublisherKey::parse(text).is_err(), "{text}");
    }
    for text in ["acme/shop", "acme/*", "a-b/c"] {
        assert!(is_adapter_pattern(text), "{text}");
    }
    for text in [
        "*",
        "*/*",
        "acme",
        "acme/",
        "acme/s*",
        "Acme/*",
        "\u{430}cme/*",
        "acme/../x",
    ] {
        assert!(!is_adapter_pattern(text), "{text}");
    }
}
