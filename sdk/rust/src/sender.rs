//! Who sent it: what several vendors sign alike. The secret stays with the host, which compares in constant time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::keys::{self, Hash};
use crate::{Failure, Inbound};

/// Signatures that are tried: a sender that changes its secret signs with the old and the new one.
const SIGNATURES: usize = 8;

/// Verifies a delivery by [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
/// and returns its `webhook-id`. `key` needs the use `hmac-sha256` and the derivation `["strip-prefix:whsec_", "base64"]`;
/// `tolerance` is seconds between the sender's time stamp and now, either way.
///
/// # Errors
/// `unauthorized` if a header is missing, stands twice or does not fit; `internal` if the key is not bound.
pub fn standard_webhooks<'a>(
    inbound: &'a Inbound,
    key: &str,
    tolerance: u64,
) -> Result<&'a str, Failure> {
    let id = inbound.only_header("webhook-id")?;
    let timestamp = inbound.only_header("webhook-timestamp")?;
    let signatures = inbound.only_header("webhook-signature")?;
    if id.is_empty() || id.contains('.') {
        return Err(Failure::unauthorized(
            "the header `webhook-id` is empty or has a dot, which separates what is signed",
        ));
    }
    fresh(
        "webhook-timestamp",
        timestamp,
        inbound.received_ms,
        tolerance,
    )?;
    let mut message = format!("{id}.{timestamp}.").into_bytes();
    message.extend_from_slice(&inbound.body);
    for signature in signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES)
    {
        let Ok(tag) = STANDARD.decode(signature) else {
            continue;
        };
        if keys::hmac_verify(key, Hash::Sha256, &message, &tag)? {
            return Ok(id);
        }
    }
    Err(Failure::unauthorized(
        "no signature in the header `webhook-signature` is right for this body and secret",
    ))
}

/// That a time stamp is whole seconds since 1970, digits alone, so that no separator can hide in it, and inside the window.
///
/// # Errors
/// `unauthorized`, naming the header.
pub fn fresh(
    header: &str,
    timestamp: &str,
    received_ms: u64,
    tolerance: u64,
) -> Result<(), Failure> {
    let digits =
        (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = timestamp.parse().ok().filter(|_| digits).ok_or_else(|| {
        Failure::unauthorized(format!(
            "the header `{header}` is no time in seconds since 1970"
        ))
    })?;
    let apart = seconds.abs_diff(received_ms / 1000);
    if apart > tolerance {
        return Err(Failure::unauthorized(format!(
            "the time in the header `{header}` is {apart} s away from now; expected at most {tolerance} s"
        )));
    }
    Ok(())
}
