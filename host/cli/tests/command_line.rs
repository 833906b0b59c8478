//! The binary as a person meets it: help, versions, wrong words, a host that is not there. That these tests need the
//! binary also makes `cargo test --workspace` build it for the end-to-end tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::process::{Command, Output};

fn tombolo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tombolo"))
        .args(arguments)
        .env("TOMBOLO_TOKEN", "t")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_names_every_subcommand_with_a_sentence() {
    let output = tombolo(&["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for word in [
        "serve", "check", "grant", "adapter", "task", "run", "event", "system", "demo",
    ] {
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{word} ")));
        let line = line.unwrap_or_else(|| panic!("help does not name `{word}`:\n{help}"));
        assert!(
            line.split_whitespace().count() > 2,
            "`{word}` has no sentence: {line}"
        );
    }
    assert!(
        !help.contains("compile-child"),
        "what the host starts for itself is no subcommand for people:\n{help}"
    );
}

#[test]
fn wrong_words_are_exit_code_2_and_say_what_is_known() {
    let output = tombolo(&["srve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("serve"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_host_that_is_not_there_is_named_with_the_command_that_starts_it() {
    let site = tempfile::tempdir().unwrap();
    // Port 9 (discard) of this machine: nothing listens there.
    let text_of_site = "listen: 127.0.0.1:9\ndata: data\ntokens: [{ name: t, token: \"env:TOMBOLO_TOKEN\", may: [operate] }]\n";
    std::fs::write(site.path().join("tombolo.yaml"), text_of_site).unwrap();
    let output = tombolo(&["run", "list", "--site", site.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("127.0.0.1:9") && said.contains("tombolo serve"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
}
