//! `tombolo adapter inspect`: what a file says of itself and what it really imports, read as the host reads it.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tombolo_kernel::limits::PACKAGE_BYTES;
use tombolo_kernel::package::{Package, Sbom, signature};
use tombolo_manifest::{Connection, ConnectionKind, Manifest};

use super::verify;
use crate::out::{self, Cell, Table, Tone};
use tombolo_server::whole;

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArguments {
    /// File of the adapter
    file: PathBuf,
    /// Write what it was built from, its SBOM (CycloneDX, JSON), to this file
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads, checks and shows the file.
pub(super) fn run(arguments: &InspectArguments) -> anyhow::Result<()> {
    let package = package(&arguments.file)?;
    let signature = verify::signature(&arguments.file)?;
    if let Some(file) = &arguments.sbom {
        write_sbom(&package, file)?;
    }
    if arguments.json {
        out::json(&as_json(&package, signature.as_deref()))?;
    } else {
        table(&package, signature.as_deref()).print()?;
    }
    Ok(())
}

/// The adapter in a file, checked as a host checks it.
pub(crate) fn package(file: &Path) -> anyhow::Result<Package> {
    Package::read(read(file, PACKAGE_BYTES)?)
        .with_context(|| format!("{} is not an adapter a host would take", file.display()))
}

/// The whole file, unless it is larger than it may be: then one byte more, which its reader refuses.
pub(super) fn read(file: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(most + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(bytes)
}

fn write_sbom(package: &Package, file: &Path) -> anyhow::Result<()> {
    let Some(sbom) = &package.sbom else {
        bail!(
            "the adapter does not say what it was built from, so there is no SBOM to write; `tombolo adapter build` puts one in"
        );
    };
    whole::replace(file, sbom.text.as_bytes(), whole::READABLE)
        .with_context(|| format!("cannot write {}", file.display()))
}

/// `31 components, sha256:...`, and how to build the same bytes.
pub(crate) fn sbom_words(sbom: &Sbom) -> (String, String) {
    let list = |pairs: &[(String, String)], between: &str| {
        let words: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}{between}{value}"))
            .collect();
        words.join(", ")
    };
    (
        format!(
            "{} components inside, {} more that only built it, CycloneDX {}, {}",
            sbom.inside, sbom.tools_only, sbom.spec_version, sbom.digest
        ),
        format!(
            "it says: {}; {}. To check, build its source with the same versions (`tombolo adapter build`): the digest must be the same",
            list(&sbom.built_with, " "),
            list(&sbom.notes, "=")
        ),
    )
}

/// The id of the key that the signature names. Whether it is good only a check can tell, which needs the key.
fn signer_id(signature: Option<&[u8]>) -> Option<String> {
    signature::signer_id(std::str::from_utf8(signature?).ok()?)
}

fn signed_words(signature: Option<&[u8]>) -> (String, Tone) {
    match (signature, signer_id(signature)) {
        (None, _) => ("no".into(), Tone::Warning),
        (Some(_), None) => ("by a signature that cannot be read".into(), Tone::Bad),
        (Some(_), Some(id)) => (
            format!("by key {id}, if `tombolo adapter verify FILE --key KEY` agrees"),
            Tone::Plain,
        ),
    }
}

fn as_json(package: &Package, signature: Option<&[u8]>) -> Value {
    json!({
        "manifest": package.manifest,
        "imports": package.imports,
        "digest": package.digest,
        "size": package.bytes.len(),
        "signature-key": signer_id(signature),
        "sbom": package.sbom,
        "warnings": package.warnings,
    })
}

fn table(package: &Package, signature: Option<&[u8]>) -> Table {
    let manifest = &package.manifest;
    let mut table = Table::bare();
    let mut row = |name: &str, value: &str, tone: Tone| {
        table.row([Cell::new(name, Tone::Dim), Cell::new(value, tone)]);
    };
    let adapter = &manifest.adapter;
    row(
        "adapter",
        &format!("{} {}", adapter.name, adapter.version),
        Tone::Strong,
    );
    row("summary", &adapter.summary, Tone::Plain);
    row("digest", &package.digest, Tone::Plain);
    row("size", &size(package.bytes.len() as u64), Tone::Plain);
    let (signed, tone) = signed_words(signature);
    row("signed", &signed, tone);
    match package.sbom.as_ref().map(sbom_words) {
        Some((sbom, built)) => {
            row("sbom", &sbom, Tone::Plain);
            row("built", &built, Tone::Plain);
        }
        None => row(
            "sbom",
            "none: it does not say what it was built from",
            Tone::Warning,
        ),
    }
    row(
        "imports",
        &package
            .imports
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join(" "),
        Tone::Plain,
    );
    if adapter.generic {
        row(
            "generic",
            "the operator declares actions, paths and statements in the system file",
            Tone::Plain,
        );
    }
    for (name, value) in lines(manifest) {
        row(name, &value, Tone::Plain);
    }
    for warning in &package.warnings {
        row("warning", warning, Tone::Warning);
    }
    table
}

/// What the manifest asks for and offers, line by line.
fn lines(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for (name, connection) in &manifest.connections {
        lines.extend(connection_lines(name, connection));
    }
    for (name, key) in &manifest.keys {
        let derived = if key.derive.is_empty() {
            String::new()
        } else {
            format!(" after {}", key.derive.join(", "))
        };
        lines.push((
            "key",
            format!(
                "{name}: {}{derived}{}; {}",
                key.uses.join(", "),
                optional(key.optional),
                key.reason
            ),
        ));
    }
    for (name, action) in &manifest.actions {
        let uses = if action.uses.is_empty() {
            String::new()
        } else {
            format!(" over {}", action.uses.join(", "))
        };
        lines.push((
            "action",
            format!("{name}: {}{uses}; {}", action.effect.word(), action.summary),
        ));
    }
    lines.extend(
        manifest
            .hooks
            .iter()
            .map(|(name, hook)| ("hook", format!("{name}: {}", hook.summary))),
    );
    lines.extend(
        manifest
            .feeds
            .iter()
            .map(|(name, feed)| ("feed", format!("{name}: {}", feed.summary))),
    );
    lines.extend(
        manifest
            .events
            .emits
            .iter()
            .map(|(name, summary)| ("emits", format!("{name}: {summary}"))),
    );
    if let Some(store) = &manifest.store {
        lines.push(("store", format!("{}; {}", store.quota, store.reason)));
    }
    lines.extend(
        manifest
            .calls
            .iter()
            .map(|(name, reason)| ("calls", format!("{name}: {reason}"))),
    );
    let limits = &manifest.limits;
    for (name, value) in [
        ("memory", &limits.memory),
        ("cpu", &limits.cpu),
        ("deadline", &limits.deadline),
    ] {
        if let Some(value) = value {
            lines.push((name, value.clone()));
        }
    }
    lines
}

fn connection_lines(name: &str, connection: &Connection) -> Vec<(&'static str, String)> {
    let (kind, empty) = match connection.kind {
        ConnectionKind::Http => ("http", connection.allow.is_empty()),
        ConnectionKind::Sql => ("sql", connection.statements.is_empty()),
        ConnectionKind::Broker => ("broker", connection.publish.is_empty()),
    };
    let declared = if empty {
        "; the operator declares what is allowed"
    } else {
        ""
    };
    let mut lines = vec![(
        "connection",
        format!(
            "{name}: {kind}{}{declared}; {}",
            optional(connection.optional),
            connection.reason
        ),
    )];
    lines.extend(
        connection
            .allow
            .iter()
            .map(|allow| ("", format!("  {allow}"))),
    );
    lines.extend(connection.statements.iter().map(|(statement, text)| {
        (
            "",
            format!(
                "  {statement} ({}): {}",
                text.effect.word(),
                text.text.trim()
            ),
        )
    }));
    lines
}

fn optional(is: bool) -> &'static str {
    if is { " (optional)" } else { "" }
}

