#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;

fn error(dir: &Path) -> String {
    build(dir, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn a_folder_that_is_no_adapter_is_told_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert!(
        error(dir).contains("adapter.toml: reading the manifest"),
        "{}",
        error(dir)
    );
    fs::write(
        dir.join("adapter.toml"),
        "[adapter]\nname = \"A\"\nversion = \"1.0.0\"\nsummary = \"s\"\ngeneric = true\n",
    )
    .unwrap();
    assert!(
        error(dir).contains("adapter.toml:2:8: found the name `A`"),
        "{}",
        error(dir)
    );
    fs::write(
        dir.join("adapter.toml"),
        "[adapter]\nname = \"a/b\"\nversion = \"1.0.0\"\nsummary = \"s\"\ngeneric = true\n",
    )
    .unwrap();
    assert!(error(dir).contains("found no Cargo.toml"), "{}", error(dir));
    fs::write(dir.join("Cargo.toml"), "[workspace]\n").unwrap();
    assert!(error(dir).contains("no package"), "{}", error(dir));
    fs::write(dir.join("Cargo.toml"), "[package\n").unwrap();
    assert!(error(dir).contains("Cargo.toml"), "{}", error(dir));
}
