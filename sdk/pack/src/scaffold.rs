//! A new adapter's folder: a small real adapter with its tests, and beside it the contract and the SDK, so that it
//! builds and passes its tests at once.

use std::borrow::Cow;
use std::fs;
use std::path::{Component, Path, PathBuf};

use tombolo_manifest::names;

use crate::PackError;

/// The contract (`wit/`) and the vendor's crates (`sdk/rust/`, `sdk/manifest/`): relative path and content of each
/// file, laid out as in this project. Their manifests must not inherit from a workspace.
#[derive(Debug, Clone, Default)]
pub struct SdkFiles(pub Vec<(PathBuf, Cow<'static, [u8]>)>);

/// Files of a new adapter; `VENDOR` and `ADAPTER` stand for the two parts of its name.
const TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    (".gitignore", include_str!("../template/gitignore.txt")),
    ("README.md", include_str!("../template/README.md.txt")),
    ("adapter.toml", include_str!("../template/adapter.toml.txt")),
    ("src/lib.rs", include_str!("../template/src/lib.rs.txt")),
    ("src/tests.rs", include_str!("../template/src/tests.rs.txt")),
];

/// Makes `dir` with the adapter `name` (`vendor/name`).
///
/// # Errors
/// A name that is not spelled so, a folder that has something in it already, a file that cannot be written.
pub fn new_adapter(dir: &Path, name: &str, sdk: &SdkFiles) -> Result<(), PackError> {
    if !names::is_adapter(name) {
        return Err(PackError::Folder(format!(
            "found the name `{}`, expected `vendor/name`, each of lower case ASCII letters, digits and `-`, beginning with a letter, at most {} characters",
            name.escape_debug(),
            names::NAME
        )));
    }
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(PackError::Folder(format!(
            "found files in {}, expected a folder that is empty or not there: choose another name, or remove them",
            dir.display()
        )));
    }
    let (vendor, adapter) = name.split_once('/').unwrap_or(("", name));
    for (path, text) in TEMPLATE {
        let text = text.replace("VENDOR", vendor).replace("ADAPTER", adapter);
        write(dir, Path::new(path), text.as_bytes())?;
    }
    sdk.0
        .iter()
        .try_for_each(|(path, content)| write(dir, path, content))
}

fn write(dir: &Path, path: &Path, content: &[u8]) -> Result<(), PackError> {
    if !path
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(PackError::Folder(format!(
            "found the path `{}`, expected one inside the new folder",
            path.display()
        )));
    }
    let file = dir.join(path);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(PackError::file(folder, "making the folder"))?;
    }
    fs::write(&file, content).map_err(PackError::file(&file, "writing it"))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]

    use super::*;

    #[test]
    fn a_new_folder_holds_a_right_manifest_with_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("shop");
        let sdk = SdkFiles(vec![("sdk/rust/Cargo.toml".into(), Cow::Borrowed(b"x"))]);
        new_adapter(&dir, "acme/shop", &sdk).unwrap();
        let text = fs::read_to_string(dir.join("adapter.toml")).unwrap();
        let manifest = tombolo_manifest::Manifest::parse(&text)
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(manifest.adapter.name, "acme/shop");
        assert!(
            fs::read_to_string(dir.join("Cargo.toml"))
                .unwrap()
                .contains("name = \"shop-adapter\"")
        );
        assert_eq!(fs::read(dir.join("sdk/rust/Cargo.toml")).unwrap(), b"x");
    }

    #[test]
    fn what_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "mine").unwrap();
        let error = new_adapter(folder.path(), "acme/shop", &SdkFiles::default()).unwrap_err();
        assert!(error.to_string().contains("choose another name"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_or_file_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "shop",
            "../shop",
            "acme/../x",
            "Acme/shop",
            "acme/shop/x",
            "",
        ] {
            assert!(
                new_adapter(&folder.path().join("x"), name, &SdkFiles::default()).is_err(),
                "{name}"
            );
        }
        let sdk = SdkFiles(vec![("../outside".into(), Cow::Borrowed(b""))]);
        assert!(new_adapter(&folder.path().join("y"), "acme/shop", &sdk).is_err());
        assert!(!folder.path().join("outside").exists());
    }
}
