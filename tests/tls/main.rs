//! TLS end to end: a certificate that is replaced under open connections, and the command line that trusts one
//! authority and no other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod authority;
mod command;
mod replaced;
