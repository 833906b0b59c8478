//! `tombolo adapter pull`: an adapter and its signature from an OCI registry or an address into a file. Tells the digest
//! to pin.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::package::signature::Verdict;
use tombolo_kernel::package::{Package, Publishers};
use tombolo_server::registry::Pulled;
use tombolo_server::site::{self, signature_file};

use super::registry::{RegistryArguments, source};
use super::verify;
use tombolo_server::whole;

use crate::{check, out, text};

#[derive(Debug, clap::Args)]
pub(crate) struct PullArguments {
    /// Where from: registry.example/acme/shop:1.2.0, with @sha256:... to insist on one; or `https://vendor.example/shop.wasm`
    reference: String,
    /// File to write; the signature goes beside it, ending in .minisig [default: the adapter's name, in this folder]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Public key, or the file that holds it, by which it must be signed
    #[arg(long, value_name = "KEY", conflicts_with = "site")]
    key: Option<String>,
    /// Take it although nobody signed it
    #[arg(long)]
    unsigned: bool,
    #[command(flatten)]
    registry: RegistryArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Writes nothing that is not what it should be.
pub(super) async fn run(arguments: PullArguments) -> anyhow::Result<()> {
    let source = source(&arguments.reference)?;
    let access = arguments.registry.access(source.host())?;
    let pulled = source.pull(access, arguments.registry.patience()).await?;
    let package = Package::read(pulled.adapter.clone())
        .context("what came is not an adapter a host would take; nothing is written")?;
    let (signature, signed) = signature(&arguments, &package, &pulled)?;
    let name = package
        .manifest
        .adapter
        .name
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let file = arguments
        .output
        .clone()
        .unwrap_or_else(|| format!("{name}.wasm").into());
    let beside = signature_file(&file);
    let write = |file: &PathBuf, bytes: &[u8]| {
        whole::replace(file, bytes, whole::READABLE)
            .with_context(|| format!("cannot write {}", file.display()))
    };
    match signature {
        Some(signature) => write(&beside, signature)?,
        // An older one does not fit the new bytes.
        None => drop(std::fs::remove_file(&beside)),
    }
    write(&file, &package.bytes)?;
    let (pinned, digest) = source.pinned(&pulled).written();
    let adapter = &package.manifest.adapter;
    if arguments.json {
        return Ok(out::json(&json!({
            "file": file.display().to_string(), "reference": pinned, "digest": pulled.digest, "adapter": adapter.name,
            "version": adapter.version, "adapter-digest": package.digest, "signed": signed,
        }))?);
    }
    let (name, version) = (
        text::harmless(&adapter.name),
        text::harmless(&adapter.version),
    );
    out::line(format!(
        "{}  {name} {version}, {}",
        file.display(),
        text::harmless(&signed)
    ))?;
    out::line(format!("adapter: \"{pinned}\""))?;
    match digest {
        Some(digest) => Ok(out::line(format!("digest: \"{digest}\""))?),
        None => Ok(()),
    }
}

/// The signature that counts, and who signed, in words.
fn signature<'p>(
    arguments: &PullArguments,
    package: &Package,
    pulled: &'p Pulled,
) -> anyhow::Result<(Option<&'p [u8]>, String)> {
    let first = pulled.signatures.first().map(Vec::as_slice);
    let publishers: Publishers = match (&arguments.registry.site, &arguments.key) {
        (Some(folder), _) => {
            site::publishers(folder).map_err(|problems| check::not_in_order(folder, &problems))?
        }
        (None, Some(key)) => verify::trusting(package, key)?,
        (None, None) => {
            if first.is_none() && !arguments.unsigned {
                bail!(
                    "nothing is written: found no signature in the registry; if that is meant, say --unsigned"
                );
            }
            let told = "signature not checked: name whom you trust with --key or --site";
            return Ok((first, told.to_owned()));
        }
    };
    let mut why = "found no signature in the registry".to_owned();
    for signature in &pulled.signatures {
        match publishers.judge(package, Some(signature)) {
            Verdict::Good { key, .. } => {
                return Ok((Some(signature), format!("signed by key {key}")));
            }
            Verdict::Untrusted(found) | Verdict::Wrong(found, _) => why = found,
        }
    }
    if arguments.unsigned && first.is_none() {
        return Ok((None, "signed by nobody".to_owned()));
    }
    bail!(
        "nothing is written: it is not signed by whom you trust: {}",
        text::harmless(&why)
    )
}
