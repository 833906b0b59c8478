#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use wasm_encoder::{Component, ComponentSection, CustomSection, RawSection};

use super::*;
use crate::limits::PACKAGE_DEPTH;

mod mutated;

const MANIFEST: &str = r#"
[adapter]
name = "acme/erp"
version = "1.0.0"
summary = "An ERP"
[connections.api]
kind = "http"
reason = "Calls the ERP"
allow = ["GET /orders"]
[actions.orders]
effect = "read"
summary = "Orders"
"#;

/// A component in text with these imports, the three exports and nothing behind them.
fn component(imports: &[&str]) -> Vec<u8> {
    let imports: String = imports
        .iter()
        .map(|import| format!("(import \"{import}\" (instance))"))
        .collect();
    let text = format!(
        r#"(component {imports}
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "act" (func $f)) (export "receive" (func $f)) (export "read" (func $f)))"#
    );
    wat::parse_str(text).unwrap()
}

fn with_section(mut bytes: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let section = CustomSection {
        name: name.into(),
        data: data.into(),
    };
    ComponentSection::append_to_component(&section, &mut bytes);
    bytes
}

fn with_manifest(bytes: Vec<u8>, manifest: &str) -> Vec<u8> {
    with_section(bytes, tombolo_manifest::SECTION, manifest.as_bytes())
}

const HTTP: &str = "tombolo:adapter/http@0.1.0";

fn good() -> Vec<u8> {
    with_manifest(
        component(&[
            "tombolo:adapter/types@0.1.0",
            HTTP,
            "tombolo:adapter/log@0.1.3",
        ]),
        MANIFEST,
    )
}

fn refusal(bytes: Vec<u8>) -> String {
    Package::read(bytes)
        .expect_err("should be refused")
        .to_string()
}

#[test]
fn a_good_package_shows_its_manifest_digest_and_imports() {
    let package = Package::read(good()).unwrap();
    assert_eq!(package.manifest.adapter.name, "acme/erp");
    assert_eq!(
        package
            .imports
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
        ["http", "log", "types"]
    );
    assert_eq!(
        package.digest,
        format!("sha256:{}", hex::encode(Sha256::digest(good())))
    );
    assert!(package.warnings.is_empty());
    assert_eq!(&*package.bytes, good());
}

#[test]
fn a_truncated_or_altered_component_is_refused_and_never_panics() {
    let good = good();
    for length in 0..good.len() {
        // A cut between two sections leaves a component that only lacks its manifest.
        assert!(
            Package::read(good[..length].to_vec()).is_err(),
            "cut at {length}"
        );
    }
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            let _ = Package::read(bytes);
        }
    }
}

#[test]
fn an_import_that_is_not_declared_is_refused_by_name() {
    for (interface, declaration) in [
        ("sql", "kind = \"sql\""),
        ("keys", "[keys.NAME]"),
        ("store", "[store]"),
        ("actions", "[calls]"),
    ] {
        let name = format!("tombolo:adapter/{interface}@0.1.0");
        let said = refusal(with_manifest(component(&[&name]), MANIFEST));
        assert!(
            said.contains(&format!("import of `{interface}`")) && said.contains(declaration),
            "{said}"
        );
    }
}

