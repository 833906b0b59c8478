//! Bad site files and what the operator is told: text in, problems out, no disk but a folder made for the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod contracts;
mod files;
mod mutated;
mod network;
mod places;
mod publishers;
mod reading;
mod review;
mod schemas;
mod tokens;
mod ways;
