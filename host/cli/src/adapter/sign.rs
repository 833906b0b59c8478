//! `tombolo adapter sign`: the signature of a built adapter, beside it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::package::signature::{PublisherKey, Verdict};
use tombolo_kernel::package::{Package, Publishers};
use tombolo_server::site::signature_file;

use super::{inspect, secret_key};
use tombolo_server::whole;

use crate::out;

#[derive(Debug, clap::Args)]
pub(crate) struct SignArguments {
    /// File of the adapter
    file: PathBuf,
    /// File of the secret key
    #[arg(long, value_name = "FILE", default_value = "publisher.key")]
    key: PathBuf,
    /// Variable that holds the secret key's password [default: asked on the terminal, if it needs one]
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Signs what a host would take, and nothing else.
pub(super) fn run(arguments: &SignArguments) -> anyhow::Result<()> {
    let package = inspect::package(&arguments.file)?;
    let signer = secret_key::open(&arguments.key, arguments.password_env.as_deref())?;
    let identity = &package.manifest.adapter;
    let signature = signer.sign(&package.bytes, identity)?;
    let key = checked(&package, &signature, &signer.key())?;
    let file = signature_file(&arguments.file);
    whole::replace(&file, signature.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", file.display()))?;
    if arguments.json {
        return Ok(out::json(&json!({
            "file": file.display().to_string(), "adapter": identity.name, "version": identity.version,
            "digest": package.digest, "key": signer.key(), "id": key,
        }))?);
    }
    out::line(format!(
        "{}  {} {} signed by key {key}",
        file.display(),
        identity.name,
        identity.version
    ))?;
    Ok(())
}

/// Held against the host's own check before anyone else sees it.
fn checked(package: &Package, signature: &str, key: &str) -> anyhow::Result<String> {
    let mut publishers = Publishers::default();
    publishers.trust(
        &package.manifest.adapter.name,
        vec![PublisherKey::parse(key)?],
    );
    match publishers.judge(package, Some(signature.as_bytes())) {
        Verdict::Good { key, .. } => Ok(key),
        Verdict::Untrusted(found) | Verdict::Wrong(found, _) => {
            bail!("the signature that was just made does not hold: {found}; nothing is written")
        }
    }
}
