//! What a reviewer gives, holds back, ends and takes away, against the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod fixture;
mod narrower;
mod over;
mod reading;
mod slow;
mod trying;
mod two;
mod usage;
