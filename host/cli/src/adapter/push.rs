//! `tombolo adapter push`: an adapter and its signature to an OCI registry.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;
use tombolo_server::registry::Registry;

use super::registry::{RegistryArguments, reference};
use super::{inspect, verify};
use crate::out;

#[derive(Debug, clap::Args)]
pub(crate) struct PushArguments {
    /// File of the adapter; its signature is FILE.minisig
    file: PathBuf,
    /// Where to: registry.example/acme/shop:1.2.0
    reference: String,
    /// Also push an adapter that nobody signed
    #[arg(long)]
    unsigned: bool,
    #[command(flatten)]
    registry: RegistryArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Sends what a host would take, and says what to write into a system file.
pub(super) async fn run(arguments: PushArguments) -> anyhow::Result<()> {
    let reference = reference(&arguments.reference)?;
    let package = inspect::package(&arguments.file)?;
    let signature = verify::signature(&arguments.file)?;
    if signature.is_none() && !arguments.unsigned {
        bail!(
            "nothing is pushed: found no signature beside {}; sign it first with `tombolo adapter sign`, or say --unsigned",
            arguments.file.display()
        );
    }
    if reference.digest.is_some() {
        bail!(
            "found a digest in the reference, which only the registry's content has; expected a tag alone"
        );
    }
    let access = arguments.registry.access(&reference.registry)?;
    let registry = Registry::new(&reference, access, arguments.registry.patience())?;
    let pushed = registry.push(&package, signature.as_deref()).await?;
    let pinned = reference.pinned(&pushed.digest).to_string();
    if arguments.json {
        return Ok(out::json(&json!({
            "reference": pinned, "digest": pushed.digest, "adapter": package.digest, "signed": pushed.signed,
        }))?);
    }
    out::line("pushed; a system file names it as")?;
    Ok(out::line(format!("adapter: \"{pinned}\""))?)
}
