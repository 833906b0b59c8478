//! Where a person says that an adapter lies: in a registry or at an address, pinned or as it is now.

use std::time::Duration;

use url::{Position, Url};

use super::{Access, Pulled, Reference, Registry, RegistryError, SCHEME, download};
use crate::site::{AdapterPlace, web_address};

/// A place that is asked over the network.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a registry.
    Registry(Reference),
    /// At an address of its own.
    Web(Url),
}

impl Source {
    /// Whether a text means one of these rather than a file.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME) || is_web(text)
    }

    /// Reads an `http(s)://` address, or a reference with or without `oci://`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        match is_web(text) {
            true => web_address(text).map(Self::Web),
            false => Reference::parse(text).map(Self::Registry),
        }
    }

    /// The host that is asked, with its port where that is not the usual one: as `registries` of a site name it.
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Registry(reference) => &reference.registry,
            Self::Web(address) => &address[Position::BeforeHost..Position::AfterPort],
        }
    }

    /// Gets what lies there now, with its signatures.
    ///
    /// # Errors
    /// It cannot be had, or is not what a reference's digest says.
    pub async fn pull(&self, access: Access, patience: Duration) -> Result<Pulled, RegistryError> {
        match self {
            Self::Registry(reference) => Registry::new(reference, access, patience)?.pull().await,
            Self::Web(address) => download(address, None, access, patience).await,
        }
    }

    /// What was pulled, as a site pins it.
    #[must_use]
    pub fn pinned(&self, pulled: &Pulled) -> AdapterPlace {
        match self {
            Self::Registry(reference) => AdapterPlace::Registry(reference.pinned(&pulled.digest)),
            Self::Web(address) => AdapterPlace::Web {
                address: address.clone(),
                digest: pulled.digest.clone(),
            },
        }
    }

    /// The place that it pins already, whatever lies there now.
    #[must_use]
    pub fn place(&self) -> Option<AdapterPlace> {
        match self {
            Self::Registry(reference) if reference.digest.is_some() => {
                Some(AdapterPlace::Registry(reference.clone()))
            }
            _ => None,
        }
    }
}

fn is_web(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
