//! What `tombolo adapter build` puts out: the same bytes wherever the source and cargo's folder lie, and in them what
//! they were built from. It compiles for minutes the first time; its folders below `target/` make it quick after that.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tombolo_tests::built::{root, run};

/// A new adapter in this folder, with what an earlier run compiled there.
fn fresh(folder: &Path) -> PathBuf {
    let (dir, kept) = (folder.join("shop"), folder.join("kept"));
    fs::create_dir_all(folder).unwrap();
    if dir.join("target").exists() {
        let _ = fs::remove_dir_all(&kept);
        fs::rename(dir.join("target"), &kept).unwrap();
    }
    let _ = fs::remove_dir_all(&dir);
    let (code, _, told) = run(&["adapter", "new", "acme/shop", "--dir", text(&dir)], &[]);
    assert_eq!(code, 0, "{told}");
    if kept.exists() {
        fs::rename(&kept, dir.join("target")).unwrap();
    }
    dir
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Cargo's folder under another name: the same files behind links.
fn other_cargo_home(folder: &Path) -> PathBuf {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let real = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let other = folder.join("another-cargo-home");
    let _ = fs::remove_dir_all(&other);
    fs::create_dir_all(&other).unwrap();
    for entry in fs::read_dir(real).unwrap().map(Result::unwrap) {
        symlink(entry.path(), other.join(entry.file_name())).unwrap();
    }
    other
}

/// The built file; panics with the compiler's words.
fn build(dir: &Path, environment: &[(&str, &str)]) -> PathBuf {
    let (code, _, told) = run(&["adapter", "build", text(dir)], environment);
    assert_eq!(code, 0, "{told}");
    dir.join("target/shop.wasm")
}

#[test]
fn the_same_source_gives_the_same_bytes_in_any_folder_and_tells_what_it_was_built_from() {
    let folder = root().join("target/reproducible");
    let here = fresh(&folder.join("here"));
    let there = fresh(&folder.join("some/where else"));
    let first = build(&here, &[]);
    fs::copy(here.join("Cargo.lock"), there.join("Cargo.lock")).unwrap();
    let home = other_cargo_home(&folder);
    let second = build(&there, &[("CARGO_HOME", text(&home))]);
    let bytes = fs::read(&first).unwrap();
    assert!(
        bytes == fs::read(&second).unwrap(),
        "{} and {} differ",
        first.display(),
        second.display()
    );
    for leak in [
        text(&root()),
        "another-cargo-home",
        ".cargo/registry",
        "index.crates.io",
    ] {
        let found = bytes
            .windows(leak.len())
            .any(|window| window == leak.as_bytes());
        assert!(!found, "the adapter holds `{leak}`");
    }

    let file = folder.join("sbom.json");
    let (code, shown, told) = run(
        &["adapter", "inspect", text(&first), "--sbom", text(&file)],
        &[],
    );
    assert_eq!(code, 0, "{told}");
    let sbom: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    follows_the_schema(&sbom);
    names_what_is_inside(&sbom);
    for word in [
        "components inside",
        "rustc 1.",
        "tombolo adapter build",
        "sha256:",
    ] {
        assert!(shown.contains(word), "{word:?} is not told:\n{shown}");
    }
}

fn follows_the_schema(sbom: &Value) {
    let schema: Value = serde_json::from_str(include_str!("cyclonedx-1.6.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(sbom)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What CycloneDX says in words: references are unique, and what depends refers to what is there.
    let mut known = BTreeSet::from([sbom["metadata"]["component"]["bom-ref"].as_str().unwrap()]);
    for component in sbom["components"].as_array().unwrap() {
        let name = component["bom-ref"].as_str().unwrap();
        assert!(known.insert(name), "{name} is there twice");
    }
    let mut told = BTreeSet::new();
    for dependency in sbom["dependencies"].as_array().unwrap() {
        assert!(told.insert(dependency["ref"].as_str().unwrap()));
        for needed in dependency["dependsOn"].as_array().unwrap() {
            assert!(known.contains(needed.as_str().unwrap()), "{needed}");
        }
    }
    assert!(told.is_subset(&known));
}

fn names_what_is_inside(sbom: &Value) {
    let named = |name: &str| {
        sbom["components"]
            .as_array()
            .unwrap()
            .iter()
            .find(|component| component["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not named: {sbom:#}"))
    };
    let json = named("serde_json");
    assert_eq!(json["scope"], "required");
    let version = json["version"].as_str().unwrap();
    assert_eq!(json["purl"], format!("pkg:cargo/serde_json@{version}"));
    assert_eq!(json["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(json["hashes"][0]["content"].as_str().unwrap().len(), 64);
    // A macro runs in the compiler; none of it is in the adapter. The SDK is a folder, which no registry has.
    assert_eq!(named("serde_derive")["scope"], "excluded");
    assert_eq!(named("tombolo-sdk")["purl"], Value::Null);
    assert_eq!(named("rust-std")["scope"], "required");
    assert_eq!(sbom["metadata"]["component"]["name"], "acme/shop");
    assert_eq!(sbom["metadata"]["tools"]["components"][1]["name"], "rustc");
}
