//! `clock`: the time of day, coarse.

/// Milliseconds since 1970-01-01T00:00:00Z, the same during one call. It may step back between calls.
#[must_use]
pub fn now_ms() -> u64 {
    #[cfg(target_family = "wasm")]
    return crate::bindings::tombolo::adapter::clock::now_ms();
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current(|host| host.now_ms());
}
