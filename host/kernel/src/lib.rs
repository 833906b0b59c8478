//! The microkernel: an adapter's bytes become a checked package, a reviewer's grant decides what it reaches,
//! a sandbox runs it, capabilities carry what it asks for to the outside.
//!
//! It knows nothing of HTTP servers, flows, the site folder, or where the log is kept. Only [`sandbox`] and
//! [`capability`] know wasmtime; [`grant`] and [`package`] do no I/O.

pub mod audit;
pub mod capability;
pub mod clock;
pub mod event;
pub mod failure;
pub mod fields;
pub mod grant;
pub mod limits;
pub mod package;
pub mod sandbox;
pub mod schema;
pub mod secret;
pub mod system;
pub mod text;
