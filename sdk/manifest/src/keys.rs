//! What may be done with a key, and how a vendor may derive it from the secret.

/// Every use a key may have. `HASH` is one of `md5`, `sha1`, `sha256`, `sha384`, `sha512`.
pub const KEY_USES: &[&str] = &[
    "hmac-HASH",
    "digest-HASH",
    "digest-sorted-HASH",
    "sign-rs256",
    "sign-rs512",
    "sign-ps256",
    "sign-ed25519",
    "verify-rs1",
    "verify-rs256",
    "verify-rs512",
    "verify-ps256",
    "verify-ed25519",
    "encrypt-cbc",
    "decrypt-cbc",
    "equal",
];

/// Every step of a derivation. `base64` accepts both alphabets, with or without padding.
pub const DERIVATIONS: &[&str] = &[
    "strip-prefix:TEXT",
    "base64",
    "hex",
    "sha256",
    "append:TEXT",
];

const HASHES: &[&str] = &["md5", "sha1", "sha256", "sha384", "sha512"];

/// Whether `text` is one of [`KEY_USES`], with `HASH` filled in.
#[must_use]
pub fn is_key_use(text: &str) -> bool {
    KEY_USES
        .iter()
        .any(|known| match known.strip_suffix("HASH") {
            Some(stem) => text
                .strip_prefix(stem)
                .is_some_and(|hash| HASHES.contains(&hash)),
            None => *known == text,
        })
}

/// Whether `text` is one of [`DERIVATIONS`], with `TEXT` filled in.
#[must_use]
pub fn is_derivation(text: &str) -> bool {
    DERIVATIONS
        .iter()
        .any(|known| match known.strip_suffix("TEXT") {
            Some(stem) => text.strip_prefix(stem).is_some_and(|rest| !rest.is_empty()),
            None => *known == text,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_use_names_its_hash() {
        for good in [
            "hmac-sha256",
            "digest-md5",
            "digest-sorted-sha1",
            "sign-ps256",
            "equal",
            "decrypt-cbc",
        ] {
            assert!(is_key_use(good), "{good}");
        }
        for bad in [
            "hmac",
            "hmac-",
            "hmac-HASH",
            "hmac-sha3",
            "sorted-sha1",
            "sign-rs1",
            "EQUAL",
            "",
        ] {
            assert!(!is_key_use(bad), "{bad}");
        }
    }

    #[test]
    fn a_derivation_that_takes_text_needs_some() {
        for good in ["strip-prefix:whsec_", "append:=", "base64", "hex", "sha256"] {
            assert!(is_derivation(good), "{good}");
        }
        for bad in ["strip-prefix:", "append", "base64url", "md5", ""] {
            assert!(!is_derivation(bad), "{bad}");
        }
    }
}
