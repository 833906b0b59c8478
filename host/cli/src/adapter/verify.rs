//! `tombolo adapter verify`: whether a key, or a publisher whom a site trusts, signed an adapter for its very name and
//! version. The same check as the host's.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use tombolo_kernel::limits::SIGNATURE_BYTES;
use tombolo_kernel::package::signature::{PublisherKey, Verdict};
use tombolo_kernel::package::{Package, Publishers};
use tombolo_server::site::{self, signature_file};

use super::inspect;
use crate::out::{self, Cell, Table, Tone};
use crate::{check, text};

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArguments {
    /// File of the adapter; its signature is FILE.minisig
    file: PathBuf,
    /// Public key, or the file that holds it
    #[arg(long, value_name = "KEY", required_unless_present = "site")]
    key: Option<String>,
    /// Folder of the site whose publishers count
    #[arg(long, value_name = "DIR", conflicts_with = "key")]
    site: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Says by whom it is signed, or fails.
pub(super) fn run(arguments: &VerifyArguments) -> anyhow::Result<()> {
    let package = inspect::package(&arguments.file)?;
    let publishers = match (&arguments.site, &arguments.key) {
        (Some(folder), _) => {
            site::publishers(folder).map_err(|problems| check::not_in_order(folder, &problems))?
        }
        (None, key) => trusting(&package, key.as_deref().unwrap_or_default())?,
    };
    let verdict = publishers.judge(&package, signature(&arguments.file)?.as_deref());
    let good = matches!(verdict, Verdict::Good { .. });
    if arguments.json {
        let adapter = &package.manifest.adapter;
        out::json(&json!({
            "adapter": adapter.name, "version": adapter.version, "digest": package.digest,
            "good": good, "signer": verdict.clone().signer(false),
        }))?;
    } else if let Verdict::Good { key, .. } = &verdict {
        print(&package, key)?;
    }
    match verdict {
        Verdict::Good { .. } => Ok(()),
        Verdict::Untrusted(found) => {
            bail!(
                "{} is not signed by whom you trust: {}",
                arguments.file.display(),
                text::harmless(&found)
            )
        }
        Verdict::Wrong(found, advice) => {
            bail!(
                "{} is not well signed: {}. {advice}",
                arguments.file.display(),
                text::harmless(&found)
            )
        }
    }
}

fn print(package: &Package, key: &str) -> anyhow::Result<()> {
    let adapter = &package.manifest.adapter;
    let mut table = Table::bare();
    let mut row = |name: &str, value: &str, tone| {
        table.row([Cell::new(name, Tone::Dim), Cell::new(value, tone)])
    };
    row(
        "adapter",
        &format!("{} {}", adapter.name, adapter.version),
        Tone::Strong,
    );
    row("digest", &package.digest, Tone::Plain);
    row("signed by", &format!("key {key}"), Tone::Good);
    Ok(table.print()?)
}

/// One key, trusted for this adapter: its word, or the file it is in.
pub(super) fn trusting(package: &Package, key: &str) -> anyhow::Result<Publishers> {
    let word = match std::fs::read_to_string(Path::new(key)) {
        Ok(text) => text.lines().nth(1).unwrap_or_default().to_owned(),
        Err(_) => key.to_owned(),
    };
    let key =
        PublisherKey::parse(&word).context("--key names neither a public key nor a file of one")?;
    let mut publishers = Publishers::default();
    publishers.trust(&package.manifest.adapter.name, vec![key]);
    Ok(publishers)
}

/// The signature beside the adapter, if there is one.
pub(super) fn signature(adapter: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let file = signature_file(adapter);
    match inspect::read(&file, SIGNATURE_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) if file.symlink_metadata().is_err() => Ok(None),
        Err(error) => Err(error),
    }
}
