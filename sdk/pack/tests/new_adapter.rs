//! A new adapter, made from the crates and the contract of this tree, passes its tests and builds, and no path of this
//! machine is in its bytes. It compiles for minutes the first time; its folder below `target/` makes it quick after that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tombolo_pack::{Progress, SdkFiles, build, new_adapter};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

fn sdk() -> SdkFiles {
    let mut files = Vec::new();
    for folder in ["wit", "sdk/rust", "sdk/manifest"] {
        add(&root().join(folder), &mut files);
    }
    SdkFiles(files)
}

fn add(folder: &Path, files: &mut Vec<(PathBuf, Cow<'static, [u8]>)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            add(&entry.path(), files);
        } else {
            let path = entry.path().strip_prefix(root()).unwrap().to_owned();
            files.push((path, Cow::Owned(fs::read(entry.path()).unwrap())));
        }
    }
}

/// A new adapter in `name`, with what an earlier run compiled there.
fn fresh(name: &str) -> PathBuf {
    let folder = root().join("target/new-adapter").join(name);
    let (dir, kept) = (folder.join("shop"), folder.join("kept"));
    fs::create_dir_all(&folder).unwrap();
    if dir.join("target").exists() {
        let _ = fs::remove_dir_all(&kept);
        fs::rename(dir.join("target"), &kept).unwrap();
    }
    let _ = fs::remove_dir_all(&dir);
    new_adapter(&dir, "acme/shop", &sdk()).unwrap();
    if kept.exists() {
        fs::rename(&kept, dir.join("target")).unwrap();
    }
    dir
}

#[test]
fn a_new_adapter_passes_its_tests_and_builds_at_once() {
    let dir = fresh("here");
    let output = Command::new(env!("CARGO"))
        .arg("test")
        .current_dir(&dir)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && said.contains("3 passed"),
        "{said}"
    );

    let mut toolchains = Vec::new();
    let built = build(&dir, &mut |step| {
        if let Progress::Toolchain(sentence) = step {
            toolchains.push(sentence);
        }
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(built.file, dir.join("target/shop.wasm"));
    assert_eq!(toolchains, [built.toolchain]);
    let bytes = fs::read(&built.file).unwrap();
    assert_eq!(bytes.len() as u64, built.size);
    for leak in [root().to_str().unwrap(), ".cargo/registry", "/usr/lib"] {
        let found = bytes
            .windows(leak.len())
            .any(|window| window == leak.as_bytes());
        assert!(!found, "the adapter holds `{leak}`");
    }
}
