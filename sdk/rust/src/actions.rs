//! `actions`: actions of other systems that the manifest names under `[calls]`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, Json, to_json};

/// Calls `action` of `system` under this call's idempotency key. Chains of such calls are at most 4 deep.
///
/// # Errors
/// The other system's failure; `unauthorized` if the grant has no such action.
pub fn call<T: DeserializeOwned>(
    system: &str,
    action: &str,
    input: &impl Serialize,
) -> Result<T, Failure> {
    let output = call_json(system, action, &to_json(input)?)?;
    serde_json::from_str(&output).map_err(|error| {
        Failure::internal(format!(
            "what {system}.{action} answered is not what was expected: {error}"
        ))
    })
}

/// The same with JSON text in and out.
///
/// # Errors
/// As [`call`].
pub fn call_json(system: &str, action: &str, input: &str) -> Result<Json, Failure> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::tombolo::adapter::actions::call(system, action, input);
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current(|host| host.call_action(system, action, input));
}
