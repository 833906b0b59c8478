//! Adapters written as WebAssembly text, for what no compiler would emit: loops where values cross, wrong UTF-8,
//! lies about types.
//!
//! [`Parts`] holds the bodies of one core module; [`Parts::build`] makes the component as the vendors' tool does.

use std::path::Path;

use crate::built::root;

/// The bodies that a test may replace. Each is the text inside a function.
pub struct Parts {
    /// `act(...) -> i32`: the address of the result.
    pub act: String,
    /// `receive(...) -> i32`.
    pub receive: String,
    /// Runs when the module is instantiated.
    pub start: String,
    /// `cabi_realloc(old, old_size, align, new_size) -> i32`.
    pub realloc: String,
    /// Runs after `act`'s result was read.
    pub post_act: String,
    /// Pages of memory, data segments, tables and more functions.
    pub module: String,
    /// A package of its own whose world `more` it exports beside the contract.
    pub wit: String,
    /// The manifest.
    pub manifest: String,
}

/// Where the module keeps the bytes of its standing answer `{}`.
const ANSWER: u32 = 1024;

impl Default for Parts {
    fn default() -> Self {
        Self {
            act: ok_json("i32.const 1024", "i32.const 2"),
            receive: "unreachable".into(),
            start: "nop".into(),
            realloc: "(local $at i32) (local.set $at (global.get $next)) (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 15)) (i32.const -16))) (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))) (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1)))))) local.get $at".into(),
            post_act: "nop".into(),
            module: "(memory (export \"memory\") 2)".into(),
            wit: String::new(),
            manifest: manifest("hostile/adapter", ""),
        }
    }
}

/// A body of `act` that answers `ok` with the text at an address and of a length, both given as instructions.
pub fn ok_json(at: &str, length: &str) -> String {
    // result<json, failure>: a byte of discriminant, the payload aligned to 8 (an option<u64> is inside `failure`).
    format!(
        "(i32.store8 (i32.const 512) (i32.const 0)) (i32.store (i32.const 520) ({at})) (i32.store (i32.const 524) ({length})) (i32.const 512)"
    )
}

/// A manifest with one action `go`, and more text.
pub fn manifest(name: &str, more: &str) -> String {
    format!(
        "[adapter]\nname = \"{name}\"\nversion = \"0.1.0\"\nsummary = \"An adapter that a test wrote\"\n\n[actions.go]\neffect = \"write\"\nsummary = \"Goes\"\n{more}\n"
    )
}

impl Parts {
    /// The component with its manifest inside.
    pub fn build(&self) -> Vec<u8> {
        tombolo_pack::componentize(&self.core(), &self.manifest)
            .unwrap_or_else(|error| panic!("the component cannot be made: {error}"))
    }

    /// The component without a manifest.
    pub fn build_without_manifest(&self) -> Vec<u8> {
        encoded(&self.core())
    }

    /// Like [`Self::build_unchecked`], against another `wit/`.
    pub fn build_against(&self, wit: &Path) -> Vec<u8> {
        self.with_manifest(encoded(&self.core_against(wit)))
    }

    /// The component with its manifest, made without the vendors' tool, which would refuse a lie.
    pub fn build_unchecked(&self) -> Vec<u8> {
        self.with_manifest(self.build_without_manifest())
    }

    fn with_manifest(&self, mut component: Vec<u8>) -> Vec<u8> {
        use wasm_encoder::{ComponentSection as _, CustomSection};
        CustomSection {
            name: "tombolo:manifest".into(),
            data: self.manifest.as_bytes().into(),
        }
        .append_to_component(&mut component);
        component
    }

    /// The core module with the contract's types beside it.
    pub fn core(&self) -> Vec<u8> {
        self.core_against(&root().join("wit"))
    }

    fn core_against(&self, wit: &Path) -> Vec<u8> {
        let text = format!(
            r#"(module
              {module}
              (global $next (mut i32) (i32.const 65536))
              (data (i32.const {ANSWER}) "{{}}")
              (func $start {start})
              (start $start)
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
              (func (export "act") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {act})
              (func (export "cabi_post_act") (param i32) {post})
              (func (export "receive") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32) {receive})
              (func (export "read") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            )"#,
            module = self.module,
            start = self.start,
            realloc = self.realloc,
            act = self.act,
            post = self.post_act,
            receive = self.receive,
        );
        let mut core = wat::parse_str(&text)
            .unwrap_or_else(|error| panic!("the module's text is wrong: {error}"));
        let mut resolve = wit_parser::Resolve::default();
        let (package, _) = resolve.push_dir(wit).unwrap();
        let world = resolve.select_world(&[package], Some("adapter")).unwrap();
        let world = if self.wit.is_empty() {
            world
        } else {
            let more = resolve.push_str("more.wit", &self.wit).unwrap();
            let more = resolve.select_world(&[more], Some("more")).unwrap();
            resolve
                .merge_worlds(more, world, &mut wit_parser::CloneMaps::default())
                .unwrap();
            world
        };
        wit_component::embed_component_metadata(
            &mut core,
            &resolve,
            world,
            wit_component::StringEncoding::UTF8,
        )
        .unwrap();
        core
    }
}

fn encoded(core: &[u8]) -> Vec<u8> {
    let mut encoder = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core)
        .unwrap();
    encoder.encode().unwrap()
}
