//! Where an adapter lies, and how registries are reached.

use super::files::{plan, settings, told};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is told of a system file with this adapter.
fn problem(adapter: &str) -> String {
    plan(&format!("adapter: {adapter}\n")).map_or_else(|found| told(&found), |_| String::new())
}

#[test]
fn a_place_that_others_can_change_is_refused_without_a_digest() {
    let table = [
        (
            "oci://registry.example/acme/shop:1".to_owned(),
            "a tag without a digest",
        ),
        (
            "oci://registry.example/acme/shop".to_owned(),
            "neither a tag nor a digest",
        ),
        (
            "oci://acme/shop:1".to_owned(),
            "no registry's host at the beginning",
        ),
        (
            "https://vendor.example/shop.wasm".to_owned(),
            "an address without a digest",
        ),
        (
            format!("https://me:secret@vendor.example/shop.wasm\ndigest: {DIGEST}"),
            "without user, password",
        ),
        (
            "https://vendor.example/shop.wasm\ndigest: sha256:12".to_owned(),
            "expected `sha256:` and 64 hex digits",
        ),
        (
            format!("any.wasm\ndigest: {DIGEST}"),
            "`adapter` is no http(s) address",
        ),
    ];
    for (adapter, expected) in table {
        let found = problem(&adapter);
        assert!(found.contains(expected), "{adapter}: {found}");
    }
    for adapter in [
        format!("oci://registry.example/acme/shop:1@{DIGEST}"),
        format!("https://vendor.example/shop.wasm\ndigest: {DIGEST}"),
    ] {
        let found = problem(&adapter);
        assert!(found.contains("was not fetched yet"), "{adapter}: {found}");
    }
}

#[test]
fn a_registrys_password_is_a_reference_and_never_repeated() {
    let (read, problems) = settings(
        "registries: { registry.example: { user: robot, password: \"env:P\", network: private } }",
    );
    assert!(problems.is_empty(), "{}", told(&problems));
    let registry = &read.registries["registry.example"];
    assert_eq!(registry.user.as_deref(), Some("robot"));
    assert!(registry.private_network && !registry.insecure);
    for (text, expected) in [
        (
            "{ registry.example: { user: robot } }",
            "one of `user` and `password`",
        ),
        (
            "{ registry.example: { user: a, password: canary-7f3a } }",
            "found a literal",
        ),
        (
            "{ registry.example: { insecure: yes-please } }",
            "`allow`, or no such key",
        ),
        ("{ acme: {} }", "expected its host"),
    ] {
        let (_, problems) = settings(&format!("registries: {text}"));
        let told = told(&problems);
        assert!(told.contains(expected), "{text}: {told}");
        assert!(!told.contains("canary-7f3a"), "{told}");
    }
}
