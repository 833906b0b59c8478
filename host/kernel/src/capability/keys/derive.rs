//! From the secret an operator keeps to the key a vendor means: the manifest's steps, one after another.
//! No message here holds a byte of the secret or tells its length.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Vendors publish keys whose last character carries stray bits and leave the padding out.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Applies the steps of [`tombolo_manifest::DERIVATIONS`]; the error names the step and what it met.
pub(super) fn derive(secret: &[u8], steps: &[String]) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut key = Zeroizing::new(secret.to_vec());
    for (index, step) in steps.iter().enumerate() {
        key = apply(&key, step)
            .map_err(|problem| format!("derivation step {} (`{step}`): {problem}", index + 1))?;
    }
    Ok(key)
}

fn apply(key: &[u8], step: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    if let Some(prefix) = step.strip_prefix("strip-prefix:") {
        let rest = key.strip_prefix(prefix.as_bytes()).unwrap_or(key);
        return Ok(Zeroizing::new(rest.to_vec()));
    }
    if let Some(tail) = step.strip_prefix("append:") {
        let mut longer = Zeroizing::new(Vec::with_capacity(key.len() + tail.len()));
        longer.extend_from_slice(key);
        longer.extend_from_slice(tail.as_bytes());
        return Ok(longer);
    }
    match step {
        "base64" => {
            let engine = if key.iter().any(|byte| matches!(byte, b'-' | b'_')) {
                &URL_SAFE
            } else {
                &STANDARD
            };
            let decoded = engine.decode(key.trim_ascii());
            decoded
                .map(Zeroizing::new)
                .map_err(|_| "the secret is not base64; check the value that is bound".to_owned())
        }
        "hex" => hex::decode(key.trim_ascii())
            .map(Zeroizing::new)
            .map_err(|_| "the secret is not hexadecimal; check the value that is bound".to_owned()),
        "sha256" => Ok(Zeroizing::new(
            ring::digest::digest(&ring::digest::SHA256, key)
                .as_ref()
                .to_vec(),
        )),
        _ => Err(format!(
            "no such step; the steps are {}",
            tombolo_manifest::DERIVATIONS.join(", ")
        )),
    }
}
