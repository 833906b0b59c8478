//! `broker`: messages to brokers that the operator bound. What brokers send arrives at `receive`, with the method
//! `MESSAGE` and its topic as the url.

pub use crate::bindings::tombolo::adapter::broker::Error;

/// Publishes one message; returns when the broker has it. `headers` may hold `content-type` and `message-id`, which
/// become the protocol's own.
///
/// # Errors
/// See [`Error`].
pub fn publish(
    connection: &str,
    topic: &str,
    payload: &[u8],
    headers: &[(String, String)],
) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::tombolo::adapter::broker::publish(connection, topic, payload, headers);
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current(|host| host.publish(connection, topic, payload, headers));
}
