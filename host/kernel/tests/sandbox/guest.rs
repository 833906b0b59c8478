//! Guests as text: the bodies of one core module, made into a component of the contract.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The bodies that a test may replace; each is the text inside a function.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Imports.
    pub imports: String,
    /// More module fields.
    pub fields: String,
    /// Runs when instantiated.
    pub start: String,
    /// `(old, old size, align, new size) -> address`, before the usual body.
    pub realloc: String,
    /// `(action 0 1, input 2 3, key 4 5, attempt 6, deadline 7) -> address of the result`.
    pub act: String,
    /// After `act`'s result was read.
    pub post_act: String,
    /// `(hook 0 1, ..., body 10 11, received 12) -> address`.
    pub receive: String,
    /// More lines of the manifest.
    pub manifest: String,
    /// Its version: another makes another digest.
    pub version: String,
}

/// Answers with its input.
pub(crate) const ECHO: &str = "(call $ok (local.get 2) (local.get 3))";
/// Whether the input begins with `1`.
pub(crate) const IS_ONE: &str = "(i32.eq (i32.load8_u (local.get 2)) (i32.const 49))";

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: String::new(),
            fields: String::new(),
            start: "nop".into(),
            realloc: String::new(),
            act: ECHO.into(),
            post_act: "nop".into(),
            receive: "unreachable".into(),
            manifest: String::new(),
            version: "0.1.0".into(),
        }
    }
}

impl Guest {
    /// One that does `harm` if its input begins with `1`, and echoes otherwise.
    pub(crate) fn harmful(harm: &str) -> Self {
        Self {
            act: format!("(if {IS_ONE} (then {harm})) {ECHO}"),
            ..Self::default()
        }
    }

    /// The component with its manifest.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut component = ComponentEncoder::default()
            .validate(true)
            .module(&self.core())
            .unwrap()
            .encode()
            .unwrap();
        let section = wasm_encoder::CustomSection {
            name: tombolo_manifest::SECTION.into(),
            data: self.manifest_text().into_bytes().into(),
        };
        wasm_encoder::ComponentSection::append_to_component(&section, &mut component);
        component
    }

    fn manifest_text(&self) -> String {
        format!(
            "[adapter]\nname = \"test/guest\"\nversion = \"{}\"\nsummary = \"A guest that a test wrote\"\n\n\
             [actions.go]\neffect = \"write\"\nsummary = \"Goes\"\n\n[hooks.in]\nsummary = \"Something arrives\"\n\n{}",
            self.version, self.manifest
        )
    }

    fn core(&self) -> Vec<u8> {
        // result<json, failure>: one byte of discriminant, the payload at 8 (failure holds an option<u64>).
        let text = format!(
            r#"(module
              {imports}
              (memory (export "memory") 2)
              (global $next (mut i32) (i32.const 65536))
              (data (i32.const 1024) "{{}}")
              {fields}
              (func $start {start})
              (start $start)
              (func $ok (param i32 i32) (result i32)
                (i32.store8 (i32.const 512) (i32.const 0))
                (i32.store (i32.const 520) (local.get 0))
                (i32.store (i32.const 524) (local.get 1))
                (i32.const 512))
              (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                {realloc}
                (local.set $at (global.get $next))
                (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get 3)) (i32.const 15)) (i32.const -16)))
                (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
                  (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))))))
                (local.get $at))
              (func $act (export "act") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {act})
              (func (export "cabi_post_act") (param i32) (global.set $next (i32.const 65536)) {post})
              (func (export "receive") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32) {receive})
              (func (export "read") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
            )"#,
            imports = self.imports,
            fields = self.fields,
            start = self.start,
            realloc = self.realloc,
            act = self.act,
            post = self.post_act,
            receive = self.receive,
        );
        let mut core = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
            .unwrap();
        let world = resolve.select_world(&[package], Some("adapter")).unwrap();
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
        core
    }
}
