//! Attacks on the real host, numbered as in `README.md` beside this file. Each shows what the attack gets (nothing)
//! and that the neighbour goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod access;
mod audit;
mod bombs;
mod exfiltration;
mod fields;
mod fixture;
mod http_in;
mod http_out;
mod inbound;
mod package;
mod quarantine;
mod rebinding;
mod resources;
mod routing;
mod running;
mod secrets;
mod shown;
mod signature;
mod sql;
mod sql_text;
mod table;
