//! The documents of an adapter in a registry. Pure.
//!
//! The adapter is the CNCF's Wasm OCI artifact (TAG Runtime, "Wasm OCI Artifact Layout"): one layer `application/wasm`
//! and a config that repeats what the component imports and exports. The signature is an artifact of its own whose
//! `subject` is the adapter (OCI image-spec 1.1). Neither holds a time: the same file gives the same digest.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;

use super::RegistryError;
use super::reference::is_digest;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// A `.minisig` file, and the artifact that holds one.
pub(super) const SIGNATURE: &str = "application/vnd.tombolo.adapter.signature.minisign";
/// The content of an empty config.
pub(super) const NOTHING: &[u8] = b"{}";

/// What one document says of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
        }
    }
}

/// What is read of a manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    subject: Option<Descriptor>,
}

/// What is read of a list of referrers.
#[derive(Debug, Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

/// `sha256:` and 64 hex digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The config and the manifest of an adapter.
pub(super) fn of_adapter(package: &Package) -> (Vec<u8>, Vec<u8>) {
    let adapter = &package.manifest.adapter;
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "author": null,
        "architecture": "wasm",
        // The layout's word for a component; ours import no WASI.
        "os": "wasip2",
        "layerDigests": [package.digest],
        "component": {
            "exports": ["act", "receive", "read"],
            "imports": package.imports.iter().map(|import| format!("tombolo:adapter/{import}")).collect::<Vec<_>>(),
            "target": "tombolo:adapter/adapter",
        },
    })
    .to_string()
    .into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": Descriptor::of(CONFIG, &config),
        "layers": [Descriptor::of(WASM, &package.bytes)],
        "annotations": {
            "org.opencontainers.image.title": adapter.name,
            "org.opencontainers.image.version": adapter.version,
            "org.opencontainers.image.description": adapter.summary,
        },
    });
    (config, manifest.to_string().into_bytes())
}

/// The manifest of a signature, and what a list of referrers says of it.
pub(super) fn of_signature(signature: &[u8], adapter_manifest: &[u8]) -> (Vec<u8>, Descriptor) {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SIGNATURE,
        "config": Descriptor::of(EMPTY, NOTHING),
        "layers": [Descriptor::of(SIGNATURE, signature)],
        "subject": Descriptor::of(MANIFEST, adapter_manifest),
    })
    .to_string()
    .into_bytes();
    let mut descriptor = Descriptor::of(MANIFEST, &manifest);
    descriptor.artifact_type = Some(SIGNATURE.to_owned());
    (manifest, descriptor)
}

/// The list of referrers with one more; nothing if it is in it already. What is in it of others stays as it is.
pub(super) fn with_referrer(
    index: Option<&[u8]>,
    referrer: &Descriptor,
) -> Result<Option<Vec<u8>>, RegistryError> {
    let fresh = || json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    let mut index: Value = match index {
        None => fresh(),
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| not_a("list of referrers"))?,
    };
    let all = index
        .get_mut("manifests")
        .and_then(Value::as_array_mut)
        .ok_or_else(|| not_a("list of referrers"))?;
    if all
        .iter()
        .any(|one| one["digest"] == referrer.digest.as_str())
    {
        return Ok(None);
    }
    all.push(json!(referrer));
    Ok(Some(index.to_string().into_bytes()))
}

/// The layer of an adapter's manifest.
pub(super) fn layer(manifest: &[u8]) -> Result<Descriptor, RegistryError> {
    let read: Manifest = serde_json::from_slice(manifest).map_err(|_| {
        not_a("manifest of an adapter; is it an image for several machines, or another kind of artifact?")
    })?;
    if read.config.media_type != CONFIG {
        return Err(RegistryError::new(format!(
            "found an artifact with a config of the type {:?}, expected a Wasm artifact with {CONFIG:?}",
            cut(&read.config.media_type)
        )));
    }
    let [layer] = <[Descriptor; 1]>::try_from(read.layers).map_err(|layers| {
        RegistryError::new(format!(
            "found an artifact of {} layers, expected one",
            layers.len()
        ))
    })?;
    checked(layer, WASM, limits::PACKAGE_BYTES)
}

/// The layer of a signature's manifest, if it is one of this adapter's.
pub(super) fn signature_layer(manifest: &[u8], adapter: &str) -> Result<Descriptor, RegistryError> {
    let read: Manifest =
        serde_json::from_slice(manifest).map_err(|_| not_a("manifest of a signature"))?;
    if read.subject.is_none_or(|subject| subject.digest != adapter) {
        return Err(RegistryError::new(
            "found a signature of something else, expected one whose subject is the adapter",
        ));
    }
    let [layer] =
        <[Descriptor; 1]>::try_from(read.layers).map_err(|_| not_a("manifest of a signature"))?;
    checked(layer, SIGNATURE, limits::SIGNATURE_BYTES)
}

/// The signatures in a list of referrers.
pub(super) fn signatures(index: &[u8]) -> Result<Vec<Descriptor>, RegistryError> {
    let index: Index = serde_json::from_slice(index).map_err(|_| not_a("list of referrers"))?;
    Ok(index
        .manifests
        .into_iter()
        .filter(|one| one.artifact_type.as_deref() == Some(SIGNATURE) && is_digest(&one.digest))
        .take(limits::PUBLISHER_KEYS)
        .collect())
}

fn checked(layer: Descriptor, kind: &str, most: u64) -> Result<Descriptor, RegistryError> {
    if layer.media_type != kind || !is_digest(&layer.digest) {
        return Err(RegistryError::new(format!(
            "found a layer of the type {:?}, expected {kind:?} with a sha256 digest",
            cut(&layer.media_type)
        )));
    }
    if layer.size > most {
        return Err(RegistryError::new(format!(
            "found a layer of {} bytes, expected at most {most}",
            layer.size
        )));
    }
    Ok(layer)
}

fn not_a(what: &str) -> RegistryError {
    RegistryError::new(format!("found something that is no {what}"))
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
