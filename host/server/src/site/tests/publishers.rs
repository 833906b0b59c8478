//! Whose signatures count, and what may run without one.

use tombolo_kernel::package::signature::PublisherKey;
use tombolo_kernel::package::{Publishers, Signer};

use super::files::{plan, settings, told};

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

#[test]
fn publishers_are_read_with_one_key_or_several() {
    let (read, problems) = settings(&format!(
        "publishers:\n  acme/*: {KEY}\n  acme/shop: [{KEY}, {KEY}]"
    ));
    assert!(problems.is_empty(), "{}", told(&problems));
    let key = || PublisherKey::parse(KEY).unwrap();
    let mut publishers = Publishers::default();
    publishers.trust("acme/*", vec![key()]);
    publishers.trust("acme/shop", vec![key(), key()]);
    assert_eq!(read.publishers, publishers);
}

#[test]
fn a_bad_publisher_is_told_where_and_what_and_a_secret_key_is_not_repeated() {
    let secret = format!("RWRTY0Iy{KEY}{KEY}");
    let table = [
        (
            "publishers: [a]".to_owned(),
            "publishers: found a list of 1, expected a mapping",
        ),
        (
            format!("publishers: {{ acme: {KEY} }}"),
            "publisher of \"acme\": expected `vendor/name`",
        ),
        (
            format!("publishers: {{ \"*\": {KEY} }}"),
            "publisher of \"*\": expected `vendor/name`",
        ),
        (
            format!("publishers: {{ \"\u{430}cme/*\": {KEY} }}"),
            "expected `vendor/name`",
        ),
        (
            "publishers: { acme/*: [] }".to_owned(),
            "a publisher: found a list of 0, expected from 1 to 16 keys",
        ),
        (
            "publishers: { acme/*: 7 }".to_owned(),
            "a publisher's key: found the number 7",
        ),
        (
            format!("publishers: {{ acme/*: {secret} }}"),
            "tombolo.yaml:1:23: a publisher's key: expected a minisign public key",
        ),
    ];
    for (text, expected) in table {
        let told = told(&settings(&text).1);
        assert!(
            told.contains(expected),
            "{text}\n  told: {told}\n  not:  {expected}"
        );
        assert!(!told.contains(&secret), "{told}");
    }
}

#[test]
fn only_the_word_allow_lets_an_adapter_run_unsigned() {
    let plan_of = |unsigned: &str| plan(&format!("adapter: any.wasm\n{unsigned}"));
    assert!(matches!(
        plan_of("").unwrap().bare.signer,
        Signer::Nobody { .. }
    ));
    let allowed = plan_of("unsigned: allow").unwrap();
    assert!(matches!(allowed.bare.signer, Signer::Allowed { .. }));
    assert_ne!(allowed.fingerprint, plan_of("").unwrap().fingerprint);
    for word in ["true", "yes", "allowed", "Allow", "[allow]"] {
        let told = told(&plan_of(&format!("unsigned: {word}")).unwrap_err());
        assert!(
            told.contains("systems/erp.yaml:2:11: unsigned: found"),
            "{word}: {told}"
        );
    }
}
