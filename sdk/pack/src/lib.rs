//! Builds and signs an adapter: compile for wasm, make the component, embed the manifest and what it was built
//! from. Writes one `.wasm` and never runs it.
//!
//! - [`build`]: an adapter's folder to one file, with the toolchain that this machine has
//! - [`componentize`]: a core module and a manifest to the bytes of that file
//! - [`keygen`], [`Signer`]: a publisher's keys and the signature beside that file
//! - [`new_adapter`]: a folder that builds and passes its tests at once

mod build;
mod cargo;
mod component;
mod error;
mod sbom;
mod scaffold;
mod sign;
mod strip;
mod toolchain;

pub use build::{Built, Progress, build};
pub use component::componentize;
pub use error::PackError;
pub use scaffold::{SdkFiles, new_adapter};
pub use sign::{KeyFiles, Signer, keygen, needs_password};
