//! What comes in: connections, hooks, brokers, published events. Nothing is acknowledged before it is on disk.

pub(crate) mod body;
pub(crate) mod broker;
mod connection;
mod hooks;
pub(crate) mod knocking;
pub(crate) mod made;
pub(crate) mod origin;
mod publish;
pub(crate) mod tls;
#[cfg(test)]
mod tls_tests;

pub(crate) use connection::serve;
pub(crate) use publish::publish;
