//! Publishing: a vendor makes keys, signs and checks, and the common tool agrees; a site runs what its publishers
//! signed, and anything else only where its file says so, loudly.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod address;
mod built;
mod checked;
mod registry;
mod site;
mod vendor;
