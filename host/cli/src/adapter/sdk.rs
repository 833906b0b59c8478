//! The contract and the vendor's crates as they were when this binary was built, for `tombolo adapter new`.

use std::borrow::Cow;

use include_dir::{Dir, include_dir};
use tombolo_pack::SdkFiles;

/// Folder in a new adapter, and what lies there; laid out as in this project, since the crates name each other and
/// the contract by relative paths.
static FOLDERS: [(&str, Dir<'static>); 3] = [
    ("wit", include_dir!("$CARGO_MANIFEST_DIR/../../wit")),
    (
        "sdk/rust",
        include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust"),
    ),
    (
        "sdk/manifest",
        include_dir!("$CARGO_MANIFEST_DIR/../../sdk/manifest"),
    ),
];

/// Every file of them.
pub(super) fn files() -> SdkFiles {
    let mut files = Vec::new();
    for (folder, dir) in &FOLDERS {
        add(folder, dir, &mut files);
    }
    SdkFiles(files)
}

fn add(
    folder: &str,
    dir: &Dir<'static>,
    files: &mut Vec<(std::path::PathBuf, Cow<'static, [u8]>)>,
) {
    for file in dir.files() {
        files.push((
            std::path::Path::new(folder).join(file.path()),
            Cow::Borrowed(file.contents()),
        ));
    }
    for inner in dir.dirs() {
        // Paths are relative to the folder that was included, not to `inner`.
        add(folder, inner, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_new_adapter_needs_is_inside() {
        let files = files().0;
        let paths: Vec<String> = files
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        for needed in [
            "wit/world.wit",
            "sdk/rust/Cargo.toml",
            "sdk/rust/src/lib.rs",
            "sdk/manifest/src/lib.rs",
        ] {
            assert!(
                paths.iter().any(|path| path == needed),
                "{needed} in {paths:?}"
            );
        }
        assert!(
            !paths.iter().any(|path| path.contains("target/")),
            "{paths:?}"
        );
    }

    #[test]
    fn the_copied_crates_stand_without_a_workspace() {
        for (path, content) in files()
            .0
            .iter()
            .filter(|(path, _)| path.ends_with("Cargo.toml"))
        {
            let text = String::from_utf8_lossy(content);
            let lines = text
                .lines()
                .filter(|line| line.contains("workspace = true") || line.contains(".workspace"));
            assert_eq!(lines.count(), 0, "{}", path.display());
        }
    }
}