/// `103.4 KiB`.
pub(super) fn size(bytes: u64) -> String {
    let tenths = bytes * 10 / 1024;
    if bytes < 1024 {
        format!("{bytes} bytes")
    } else {
        format!("{}.{} KiB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_manifest_is_shown() {
        let text = r#"
            [adapter]
            name = "acme/erp"
            version = "1.0.0"
            summary = "s"
            [connections.api]
            kind = "http"
            reason = "calls"
            allow = ["GET /x"]
            [connections.db]
            kind = "sql"
            reason = "reads"
            statements.one = { effect = "read", text = "SELECT 1" }
            [keys.k]
            uses = ["equal"]
            derive = ["base64"]
            reason = "knows"
            optional = true
            [actions.get]
            effect = "write"
            summary = "gets"
            uses = ["api"]
            [hooks.h]
            summary = "hears"
            [feeds.f]
            summary = "feeds"
            [events.emits]
            "a.b" = "happened"
            [store]
            quota = "1 KiB"
            reason = "keeps"
            [calls]
            "crm.note" = "notes"
            [limits]
            memory = "1 MiB"
        "#;
        let manifest =
            Manifest::parse(text).unwrap_or_else(|problems| unreachable!("{problems:?}"));
        let shown: Vec<String> = lines(&manifest)
            .into_iter()
            .map(|(name, value)| format!("{name}|{value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "connection|api: http; calls",
                "|  GET /x",
                "connection|db: sql; reads",
                "|  one (read): SELECT 1",
                "key|k: equal after base64 (optional); knows",
                "action|get: write over api; gets",
                "hook|h: hears",
                "feed|f: feeds",
                "emits|a.b: happened",
                "store|1 KiB; keeps",
                "calls|crm.note: notes",
                "memory|1 MiB",
            ]
        );
    }

    #[test]
    fn sizes_are_told_in_kibibytes() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (105_900, "103.4 KiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
