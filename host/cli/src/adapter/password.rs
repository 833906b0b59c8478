//! Passwords of secret keys: from a variable of the environment, or asked for on the terminal. Never an argument, which
//! every user of the machine can read.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

/// The password in a variable.
pub(super) fn of_variable(name: &str) -> anyhow::Result<Zeroizing<String>> {
    let password = std::env::var(name)
        .map(Zeroizing::new)
        .map_err(|_| anyhow::anyhow!("found no text in the variable {name}, expected the password; set it, or leave --password-env out"))?;
    if password.is_empty() {
        bail!("the variable {name} is empty, expected the password");
    }
    Ok(password)
}

/// Asks on the terminal; where there is none, says `otherwise`.
pub(super) fn asked(question: &str, otherwise: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password; {otherwise}");
    }
    rpassword::prompt_password(question)
        .map(Zeroizing::new)
        .context("the password cannot be read from the terminal")
}
