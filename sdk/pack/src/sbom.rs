//! What an adapter was built from, as a CycloneDX 1.6 document in JSON: every package that the compiler really compiled
//! into it, and those that only helped to build it. Neither a time nor a serial number nor a path is in it, so that the
//! same source gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tombolo_manifest::{Identity, SBOM_SECTION};
use wasm_encoder::{ComponentSection, CustomSection};

use crate::PackError;
use crate::cargo::{Compiled, Guest, Node, Package};
use crate::toolchain::Toolchain;

/// What everybody types to get the same bytes.
const COMMAND: &str = "tombolo adapter build";

/// Writes the document.
///
/// # Errors
/// The lock file cannot be read.
pub(crate) fn describe(
    adapter: &Identity,
    guest: &Guest,
    compiled: &Compiled,
    toolchain: &Toolchain,
) -> Result<String, PackError> {
    let checksums = checksums(guest)?;
    let mut packages: Vec<(&Package, bool)> = guest
        .metadata
        .packages
        .iter()
        .filter(|package| !package.is_at(&guest.manifest))
        .filter_map(|package| {
            let inside = compiled.inside.contains(&package.id);
            (inside || compiled.tools.contains(&package.id)).then_some((package, inside))
        })
        .collect();
    packages.sort_by_key(|(package, _)| reference(package));
    let root = format!("{}@{}", adapter.name, adapter.version);
    let mut components: Vec<Value> = packages
        .iter()
        .map(|(package, inside)| component(package, *inside, &checksums))
        .collect();
    components.push(json!({
        "type": "library", "bom-ref": "rust-std", "name": "rust-std", "version": toolchain.version,
        "description": "Rust's standard library, of the compiler's version", "scope": "required",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    }));
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [
                { "type": "application", "name": "tombolo", "version": env!("CARGO_PKG_VERSION") },
                { "type": "application", "name": "rustc", "version": toolchain.version },
                { "type": "application", "name": "llvm", "version": toolchain.llvm },
            ] },
            "component": {
                "type": "application", "bom-ref": root, "name": adapter.name, "version": adapter.version,
                "description": adapter.summary,
            },
            "properties": [
                { "name": "tombolo:command", "value": COMMAND },
                { "name": "tombolo:standard-library", "value": if toolchain.build_std { "compiled along" } else { "as the compiler brings it" } },
            ],
        },
        "components": components,
        "dependencies": dependencies(&root, guest, &packages),
    });
    Ok(document.to_string())
}

/// Puts the document beside the manifest.
pub(crate) fn attach(component: &mut Vec<u8>, document: &str) {
    CustomSection {
        name: SBOM_SECTION.into(),
        data: document.as_bytes().into(),
    }
    .append_to_component(component);
}

fn component(package: &Package, inside: bool, checksums: &BTreeMap<Key, String>) -> Value {
    let mut component = Map::new();
    let mut put = |key: &str, value: Value| component.insert(key.into(), value);
    put("type", "library".into());
    put("bom-ref", reference(package).into());
    put("name", package.name.clone().into());
    put("version", package.version.clone().into());
    put("scope", if inside { "required" } else { "excluded" }.into());
    let key = (
        package.name.clone(),
        package.version.clone(),
        package.source.clone(),
    );
    if let Some(checksum) = checksums.get(&key) {
        put("hashes", json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    if let Some(license) = &package.license {
        // Cargo once took `/` for OR.
        let expression = license.replace('/', " OR ").replace("  ", " ");
        put("licenses", json!([{ "expression": expression }]));
    }
    if let Some(purl) = purl(package) {
        put("purl", purl.into());
    }
    component.into()
}

/// A package's name within the document.
fn reference(package: &Package) -> String {
    let kind = match package.source.as_deref() {
        None => "path",
        Some(source) if source.starts_with("git+") => "git",
        Some(_) => "cargo",
    };
    format!("{kind}:{}@{}", package.name, package.version)
}

/// The package URL (purl-spec, type `cargo`); a folder of this machine has none.
fn purl(package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let plain = format!("pkg:cargo/{}@{}", package.name, encoded(&package.version));
    if source.starts_with("git+") {
        Some(format!("{plain}?vcs_url={}", encoded(source)))
    } else if source.ends_with("/crates.io-index") {
        Some(plain)
    } else {
        let registry = source.split_once('+').map_or(source, |(_, url)| url);
        Some(format!("{plain}?repository_url={}", encoded(registry)))
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Who depends on whom, among what the document names.
fn dependencies(root: &str, guest: &Guest, packages: &[(&Package, bool)]) -> Vec<Value> {
    let names: BTreeMap<&str, String> = packages
        .iter()
        .map(|(package, _)| (package.id.as_str(), reference(package)))
        .collect();
    let of = |node: &Node| -> BTreeSet<String> {
        let normal = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind.as_deref() != Some("dev"))
        });
        normal
            .filter_map(|dependency| names.get(dependency.pkg.as_str()).cloned())
            .collect()
    };
    let own = guest
        .metadata
        .packages
        .iter()
        .find(|package| package.is_at(&guest.manifest))
        .map(|package| package.id.as_str());
    let mut all: Vec<(String, BTreeSet<String>)> = Vec::new();
    for node in &guest.metadata.resolve.nodes {
        if Some(node.id.as_str()) == own {
            let mut needs = of(node);
            needs.insert("rust-std".into());
            all.push((root.to_owned(), needs));
        } else if let Some(name) = names.get(node.id.as_str()) {
            all.push((name.clone(), of(node)));
        }
    }
    all.sort();
    all.dedup_by(|one, other| one.0 == other.0);
    all.into_iter()
        .map(|(name, needs)| json!({ "ref": name, "dependsOn": needs }))
        .collect()
}

type Key = (String, String, Option<String>);

/// SHA-256 of each package's file as its registry gave it, from `Cargo.lock`.
fn checksums(guest: &Guest) -> Result<BTreeMap<Key, String>, PackError> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        source: Option<String>,
        checksum: Option<String>,
    }
    let file = guest.workspace.join("Cargo.lock");
    let text = fs::read_to_string(&file).map_err(PackError::file(&file, "reading it"))?;
    let lock: Lock = toml::from_str(&text).map_err(|error| {
        PackError::Folder(format!("{} cannot be read: {error}", file.display()))
    })?;
    Ok(lock
        .package
        .into_iter()
        .filter_map(|locked| {
            Some((
                (locked.name, locked.version, locked.source),
                locked.checksum?,
            ))
        })
        .collect())
}
