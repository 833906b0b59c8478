//! The manifest of an adapter: what it offers and every capability it asks for, each with a reason.
//!
//! Vendors write it as `adapter.toml`; the same text travels in the component's custom section
//! [`SECTION`]. This crate holds its types and its checks and is shared by the vendor's tools and the
//! host, so both say the same about the same file. It reads no files and knows no wasm.
//!
//! - [`Manifest::parse`]: text to checked manifest, every problem with its line and column
//! - [`pattern`]: which requests an `allow` line lets through
//! - [`names`]: how names are spelled
//! - [`quantity`]: `32 MiB` and `200 ms`
//! - [`Profile`]: the business contracts of `wit/profiles`

mod check;
mod keys;
pub mod names;
mod parse;
pub mod pattern;
mod profile;
pub mod quantity;
mod types;

pub use keys::{DERIVATIONS, KEY_USES, is_derivation, is_key_use};
pub use parse::ManifestProblem;
pub use pattern::{HttpPattern, TopicPattern};
pub use profile::{Case, Example, Profile, ProfileAction, ProfileEvent};
pub use quantity::{QuantityError, parse_duration, parse_size};
pub use types::*;

/// The custom section that carries the manifest's TOML text.
pub const SECTION: &str = "tombolo:manifest";

/// The custom section that says what the adapter was built from: a CycloneDX document as JSON.
pub const SBOM_SECTION: &str = "tombolo:sbom";
