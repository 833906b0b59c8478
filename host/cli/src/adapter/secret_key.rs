//! Opens a secret key to sign with: a publisher's or a reviewer's. Its password is asked for only where it needs one.

use std::path::Path;

use anyhow::Context;
use tombolo_pack::Signer;
use zeroize::Zeroizing;

use super::password;

/// The key in this file, with the password in a variable or from the terminal.
pub(crate) fn open(file: &Path, password_env: Option<&str>) -> anyhow::Result<Signer> {
    let secret = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .with_context(|| {
            format!(
                "cannot read the secret key {}; make one with `tombolo adapter keygen`, or name it with --key",
                file.display()
            )
        })?;
    let password = match (password_env, tombolo_pack::needs_password(&secret)?) {
        (_, false) => None,
        (Some(name), true) => Some(password::of_variable(name)?),
        (None, true) => Some(password::asked(
            "Password of the secret key: ",
            "name a variable with --password-env",
        )?),
    };
    let password = password.as_ref().map(|password| password.as_str());
    Ok(Signer::open(&secret, password)?)
}
