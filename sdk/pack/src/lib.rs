//! Builds an adapter: compile for wasm, make the component, embed the manifest. Writes one `.wasm` and never runs it.
//!
//! - [`build`]: an adapter's folder to one file, with the toolchain that this machine has
//! - [`componentize`]: a core module and a manifest to the bytes of that file
//! - [`new_adapter`]: a folder that builds and passes its tests at once

mod build;
mod cargo;
mod component;
mod error;
mod scaffold;
mod strip;
mod toolchain;

pub use build::{Built, Progress, build};
pub use component::componentize;
pub use error::PackError;
pub use scaffold::{SdkFiles, new_adapter};
