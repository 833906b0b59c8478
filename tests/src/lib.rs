//! What every end-to-end test stands on: the real binary in its own process, real adapters, real requests.
//!
//! | module | is |
//! |---|---|
//! | [`built`] | the binary and the adapters, built once |
//! | [`publisher`] | signs every adapter |
//! | [`site`] | a site folder of the test's own |
//! | [`host`] | the host's process: start, kill, ask its API |
//! | [`server`] | an HTTP server that records what it gets and answers what it is told |
//! | [`scenario`] | runs a scenario's folder |
//! | [`client`] | what speaks to a broker beside the host |
//! | [`component`] | adapters written as WebAssembly text, for what no compiler would emit |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test's support fails by panicking"
)]

pub mod broker;
pub mod built;
pub mod client;
pub mod component;
pub mod host;
pub mod publisher;
pub mod scenario;
pub mod server;
pub mod signed;
pub mod site;
pub mod syslog;
