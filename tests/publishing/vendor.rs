//! `tombolo adapter keygen|sign|verify`, and `minisign` beside them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tombolo_kernel::package::Package;
use tombolo_tests::built::{run, scratch};
use tombolo_tests::component::{Parts, manifest};

/// A vendor's folder with `shop.wasm`, which is `acme/shop 0.1.0`.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir_in(scratch()).unwrap());
        std::fs::write(desk.at("shop.wasm"), adapter("acme/shop")).unwrap();
        desk
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The key in `acme.pub`.
    pub(crate) fn public_key(&self) -> String {
        let text = std::fs::read_to_string(self.at("acme.pub")).unwrap();
        text.lines().nth(1).unwrap().to_owned()
    }

    /// Of one of its files.
    pub(crate) fn digest(&self, name: &str) -> String {
        Package::read(std::fs::read(self.at(name)).unwrap())
            .unwrap()
            .digest
    }

    /// Puts this version of the shop's adapter there; a signature that was beside it goes.
    pub(crate) fn put(&self, name: &str, version: &str) {
        let manifest = manifest("acme/shop", "").replace("0.1.0", version);
        let adapter = Parts {
            manifest,
            ..Parts::default()
        };
        std::fs::write(self.at(name), adapter.build()).unwrap();
        std::fs::remove_file(self.at(&format!("{name}.minisig"))).unwrap();
    }

    fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// `tombolo adapter VERB`, with the names of this folder's files after `@` made whole.
    pub(crate) fn adapter(&self, words: &[&str]) -> (i32, String) {
        let mut all = vec!["adapter".to_owned()];
        all.extend(words.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => self.text(name),
            None => (*word).to_owned(),
        }));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let (code, out, err) = run(&all, &[("DESK_PASSWORD", "correct horse"), ("WRONG", "x")]);
        (code, out + &err)
    }

    #[track_caller]
    pub(crate) fn done(&self, words: &[&str]) -> String {
        let (code, told) = self.adapter(words);
        assert_eq!(code, 0, "{words:?}: {told}");
        told
    }

    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str], says: &str) {
        let (code, told) = self.adapter(words);
        assert_eq!(code, 1, "{words:?} was done: {told}");
        assert!(
            told.contains(says),
            "{words:?} does not say {says:?}: {told}"
        );
    }
}

fn adapter(name: &str) -> Vec<u8> {
    Parts {
        manifest: manifest(name, ""),
        ..Parts::default()
    }
    .build()
}

/// The common tool, which Debian has as `minisign`.
#[track_caller]
pub(crate) fn minisign(words: &[&str], folder: &Path) -> String {
    let output = Command::new("minisign")
        .args(words)
        .current_dir(folder)
        .output()
        .expect("the program `minisign` is needed for this test: install the package minisign");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {told}");
    told.into_owned()
}

#[test]
fn what_tombolo_signs_the_common_tool_verifies() {
    let desk = Desk::new();
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    let told = minisign(
        &["-V", "-H", "-m", "shop.wasm", "-p", "acme.pub"],
        desk.0.path(),
    );
    assert!(told.contains("adapter acme/shop 0.1.0"), "{told}");
}

#[test]
fn what_the_common_tool_signs_tombolo_verifies_if_it_names_the_adapter_and_its_version() {
    let desk = Desk::new();
    minisign(
        &["-G", "-W", "-p", "acme.pub", "-s", "acme.key"],
        desk.0.path(),
    );
    let sign = |comment: &str| {
        minisign(
            &["-S", "-s", "acme.key", "-m", "shop.wasm", "-t", comment],
            desk.0.path(),
        );
    };
    sign("adapter acme/shop 0.1.0");
    let told = desk.done(&["verify", "@shop.wasm", "--key", "@acme.pub"]);
    assert!(told.contains("acme/shop 0.1.0"), "{told}");
    for comment in [
        "adapter acme/shop 0.1.1",
        "adapter acme/other 0.1.0",
        "shop",
    ] {
        sign(comment);
        desk.refused(
            &["verify", "@shop.wasm", "--key", "@acme.pub"],
            &format!("found the trusted comment `{comment}`"),
        );
    }
}

#[test]
fn a_changed_file_a_missing_signature_and_another_key_are_refused() {
    let desk = Desk::new();
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    desk.done(&["keygen", "--no-password", "--key", "@other.key"]);
    let verify = ["verify", "@shop.wasm", "--key", "@acme.pub"];
    desk.refused(&verify, "found no signature beside it");
    desk.done(&["sign", "@shop.wasm", "--key", "@other.key"]);
    desk.refused(&verify, "expected key");
    desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    desk.done(&verify);
    let changed = Parts {
        receive: "nop unreachable".into(),
        manifest: manifest("acme/shop", ""),
        ..Parts::default()
    };
    std::fs::write(desk.at("shop.wasm"), changed.build()).unwrap();
    desk.refused(&verify, "does not fit these bytes");
    let (code, told) = desk.adapter(&["verify", "@shop.wasm", "--key", "@acme.pub", "--json"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("\"good\": false"), "{told}");
}

#[test]
fn a_secret_key_is_its_owners_alone_needs_its_password_and_is_never_written_over_or_shown() {
    let desk = Desk::new();
    let made = desk.done(&[
        "keygen",
        "--password-env",
        "DESK_PASSWORD",
        "--key",
        "@acme.key",
    ]);
    let secret = std::fs::read_to_string(desk.at("acme.key")).unwrap();
    let mode = std::fs::metadata(desk.at("acme.key"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    desk.refused(
        &["keygen", "--no-password", "--key", "@acme.key"],
        "is there already",
    );
    assert_eq!(
        std::fs::read_to_string(desk.at("acme.key")).unwrap(),
        secret
    );

    fn sign<'w>(more: &[&'w str]) -> Vec<&'w str> {
        [&["sign", "@shop.wasm", "--key", "@acme.key"], more].concat()
    }
    desk.refused(&sign(&[]), "--password-env");
    desk.refused(&sign(&["--password-env", "WRONG"]), "cannot be opened");
    desk.refused(&sign(&["--password-env", "NOT_SET"]), "NOT_SET");
    assert!(!desk.at("shop.wasm.minisig").exists());
    let signed = desk.done(&sign(&["--password-env", "DESK_PASSWORD"]));
    desk.done(&["verify", "@shop.wasm", "--key", "@acme.pub"]);
    for told in [made, signed] {
        assert!(!told.contains(secret.lines().nth(1).unwrap()), "{told}");
        assert!(!told.contains("correct horse"), "{told}");
    }
}

#[test]
fn inspect_shows_whose_signature_lies_beside_and_what_no_host_takes_is_not_signed() {
    let desk = Desk::new();
    desk.done(&["keygen", "--no-password", "--key", "@acme.key"]);
    let id = |told: &str| {
        told.lines()
            .find(|line| line.starts_with("signed"))
            .unwrap()
            .to_owned()
    };
    assert!(id(&desk.done(&["inspect", "@shop.wasm"])).ends_with("no"));
    let signed = desk.done(&["sign", "@shop.wasm", "--key", "@acme.key"]);
    let key = signed.trim().rsplit(' ').next().unwrap();
    assert!(id(&desk.done(&["inspect", "@shop.wasm"])).contains(key));
    std::fs::write(desk.at("core.wasm"), Parts::default().core()).unwrap();
    desk.refused(
        &["sign", "@core.wasm", "--key", "@acme.key"],
        "not an adapter a host would take",
    );
    assert!(!desk.at("core.wasm.minisig").exists());
}
