//! README's main command, whole: the demo builds its adapters, tells its story, survives a SIGKILL, and leaves nothing
//! running.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::process::{Command, Stdio};

#[test]
fn the_demo_finishes_the_same_run_after_a_kill_and_a_second_alarm_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let output = Command::new(env!("CARGO_BIN_EXE_tombolo"))
        .args(["demo", "--once", "--kill", "--site"])
        .arg(&site)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let log = std::fs::read_to_string(site.join("host.log")).unwrap_or_default();
    assert!(output.status.success(), "{told}\n{errors}\n{log}");
    // In this order, whatever stands between.
    let story = [
        "stock read from the ERP's database: 2 of BRG-6205 on hand; short of 4",
        "purchase request written into the ERP's table",
        "task for plant-manager",
        "SIGKILL",
        "run 1.spare-part is there again: waiting",
        "answered `approve`",
        "CRM told that customer C-1042 is affected",
        "run 1.spare-part is done",
        "call erp.item.stock",
        "1       BRG-6205  4         approved",
        "A-1     C-1042",
        "nothing changed: the log has the alarm 1 time(s) with 1 run(s), the ERP 1 request(s), the CRM 1 note(s)",
    ];
    let mut rest = told.as_str();
    for words in story {
        let at = rest
            .find(words)
            .unwrap_or_else(|| panic!("{words:?} is not told, or not in its place:\n{told}"));
        rest = &rest[at..];
    }
}
