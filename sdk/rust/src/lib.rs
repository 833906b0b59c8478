//! Write a Tombolo adapter: one trait, one macro.
//!
//! ```
//! use tombolo_sdk::{ActionCall, Adapter, Failure, Json, http, to_json};
//!
//! struct Stock;
//!
//! impl Adapter for Stock {
//!     fn start() -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!
//!     fn act(&self, call: ActionCall) -> Result<Json, Failure> {
//!         #[derive(serde::Deserialize)]
//!         struct Input {
//!             sku: String,
//!         }
//!         let input: Input = call.parse()?;
//!         let item: serde_json::Value = http::get("api", http::path(&["items", &input.sku])?).call()?.json()?;
//!         to_json(&item["stock"])
//!     }
//! }
//!
//! tombolo_sdk::export!(Stock);
//! ```
//!
//! An adapter names things (`"api"`, a statement, a key); the operator binds them. It holds no address and no
//! secret. What it imports is what it uses: a module of this crate that is never called leaves no import behind.
//!
//! | module | is |
//! |---|---|
//! | [`http`], [`sql`], [`broker`], [`store`], [`keys`], [`actions`], [`log`], [`clock`], [`settings`] | the contract's imports, one each |
//! | [`json`], [`template`], [`form`] | JSON by pointer and by template, without building trees; forms |
//! | [`feed`], [`table`], [`time`] | rows to events and cursors; CSV and fixed width; times as RFC 3339 |
//! | [`sender`] | who sent what a hook got, where several vendors sign alike |
//! | `testing` | the in-memory host for native tests (absent from the wasm) |
//!
//! Natively the imports talk to the `testing` host of the current thread; in wasm to the real host.

mod adapter;
#[doc(hidden)]
#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    unsafe_op_in_unsafe_fn,
    unreachable_pub,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "adapter",
        pub_export_macro: true,
        export_macro_name: "export_component",
        additional_derives: [PartialEq],
    });
}
mod call;
mod event;
mod failure;

pub mod actions;
pub mod broker;
pub mod clock;
pub mod feed;
pub mod form;
pub mod http;
pub mod json;
pub mod keys;
pub mod log;
pub mod sender;
pub mod settings;
pub mod sql;
pub mod store;
pub mod table;
pub mod template;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;

pub use adapter::Adapter;
#[doc(hidden)]
pub use adapter::{Kept, with};
pub use bindings::tombolo::adapter::exchange::{
    ActionCall, Answer, Event, Inbound, Page, Reception,
};
pub use bindings::tombolo::adapter::types::{Failure, FieldProblem, Json, Passing, Rejection};
pub use failure::FailureKind;
pub use json::to_json;
pub use settings::Settings;
