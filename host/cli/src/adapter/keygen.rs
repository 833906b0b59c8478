//! `tombolo adapter keygen`: a publisher's pair of keys. The secret one stays with the publisher.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::package::signature::PublisherKey;
use zeroize::Zeroizing;

use super::password;
use crate::out::{self, Cell, Table, Tone};
use tombolo_server::whole;

#[derive(Debug, clap::Args)]
pub(crate) struct KeygenArguments {
    /// File for the secret key; the public one is written beside it, ending in .pub
    #[arg(long, value_name = "FILE", default_value = "publisher.key")]
    key: PathBuf,
    /// Variable that holds the password for the secret key [default: asked on the terminal]
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Keep the secret key without a password
    #[arg(long, conflicts_with = "password_env")]
    no_password: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Makes the keys; refuses to write over any.
pub(super) fn run(arguments: &KeygenArguments) -> anyhow::Result<()> {
    let public_file = public_file(&arguments.key)?;
    for file in [&arguments.key, &public_file] {
        if file.symlink_metadata().is_ok() {
            bail!(
                "{} is there already; a key that is lost cannot be made again, so name another with --key",
                file.display()
            );
        }
    }
    let password = password(arguments)?;
    let files = tombolo_pack::keygen(password.as_ref().map(|password| password.as_str()))?;
    let id = PublisherKey::parse(&files.key)?.id().to_owned();
    let write = |file: &Path, text: &str, mode| {
        whole::create(file, text.as_bytes(), mode)
            .with_context(|| format!("cannot write {}", file.display()))
    };
    write(&arguments.key, &files.secret, whole::PRIVATE)?;
    write(&public_file, &files.public, whole::READABLE)?;
    if arguments.json {
        return Ok(out::json(&json!({
            "secret-file": arguments.key.display().to_string(),
            "public-file": public_file.display().to_string(),
            "key": files.key, "id": id,
        }))?);
    }
    let mut table = Table::bare();
    let mut row = |name: &str, value: String| table.row([Cell::new(name, Tone::Dim), value.into()]);
    let kept = if password.is_some() {
        "with its password"
    } else {
        "without a password"
    };
    row(
        "secret key",
        format!(
            "{}, {kept}: signs in your name; show it to nobody",
            arguments.key.display()
        ),
    );
    row(
        "public key",
        format!(
            "{}: give it to those who run your adapters",
            public_file.display()
        ),
    );
    row("id", id);
    row(
        "in a site",
        format!("publishers: {{ \"VENDOR/*\": {} }}", files.key),
    );
    Ok(table.print()?)
}

fn public_file(key: &Path) -> anyhow::Result<PathBuf> {
    let public = key.with_extension("pub");
    if public == key {
        bail!(
            "the secret key's file cannot end in .pub, which the public one does; name another with --key"
        );
    }
    Ok(public)
}

fn password(arguments: &KeygenArguments) -> anyhow::Result<Option<Zeroizing<String>>> {
    if arguments.no_password {
        return Ok(None);
    }
    if let Some(name) = &arguments.password_env {
        return password::of_variable(name).map(Some);
    }
    let otherwise = "name a variable with --password-env, or say --no-password";
    let first = password::asked("Password for the new key (empty: none): ", otherwise)?;
    if first.is_empty() {
        return Ok(None);
    }
    if *password::asked("The same again: ", otherwise)? != *first {
        bail!("the two passwords differ; nothing is written");
    }
    Ok(Some(first))
}
