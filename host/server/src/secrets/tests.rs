//! References are parsed without reading; values are read without being shown.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use super::*;

#[test]
fn only_references_are_taken() {
    let table = [
        ("env:CRM_TOKEN", Some("env:CRM_TOKEN")),
        ("file:../keys/crm.txt", Some("file:../keys/crm.txt")),
        ("age:crm-token", Some("age:crm-token")),
        ("env:", None),
        ("env:A B", None),
        ("file:", None),
        ("age:", None),
        ("hunter2", None),
        ("ENV:X", None),
        ("https://user:secret@host", None),
    ];
    for (text, expected) in table {
        let parsed = SecretReference::parse(text);
        assert_eq!(
            parsed.as_ref().ok().map(ToString::to_string).as_deref(),
            expected,
            "{text}"
        );
        if let Err(error) = parsed {
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}

#[test]
fn a_file_loses_one_newline_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for (content, value) in [
        ("abc\n", "abc"),
        ("abc\n\n", "abc\n"),
        ("abc", "abc"),
        ("abc\r\n", "abc"),
        (" abc ", " abc "),
    ] {
        std::fs::write(folder.path().join("s"), content).unwrap();
        let secret = SecretSource::new(folder.path(), None)
            .resolve(&SecretReference::File("s".into()))
            .unwrap();
        assert_eq!(secret.expose_text(), Some(value));
    }
}

#[test]
fn what_is_missing_is_named_by_its_reference() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    std::fs::write(folder.path().join("huge"), vec![b'x'; 70_000]).unwrap();
    let source = SecretSource::new(folder.path(), None);
    let table = [
        (
            "env:TOMBOLO_TEST_IS_NOT_SET",
            "the secret env:TOMBOLO_TEST_IS_NOT_SET is missing",
        ),
        ("file:none", "the secret file:none cannot be read"),
        ("file:empty", "the secret file:empty is empty"),
        ("file:huge", "it is larger than 64 KiB"),
        ("age:x", "names no `secrets` file"),
    ];
    for (reference, message) in table {
        let error = source
            .resolve(&SecretReference::parse(reference).unwrap())
            .unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn keys_made_of_several_secrets_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "one\n").unwrap();
    std::fs::write(folder.path().join("b"), "two\n").unwrap();
    let source = SecretSource::new(folder.path(), None);
    let references = [
        SecretReference::File("a".into()),
        SecretReference::File("b".into()),
    ];
    assert_eq!(
        source.resolve_joined(&references, "&").unwrap().expose(),
        b"one&two"
    );
}

#[test]
fn an_age_file_gives_its_values_and_keeps_them_out_of_errors() {
    let folder = tempfile::tempdir().unwrap();
    let identity = age::x25519::Identity::generate();
    let key = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    std::fs::write(
        folder.path().join("key.txt"),
        format!("# made for a test\n{key}\n"),
    )
    .unwrap();
    let seal = |plain: &str| {
        let encryptor = age::Encryptor::with_recipients(std::iter::once(
            &identity.to_public() as &dyn age::Recipient
        ))
        .unwrap();
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
        writer.write_all(plain.as_bytes()).unwrap();
        writer.finish().unwrap();
        std::fs::write(folder.path().join("secrets.age"), sealed).unwrap();
    };
    let source = || {
        let age = AgeFile {
            file: folder.path().join("secrets.age"),
            identity: SecretReference::File("key.txt".into()),
        };
        SecretSource::new(folder.path(), Some(age))
    };
    let token = SecretReference::Age("crm".into());

    seal("crm: t0p-s3cret\nerp: other\n");
    assert_eq!(source().resolve(&token).unwrap().expose(), b"t0p-s3cret");
    let missing = source()
        .resolve(&SecretReference::Age("shop".into()))
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("age:shop is not in the site's age file"),
        "{missing}"
    );
    assert!(!format!("{:?}", source()).contains("t0p"));

    seal("crm: [t0p-s3cret]\n");
    let broken = source().resolve(&token).unwrap_err().to_string();
    assert!(
        broken.contains("line 1") && !broken.contains("t0p-s3cret"),
        "{broken}"
    );

    std::fs::write(folder.path().join("key.txt"), "not a key").unwrap();
    assert!(
        source()
            .resolve(&token)
            .unwrap_err()
            .to_string()
            .contains("holds no age identity")
    );
}
