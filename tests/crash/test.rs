//! The crash driver at CI's size: the binary is the same that runs ten thousand kills.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Each takes all processors.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs the driver to its end and returns its lines.
fn lines(arguments: &[&str]) -> Vec<String> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(env!("CARGO_BIN_EXE_crash"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "the driver found a broken promise; see above"
    );
    text.lines().map(str::to_owned).collect()
}

fn last_line(arguments: &[&str]) -> String {
    lines(arguments).pop().unwrap()
}

#[test]
fn nothing_acknowledged_is_lost_in_200_kills() {
    let mut lines = lines(&["--kills", "200", "--seed", "1", "--jobs", "3"]);
    let last = lines.pop().unwrap();
    assert!(
        last.starts_with("kills=200 acked=") && last.contains(" lost=0 reordered=0 "),
        "{last}"
    );
    // A life that is not busy enough does not come so far.
    let so_far = lines.pop().unwrap();
    assert!(so_far.contains("120 of 120 places drawn"), "{so_far}");
}

#[test]
fn without_kills_and_failures_nothing_comes_twice() {
    let last = last_line(&["--kills", "0", "--seed", "1", "--calm"]);
    assert!(last.ends_with(" lost=0 reordered=0 duplicates=0"), "{last}");
}

#[test]
fn without_kills_a_sink_that_fails_gets_nothing_twice_that_it_took() {
    let last = last_line(&["--kills", "0", "--seed", "2"]);
    assert!(last.contains(" lost=0 reordered=0 "), "{last}");
}
