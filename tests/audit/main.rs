//! The audit of a real host: every way out is on record with what caused it, people's decisions too, nobody's secret is,
//! and whoever changes the file afterwards is found out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod calls;
mod commands;
mod decisions;
mod export;
mod fixture;
