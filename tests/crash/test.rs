//! The crash driver at CI's size: the binary is the same that runs ten thousand kills.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::process::Command;

#[test]
fn nothing_acknowledged_is_lost_in_200_kills() {
    let output = Command::new(env!("CARGO_BIN_EXE_crash"))
        .args(["--kills", "200", "--seed", "1"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "the driver found a loss; see above"
    );
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("kills=200 acked=") && last.contains(" lost=0 reordered=0 "),
        "{last}"
    );
}
