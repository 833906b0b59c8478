#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;

const MANIFEST: &str =
    "[adapter]\nname = \"a/b\"\nversion = \"1.0.0\"\nsummary = \"s\"\ngeneric = true\n";

#[test]
fn a_manifest_with_problems_is_told_with_its_lines_before_anything_else() {
    let error = componentize(b"", &MANIFEST.replace("1.0.0", "one"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("adapter.toml:3:11: found the version `one`"),
        "{error}"
    );
}

#[test]
fn bytes_that_are_no_module_are_refused_without_a_panic() {
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\0asm\x01\0\0\0\x01",
        b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\xff\xff",
        b"hello, world",
    ] {
        assert!(
            matches!(componentize(bytes, MANIFEST), Err(PackError::Component(_))),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_module_that_knows_no_contract_is_told_how_to_export_its_adapter() {
    let error = componentize(b"\0asm\x01\0\0\0", MANIFEST)
        .unwrap_err()
        .to_string();
    assert!(error.contains("tombolo_sdk::export!"), "{error}");
}

#[test]
fn custom_sections_are_left_out_at_every_level() {
    // A component whose one core module has a section `name` and a section `keep`.
    let module = b"\0asm\x01\0\0\0\x00\x06\x04name\0\x00\x06\x04keep\0";
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    component.push(u8::try_from(module.len()).unwrap());
    component.extend_from_slice(module);
    component.extend_from_slice(b"\x00\x05\x04name");
    let kept = strip(&component, &|name| name == "keep").unwrap();
    assert_eq!(
        kept,
        b"\0asm\x0d\0\x01\0\x01\x10\0asm\x01\0\0\0\x00\x06\x04keep\0"
    );
}
