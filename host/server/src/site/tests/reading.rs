//! Whole folders: what is found, bounded, and reported together.

use std::path::Path;

use super::super::{check, read};

fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn told(folder: &Path) -> String {
    read(folder)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_empty_site_with_a_tombolo_yaml_is_in_order() {
    let folder = site(&[("tombolo.yaml", "")]);
    assert_eq!(told(folder.path()), "");
    let report = check(folder.path());
    assert!(report.problems.is_empty() && report.systems.is_empty());
}

#[test]
fn problems_of_all_files_are_told_together() {
    let folder = site(&[
        ("tombolo.yaml", "listen: here"),
        ("systems/erp.yaml", "adapter: adapters/none.wasm"),
        ("systems/Bad Name.yaml", "adapter: adapters/none.wasm"),
        ("systems/old.yml", ""),
        (
            "grants/erp.yaml",
            "system: crm\nitems: [{ capability: fly }]",
        ),
        ("flows/broken.yaml", "steps: ["),
        ("flows/lonely.test.yaml", "- {}"),
        ("systems/README.md", "not read"),
    ]);
    let told = told(folder.path());
    for expected in [
        "tombolo.yaml:1:9: listen: found the text \"here\"",
        "systems/erp.yaml:1:10: adapter \"adapters/none.wasm\": cannot be read",
        "systems/Bad Name.yaml:1:1: the system is named \"Bad Name\" after its file",
        "systems/old.yml: found the ending .yml, expected old.yaml; rename it",
        "grants/erp.yaml:1:1: found the system \"crm\", expected `erp`",
        "grants/erp.yaml:2:9: this is no capability: unknown variant `fly`",
        "write it anew with `tombolo grant approve erp`",
        "flows/broken.yaml",
        "flows/lonely.test.yaml:1:3: a test: \"test\" is missing, expected a sentence",
        "flows/lonely.test.yaml: found tests of the flow lonely, expected flows/lonely.yaml beside them",
    ] {
        assert!(told.contains(expected), "told: {told}\nnot: {expected}");
    }
    assert!(!told.contains("README"), "{told}");
}

#[test]
fn a_folder_that_is_no_site_says_what_is_missing() {
    let folder = site(&[]);
    assert!(
        told(folder.path()).starts_with("tombolo.yaml: cannot be read"),
        "{}",
        told(folder.path())
    );
    assert!(told(&folder.path().join("nowhere")).contains("cannot open the site's folder"));
}

#[test]
fn an_adapter_that_is_a_pipe_or_too_large_is_refused_without_waiting() {
    let folder = site(&[
        ("tombolo.yaml", ""),
        ("systems/a.yaml", "adapter: ."),
        ("systems/b.yaml", "adapter: big.wasm"),
        ("systems/c.yaml", "adapter: text.wasm"),
        ("text.wasm", "not a component"),
    ]);
    std::fs::File::create(folder.path().join("big.wasm"))
        .unwrap()
        .set_len(33 << 20)
        .unwrap();
    let told = told(folder.path());
    assert!(
        told.contains(
            "systems/a.yaml:1:10: adapter \".\": found something that is not a regular file"
        ),
        "{told}"
    );
    assert!(
        told.contains("systems/b.yaml:1:10: adapter \"big.wasm\": found more than 32 MiB"),
        "{told}"
    );
    assert!(
        told.contains("systems/c.yaml:1:10: adapter \"text.wasm\":"),
        "{told}"
    );
}

#[test]
fn a_file_that_is_not_text_is_named() {
    let folder = site(&[("tombolo.yaml", "")]);
    std::fs::create_dir(folder.path().join("flows")).unwrap();
    std::fs::write(folder.path().join("flows/x.yaml"), b"on: \xff\xfe").unwrap();
    assert!(
        told(folder.path()).contains("flows/x.yaml: found bytes that are not UTF-8 after byte 4")
    );
}

#[test]
fn a_flow_is_checked_though_a_system_has_problems_of_its_own() {
    let flow =
        "on: a\nsteps:\n  - call: crm.note.add\n    with: { x: 1 }\n  - call: nobody.note.add\n";
    let folder = site(&[
        ("tombolo.yaml", ""),
        ("systems/crm.yaml", "adapter: adapters/none.wasm"),
        ("flows/note.yaml", flow),
    ]);
    let told = told(folder.path());
    assert!(
        told.contains("systems/crm.yaml:1:10") && told.contains("flows/note.yaml:5:"),
        "{told}"
    );
    assert!(
        !told.contains("flows/note.yaml:3:"),
        "nothing is known of what crm offers: {told}"
    );
}
