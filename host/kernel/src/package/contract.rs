//! What a component imports and exports against the contract and its own manifest. An import is authority, so one
//! that the manifest does not declare is refused before a reviewer is ever asked.

use std::collections::BTreeSet;

use tombolo_manifest::{ConnectionKind, Manifest};

use super::PackageError;

/// The contract's package. A later patch version of a line has all of the earlier ones: an adapter built against 0.1.0
/// runs on every host of the line 0.1, one built against a later patch runs if it imports nothing that is new there.
const PACKAGE: &str = "tombolo:adapter/";
const LINE: &str = "0.1.";
/// What this host has; `wit/` says the same.
pub(crate) const CONTRACT: &str = "0.1.0";

/// Interfaces that carry no authority: types, and what every adapter may use.
const FREE: &[&str] = &["types", "exchange", "settings", "log", "clock"];

/// Interfaces that must be declared, and how.
const DECLARED: &[(&str, &str)] = &[
    ("http", "a connection with `kind = \"http\"`"),
    ("sql", "a connection with `kind = \"sql\"`"),
    ("broker", "a connection with `kind = \"broker\"`"),
    ("keys", "a table `[keys.NAME]`"),
    ("store", "the table `[store]`"),
    ("actions", "the table `[calls]`"),
];

const EXPORTS: &[&str] = &["act", "receive", "read"];

/// The imported interfaces of the contract, by their short names.
pub(super) fn check_imports(
    imports: &[(&str, bool)],
    manifest: &Manifest,
) -> Result<BTreeSet<String>, PackageError> {
    let mut names = BTreeSet::new();
    for (import, is_instance) in imports {
        let interface = interface(import)
            .filter(|_| *is_instance)
            .ok_or_else(|| foreign(import))?;
        if let Some((_, declaration)) = DECLARED.iter().find(|(name, _)| *name == interface) {
            if !is_declared(interface, manifest) {
                return Err(PackageError(format!(
                    "found an import of `{interface}` that the manifest does not declare, expected {declaration}: declare it in adapter.toml with its reason, or remove the call"
                )));
            }
        } else if !FREE.contains(&interface) {
            return Err(foreign(import));
        }
        names.insert(interface.to_owned());
    }
    Ok(names)
}

/// All three verbs, as functions.
pub(super) fn check_exports(exports: &[(&str, bool)]) -> Result<(), PackageError> {
    match EXPORTS
        .iter()
        .find(|name| !exports.contains(&(**name, true)))
    {
        Some(missing) => Err(PackageError(format!(
            "found no exported function `{missing}`, expected `act`, `receive` and `read`: build against the world `tombolo:adapter/adapter@0.1.0`"
        ))),
        None => Ok(()),
    }
}

/// What is declared and not imported, in words for the reviewer.
pub(super) fn unused(imports: &BTreeSet<String>, manifest: &Manifest) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, connection) in &manifest.connections {
        let interface = interface_of(connection.kind);
        if !imports.contains(interface) {
            warnings.push(format!(
                "connection `{name}` is declared, but the component does not import `{interface}`"
            ));
        }
    }
    for (interface, declaration) in DECLARED
        .iter()
        .filter(|(name, _)| !matches!(*name, "http" | "sql" | "broker"))
    {
        if is_declared(interface, manifest) && !imports.contains(*interface) {
            warnings.push(format!(
                "{declaration} is declared, but the component does not import `{interface}`"
            ));
        }
    }
    warnings
}

fn interface(import: &str) -> Option<&str> {
    let (interface, version) = import.strip_prefix(PACKAGE)?.split_once('@')?;
    let patch = version.strip_prefix(LINE)?;
    (!patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())).then_some(interface)
}

fn foreign(import: &str) -> PackageError {
    let shown: String = import
        .chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect();
    if let Some((_, version)) = shown
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.split_once('@'))
    {
        return PackageError(format!(
            "found an import of `{shown}`, which is of version {version} of the contract, and this host has {CONTRACT}: update the host, or have the vendor build the adapter against {CONTRACT}"
        ));
    }
    PackageError(format!(
        "found an import of `{shown}`, expected only interfaces of `tombolo:adapter@0.1`: there is no WASI and nothing else here; remove what needs it"
    ))
}

fn interface_of(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Http => "http",
        ConnectionKind::Sql => "sql",
        ConnectionKind::Broker => "broker",
    }
}

fn is_declared(interface: &str, manifest: &Manifest) -> bool {
    match interface {
        "keys" => !manifest.keys.is_empty(),
        "store" => manifest.store.is_some(),
        "actions" => !manifest.calls.is_empty(),
        other => manifest
            .connections
            .values()
            .any(|connection| interface_of(connection.kind) == other),
    }
}
