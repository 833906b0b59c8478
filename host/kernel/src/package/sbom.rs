//! What an adapter was built from, as its file says: a CycloneDX document in a section beside the manifest.
//!
//! It is shown to people and decides nothing: whoever built the adapter wrote it, and only the signature vouches for
//! it. Read with a bound on its size, and refused when it is not what it claims to be.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tombolo_manifest::SBOM_SECTION;

use super::PackageError;
use crate::limits::{SBOM_BYTES, SBOM_COMPONENTS};

/// Characters of a name or version that are kept for display.
const SHOWN: usize = 200;

/// What the document says, cut down to what people look at; the whole is [`Sbom::text`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sbom {
    /// `sha256:` and 64 hex digits over the document.
    pub digest: String,
    /// CycloneDX's version, such as `1.6`.
    pub spec_version: String,
    /// Components that are inside the adapter.
    pub inside: usize,
    /// Components that only helped to build it (CycloneDX's scope `excluded`).
    pub tools_only: usize,
    /// What built it: name and version.
    pub built_with: Vec<(String, String)>,
    /// What else the builder notes on how to build it again.
    pub notes: Vec<(String, String)>,
    /// The document as it is in the file.
    #[serde(skip)]
    pub text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: String,
    spec_version: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    tools: Tools,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    #[serde(default)]
    value: String,
}

/// Reads the section's bytes.
pub(super) fn read(section: &[u8]) -> Result<Sbom, PackageError> {
    if section.len() > SBOM_BYTES {
        return Err(PackageError(format!(
            "found a section `{SBOM_SECTION}` of {} bytes, expected at most {SBOM_BYTES}: build the adapter again, with fewer dependencies",
            section.len()
        )));
    }
    let refuse = |found: &str| {
        PackageError(format!(
            "found a section `{SBOM_SECTION}` {found}, expected a CycloneDX document as JSON: build the adapter again with `tombolo adapter build`"
        ))
    };
    let text = std::str::from_utf8(section).map_err(|_| refuse("that is not UTF-8 text"))?;
    let document: Document = serde_json::from_str(text)
        .map_err(|error| refuse(&format!("that cannot be read ({error})")))?;
    if document.bom_format != "CycloneDX" || !document.spec_version.starts_with("1.") {
        return Err(refuse("of another format or version"));
    }
    if document.components.len() > SBOM_COMPONENTS {
        return Err(refuse(&format!(
            "with {} components, more than {SBOM_COMPONENTS}",
            document.components.len()
        )));
    }
    let excluded = |component: &&Component| component.scope == "excluded";
    let tools_only = document.components.iter().filter(excluded).count();
    let Metadata { tools, properties } = document.metadata;
    let pairs = |found: Vec<(String, String)>| {
        let cut = |text: String| text.chars().take(SHOWN).collect();
        found
            .into_iter()
            .map(|(name, value)| (cut(name), cut(value)))
            .collect()
    };
    Ok(Sbom {
        digest: format!("sha256:{}", hex::encode(Sha256::digest(section))),
        spec_version: document.spec_version.chars().take(SHOWN).collect(),
        inside: document.components.len() - tools_only,
        tools_only,
        built_with: pairs(
            tools
                .components
                .into_iter()
                .map(|tool| (tool.name, tool.version))
                .collect(),
        ),
        notes: pairs(
            properties
                .into_iter()
                .map(|note| (note.name, note.value))
                .collect(),
        ),
        text: text.to_owned(),
    })
}
