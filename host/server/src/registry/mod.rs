//! Adapters in OCI registries and at HTTP addresses: sent there, and fetched into the site's data folder, by commands
//! alone. A running host never asks a registry: it reads what was fetched, and checks digest and signature each time.
//!
//! - [`Reference`]: where an adapter lies in a registry; [`Source`]: there or at an address, as a person names it
//! - [`Registry`]: push and pull, as the CNCF's Wasm artifact, with the signature as a referrer
//! - [`Cellar`]: what was fetched, by digest
//!
//! Nothing that a registry says is trusted: every answer has a bound, every digest is computed here.

mod artifact;
mod cellar;
mod challenge;
mod fetch;
mod reference;
mod referrers;
mod source;
mod transfer;
mod wire;

pub(crate) use artifact::digest;
pub use cellar::Cellar;
pub use fetch::{Fetched, access as site_access, fetch};
pub(crate) use reference::is_host;
pub use reference::{Reference, SCHEME, is_digest};
pub use source::Source;
pub use transfer::{Pulled, Pushed, Registry, download};
pub use wire::Access;

/// What went wrong, with where and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegistryError(pub String);

impl RegistryError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
