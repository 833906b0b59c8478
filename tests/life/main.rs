//! The life of systems while traffic flows, decided by people through the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod contract;
mod fixture;
mod rolled_back;
mod service;
mod swapped;
mod tried;
mod under_load;