#[test]
fn an_import_from_outside_the_contract_is_refused_by_name() {
    for import in [
        "wasi:cli/environment@0.2.0",
        "tombolo:adapter/http@0.2.0",
        "tombolo:adapter/http",
        "tombolo:adapter/files@0.1.0",
        "other:adapter/http@0.1.0",
        "http",
    ] {
        let said = refusal(with_manifest(component(&[import]), MANIFEST));
        assert!(said.contains(&format!("import of `{import}`")), "{said}");
    }
    let function = wat::parse_str(format!(r#"(component (import "{HTTP}" (func)))"#));
    assert!(
        function.is_err() || Package::read(with_manifest(function.unwrap(), MANIFEST)).is_err()
    );
}

#[test]
fn what_is_declared_and_not_imported_is_a_warning() {
    let manifest = format!("{MANIFEST}\n[store]\nquota = \"1 MiB\"\nreason = \"r\"\n");
    let package = Package::read(with_manifest(component(&[]), &manifest)).unwrap();
    assert_eq!(package.warnings.len(), 2, "{:?}", package.warnings);
    assert!(package.warnings[0].contains("connection `api`"));
}

#[test]
fn a_missing_verb_is_refused() {
    let bytes = wat::parse_str("(component)").unwrap();
    assert!(refusal(with_manifest(bytes, MANIFEST)).contains("no exported function `act`"));
}

#[test]
fn what_is_not_a_component_is_told_apart() {
    for (bytes, said) in [
        (Vec::new(), "an empty file"),
        (b"\x7fELF\x02\x01\x01".to_vec(), "machine code"),
        (
            wat::parse_str("(module)").unwrap(),
            "run `tombolo adapter build`",
        ),
        (b"(component)".to_vec(), "as text"),
        (b"PK\x03\x04".to_vec(), "compressed"),
        (b"hello".to_vec(), "not WebAssembly"),
        (b"\0asm\x0d\0\x02\0".to_vec(), "malformed"),
        (b"\0as".to_vec(), "not WebAssembly"),
    ] {
        let message = refusal(bytes);
        assert!(message.contains(said), "{said}: {message}");
    }
}

#[test]
fn an_oversized_package_is_refused_before_it_is_read() {
    let size = usize::try_from(PACKAGE_BYTES).unwrap() + 1;
    assert!(refusal(vec![0; size]).contains("expected at most 33554432"));
    let long = with_manifest(
        component(&[HTTP]),
        &format!("{MANIFEST}#{}", "x".repeat(MANIFEST_BYTES)),
    );
    assert!(refusal(long).contains("found a manifest of"));
}

#[test]
fn a_second_or_nested_or_missing_manifest_is_refused() {
    assert!(refusal(with_manifest(good(), MANIFEST)).contains("two sections"));
    assert!(refusal(component(&[])).contains("no section `tombolo:manifest`"));
    let nested =
        wat::parse_str(r#"(component (core module (@custom "tombolo:manifest" "x")))"#).unwrap();
    assert!(refusal(with_manifest(nested, MANIFEST)).contains("nested module"));
}

#[test]
fn doubled_keys_and_bad_text_in_a_manifest_are_refused_with_their_line() {
    let doubled = MANIFEST.replace(
        "version = \"1.0.0\"",
        "version = \"1.0.0\"\nversion = \"1.0.1\"",
    );
    let said = refusal(with_manifest(component(&[HTTP]), &doubled));
    assert!(said.contains("adapter.toml:5:1: duplicate key"), "{said}");
    assert!(
        refusal(with_section(
            component(&[HTTP]),
            tombolo_manifest::SECTION,
            b"\xff"
        ))
        .contains("not UTF-8")
    );
}

#[test]
fn deep_nesting_of_components_is_refused() {
    let nested = |depth: usize| {
        let text = format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
        with_manifest(wat::parse_str(text).unwrap(), MANIFEST)
    };
    assert!(refusal(nested(PACKAGE_DEPTH)).contains("no exported function"));
    assert!(refusal(nested(PACKAGE_DEPTH + 1)).contains("nested deeper"));
}

#[test]
fn deep_nesting_of_types_cannot_exhaust_the_stack() {
    let nested = |depth: usize| {
        // One type: depth times "component type with one declaration, a type", then an empty one.
        let mut section = vec![1];
        section.extend([0x41, 1, 1].repeat(depth));
        section.extend([0x41, 0]);
        let mut component = Component::new();
        component.section(&RawSection {
            id: 7,
            data: &section,
        });
        with_manifest(component.finish(), MANIFEST)
    };
    assert!(refusal(nested(2)).contains("no exported function"));
    assert!(refusal(nested(PACKAGE_DEPTH)).contains("nested deeper"));
    assert!(refusal(nested(1_000_000)).contains("nested deeper"));
}

#[test]
fn features_that_adapters_may_not_use_are_refused() {
    for text in [
        "(component (core module (memory 1 1 shared)))",
        "(component (core module (memory i64 1)))",
        "(component (core module (tag)))",
        "(component (core module (type (struct))))",
        "(component (core module (func (param externref))))",
        "(component (type (future u8)))",
    ] {
        let bytes = wat::parse_str(text).unwrap();
        assert!(
            refusal(with_manifest(bytes, MANIFEST)).contains("malformed"),
            "{text}"
        );
    }
}

fn with_sbom(sbom: &[u8]) -> Vec<u8> {
    with_section(good(), tombolo_manifest::SBOM_SECTION, sbom)
}

#[test]
fn what_it_was_built_from_is_read_and_told_apart_from_what_only_built_it() {
    assert_eq!(Package::read(good()).unwrap().sbom, None);
    let text = r#"{ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": { "tools": { "components": [{ "type": "application", "name": "rustc", "version": "1.95.0" }] },
                      "properties": [{ "name": "a", "value": "b" }] },
        "components": [{ "type": "library", "name": "serde", "scope": "required" }, { "type": "library", "name": "itoa" },
                       { "type": "library", "name": "derive", "scope": "excluded" }] }"#;
    let sbom = Package::read(with_sbom(text.as_bytes()))
        .unwrap()
        .sbom
        .unwrap();
    assert_eq!((sbom.inside, sbom.tools_only), (2, 1));
    assert_eq!(sbom.built_with, [("rustc".into(), "1.95.0".into())]);
    assert_eq!(sbom.notes, [("a".into(), "b".into())]);
    assert_eq!(sbom.text, text);
    assert_eq!(
        sbom.digest,
        format!("sha256:{}", hex::encode(Sha256::digest(text)))
    );
}

#[test]
fn a_section_that_is_no_sbom_or_too_large_or_there_twice_is_refused() {
    let good = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#;
    assert!(
        refusal(with_section(
            with_sbom(good),
            tombolo_manifest::SBOM_SECTION,
            good
        ))
        .contains("two sections")
    );
    let large = vec![b' '; crate::limits::SBOM_BYTES + 1];
    assert!(refusal(with_sbom(&large)).contains("expected at most"));
    assert!(refusal(with_sbom(b"\xff")).contains("not UTF-8"));
    let deep = format!("{{\"bomFormat\":{}", "[".repeat(100_000));
    let many = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}{{"name":"x"}}]}}"#,
        r#"{"name":"x"},"#.repeat(crate::limits::SBOM_COMPONENTS)
    );
    let others = [
        "",
        "[]",
        "{}",
        "{\"bomFormat\":7,\"specVersion\":\"1.6\"}",
        "{\"bomFormat\":\"SPDX\",\"specVersion\":\"1.6\"}",
        "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"2.0\"}",
        "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[7]}",
        &deep,
        &many,
    ];
    for other in others {
        let said = refusal(with_sbom(other.as_bytes()));
        assert!(said.contains("expected a CycloneDX document"), "{said}");
        assert!(said.len() < 400, "{} bytes of words", said.len());
    }
}
