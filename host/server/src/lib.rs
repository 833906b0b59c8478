//! Composition: the site folder, what comes in, the HTTP API, telemetry.
//!
//! - [`access`]: who may use the API
//! - [`site`]: the operator's folder, read and checked
//! - [`timing`]: when feeds and schedules are due
//! - [`registry`]: adapters in registries
//! - [`examination`]: an adapter checked, offline and against a live system
//! - [`schemas`]: JSON Schemas of the site's files, for editors
//! - [`secrets`]: secrets by reference
//! - [`host`]: a running host, which is itself a system of its site: `tombolo`
//! - [`telemetry`](mod@telemetry): logs
//! - [`trial`]: a system tried with what was recorded, reaching nothing
//! - [`whole`]: files put in place at once
//!
//! Only `api/` and `ingress/` know axum; `api/errors.rs` is the only place that turns a failure into an HTTP status.

pub mod access;
mod api;
mod broker;
mod connections;
mod core;
pub mod examination;
mod export;
mod feeds;
mod grants;
pub mod host;
mod in_force;
mod ingress;
mod life;
mod own;
mod reconciliation;
mod refusals;
pub mod registry;
mod reload;
mod retention;
mod reviewed;
mod schedules;
pub mod schemas;
pub mod secrets;
pub mod site;
pub mod telemetry;
pub mod timing;
pub mod trial;
mod uses;
pub mod whole;

pub use host::{Host, HostError, HostOptions};
