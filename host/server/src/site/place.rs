//! `adapter` of a system file: where the adapter lies. What is not a file of this machine is named with its digest, so
//! that nobody else can change what a reviewer approved.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::fields::{self, At, Fields, Problems, quoted};
use crate::registry::{Reference, SCHEME, is_digest};

/// Where an adapter lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AdapterPlace {
    /// In a file.
    File(PathBuf),
    /// In a registry; its digest is that of the manifest.
    Registry(Reference),
    /// At an address of its own.
    Web {
        /// `https`, or `http` where the site allows it.
        address: Url,
        /// Of the file there.
        digest: String,
    },
}

impl AdapterPlace {
    /// What a system file says of it under `adapter`, and under `digest` where that stands beside it.
    #[must_use]
    pub fn written(&self) -> (String, Option<String>) {
        match self {
            Self::Web { address, digest } => (address.to_string(), Some(digest.clone())),
            other => (other.to_string(), None),
        }
    }
}

impl fmt::Display for AdapterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Registry(reference) => write!(f, "{reference}"),
            Self::Web { address, digest } => write!(f, "{address} ({digest})"),
        }
    }
}

/// Reads `adapter` and `digest`; gives the place, where it stands and how it is written.
pub(crate) fn read<'n>(
    fields: Fields<'n>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<(At, AdapterPlace, &'n str)> {
    let node = fields.need("adapter", problems)?;
    let text = fields::text(node, "adapter", problems)?;
    let digest = fields
        .get("digest")
        .and_then(|node| fields::text(node, "digest", problems).map(|text| (node.place, text)));
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    if let Some((at, digest)) = digest {
        if !is_web {
            problems.add(at, "digest: found one, but `adapter` is no http(s) address; a registry's goes into the reference itself, after `@`");
        } else if !is_digest(digest) {
            problems.add(at, format!("digest: found {}, expected `sha256:` and 64 hex digits in lower case, as `tombolo adapter inspect` tells", quoted(digest)));
            return None;
        }
    }
    let place = if text.starts_with(SCHEME) {
        registry(text)
    } else if is_web {
        web(text, digest.map(|(_, digest)| digest))
    } else if text.contains('\0') {
        Err("expected the path of an adapter's `.wasm` file".into())
    } else {
        Ok(AdapterPlace::File(folder.join(text)))
    };
    match place {
        Ok(place) => Some((node.place, place, text)),
        Err(error) => {
            problems.add(node.place, format!("adapter {}: {error}", quoted(text)));
            None
        }
    }
}

fn registry(text: &str) -> Result<AdapterPlace, String> {
    let reference = Reference::parse(text)?;
    if reference.digest.is_none() {
        return Err(format!(
            "found a tag without a digest, which can stand for something else tomorrow; expected {reference}@sha256:... (`tombolo adapter pull {reference}` tells the digest)"
        ));
    }
    Ok(AdapterPlace::Registry(reference))
}

fn web(text: &str, digest: Option<&str>) -> Result<AdapterPlace, String> {
    let address = web_address(text)?;
    let digest = digest.ok_or(
        "found an address without a digest, where something else can lie tomorrow; expected `digest: sha256:...` beside it (`tombolo adapter pull` and `inspect` tell it)",
    )?;
    Ok(AdapterPlace::Web {
        address,
        digest: digest.to_owned(),
    })
}

/// An address at which an adapter may lie.
pub(crate) fn web_address(text: &str) -> Result<Url, String> {
    let address = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
    if !address.username().is_empty()
        || address.password().is_some()
        || address.fragment().is_some()
    {
        return Err("expected an address without user, password and fragment; `registries` in tombolo.yaml holds them".into());
    }
    Ok(address)
}
