//! A core module becomes a component that carries its manifest.

use std::cell::Cell;

use tombolo_manifest::{Manifest, SECTION};
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

use crate::PackError;
use crate::strip::strip;

/// Sections by which `wit-bindgen` tells which world the module was compiled against.
const WORLD: &str = "component-type";

/// Makes the component of a core module that was compiled against the world `tombolo:adapter/adapter`, without names
/// and producers, and appends the manifest's text as it is.
///
/// # Errors
/// A manifest with problems; a module that does not fit its world or imports what no interface has, such as WASI.
pub fn componentize(core_wasm: &[u8], manifest_toml: &str) -> Result<Vec<u8>, PackError> {
    check_manifest("adapter.toml", manifest_toml)?;
    let has_world = Cell::new(false);
    let core = strip(core_wasm, &|name| {
        let is_world = name.starts_with(WORLD);
        has_world.set(has_world.get() || is_world);
        is_world
    })?;
    if !has_world.get() {
        return Err(PackError::Component(
            "found a module that was compiled without the contract, expected one with `tombolo_sdk::export!(YourAdapter);` in its `src/lib.rs`".into(),
        ));
    }
    let component = ComponentEncoder::default()
        .module(&core)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| {
            PackError::Component(format!(
                "the compiled module cannot become a component: {error:#}. Adapters import only `tombolo:adapter`: a crate that needs files, time or randomness does not work in one"
            ))
        })?;
    let mut component = strip(&component, &|_| false)?;
    let section = CustomSection {
        name: SECTION.into(),
        data: manifest_toml.as_bytes().into(),
    };
    section.append_to_component(&mut component);
    Ok(component)
}

/// The manifest, or every problem as `FILE:LINE:COLUMN: ...`.
pub(crate) fn check_manifest(file: &str, text: &str) -> Result<Manifest, PackError> {
    Manifest::parse(text).map_err(|problems| {
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{file}:{problem}"))
            .collect();
        PackError::Manifest(lines.join("\n"))
    })
}

#[cfg(test)]
mod tests;
