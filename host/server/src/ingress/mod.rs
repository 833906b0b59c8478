//! What comes in: connections, hooks, brokers, published events. Nothing is acknowledged before it is on disk.

pub(crate) mod body;
pub(crate) mod broker;
mod connection;
mod hooks;
pub(crate) mod made;
mod publish;

pub(crate) use connection::serve;
pub(crate) use publish::publish;
