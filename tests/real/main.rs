//! Third-party systems that nobody here wrote, installed once into `target/real`, started on free loopback ports, and
//! reached by the real binary with the real adapters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod asked;
mod checked;
mod devices;
mod flows;
mod matrix;
mod odata;
mod request_tracker;
mod servers;
mod tryton;
mod vendure;
