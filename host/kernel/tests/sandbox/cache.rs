//! Compiling in the child, and what is kept of it.

use std::os::unix::fs::PermissionsExt;

use super::fixture::{Fixture, child};
use super::guest::Guest;

fn files(fixture: &Fixture) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(fixture.folder.path().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn no_child() -> (std::path::PathBuf, Vec<String>) {
    ("no-such-program".into(), Vec::new())
}

#[tokio::test]
async fn code_is_compiled_once_and_kept_in_a_private_folder() {
    let first = Fixture::running(&Guest::default()).await;
    assert_eq!(files(&first).len(), 1);
    let mode = std::fs::metadata(first.folder.path().join("cache"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let second = Fixture::with(no_child(), first.folder);
    second.connect("sut", &Guest::default()).await.unwrap();
    assert_eq!(second.act("1").await.result.as_deref(), Ok("1"));
}

#[tokio::test]
async fn damaged_code_is_never_run_and_compiled_again() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("one bit", |file| *file.last_mut().unwrap() ^= 1),
        ("torn", |file| file.truncate(file.len() / 2)),
        ("empty", Vec::clear),
        ("not ours", |file| file[0] = b'x'),
    ];
    for (what, damage) in damages {
        let first = Fixture::running(&Guest::default()).await;
        let path = files(&first).remove(0);
        let mut file = std::fs::read(&path).unwrap();
        let whole = file.clone();
        damage(&mut file);
        std::fs::write(&path, &file).unwrap();
        let second = Fixture::with(child(), first.folder);
        second.connect("sut", &Guest::default()).await.unwrap();
        assert_eq!(second.act("1").await.result.as_deref(), Ok("1"), "{what}");
        assert_eq!(
            std::fs::read(&path).unwrap(),
            whole,
            "{what}: written again"
        );
    }
}

#[tokio::test]
async fn a_file_under_another_adapters_name_is_not_taken_for_it() {
    let first = Fixture::running(&Guest::default()).await;
    let path = files(&first).remove(0);
    let other = Guest {
        version: "0.2.0".into(),
        ..Guest::default()
    };
    first.connect("other", &other).await.unwrap();
    let other_path = files(&first)
        .into_iter()
        .find(|file| *file != path)
        .unwrap();
    std::fs::copy(&path, &other_path).unwrap();
    let second = Fixture::with(no_child(), first.folder);
    let error = second
        .connect("other", &other)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no-such-program"), "{error}");
}

#[tokio::test]
async fn a_missing_child_is_named() {
    let fixture = Fixture::with(no_child(), tempfile::tempdir().unwrap());
    let error = fixture
        .connect("sut", &Guest::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no-such-program") && error.contains("could not be run"),
        "{error}"
    );
}

#[tokio::test]
async fn a_child_that_dies_is_told_apart() {
    let cases = [
        ("kill -9 $$", "was stopped"),
        ("echo wrong >&2; exit 2", "does not compile: wrong"),
        ("exit 7", "could not work"),
    ];
    for (script, expected) in cases {
        let shell = (
            "sh".into(),
            vec!["-c".to_owned(), format!("PATH=/usr/bin:/bin; {script}")],
        );
        let fixture = Fixture::with(shell, tempfile::tempdir().unwrap());
        let error = fixture
            .connect("sut", &Guest::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{script}: {error}");
    }
}
