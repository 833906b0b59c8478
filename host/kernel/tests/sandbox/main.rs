//! The sandbox and the systems against guests written as WebAssembly text: what no compiler would emit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod cache;
mod fixture;
mod guest;
mod life;
mod limits;
mod reach;
mod reached;
mod rows;
mod values;
