//! Composition: the site folder, what comes in, the HTTP API, telemetry.
//!
//! - [`site`]: the operator's folder, read and checked
//! - [`secrets`]: secrets by reference
//! - [`host`]: a running host
//! - [`telemetry`](mod@telemetry): logs
//!
//! Only `api/` and `ingress/` know axum; `api/errors.rs` is the only place that turns a failure into an HTTP status.

mod api;
mod connections;
mod core;
pub mod host;
mod ingress;
mod reload;
mod retention;
pub mod secrets;
pub mod site;
pub mod telemetry;

pub use host::{Host, HostError, HostOptions};
