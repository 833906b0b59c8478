//! The text of a token: `tmb_`, 256 random bits and a checksum, all in hexadecimal.
//!
//! The prefix lets scanners of repositories and logs find one that leaked, the checksum lets them know without asking
//! anybody that it is one. Kept is a plain SHA-256: NIST SP 800-63B, section 5.1.2.2, wants salt and a slow hash only
//! for secrets with less than 112 bits of entropy.

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every token made by command begins with.
const PREFIX: &str = "tmb_";
/// Random bytes.
const RANDOM: usize = 32;
/// Bytes of the checksum: the first of the SHA-256 of prefix and random part.
const CHECK: usize = 4;

/// A new token's text.
///
/// # Errors
/// The machine gives no random bytes.
pub fn new_token() -> Result<Zeroizing<String>, ring::error::Unspecified> {
    let mut random = Zeroizing::new([0; RANDOM]);
    SystemRandom::new().fill(random.as_mut())?;
    let mut text = Zeroizing::new(format!("{PREFIX}{}", hex::encode(*random)));
    let check = checksum(&text);
    text.push_str(&check);
    Ok(text)
}

/// Whether a text is of a token that was made so: long enough that nobody guesses one.
#[must_use]
pub fn is_made_here(text: &[u8]) -> bool {
    let length = PREFIX.len() + 2 * (RANDOM + CHECK);
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    if text.len() != length || !text.starts_with(PREFIX) || !text.is_ascii() {
        return false;
    }
    let (body, check) = text.split_at(length - 2 * CHECK);
    checksum(body) == check
}

/// What is kept of a token.
#[must_use]
pub fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// A digest as it is written.
#[must_use]
pub fn hexadecimal(digest: &[u8; 32]) -> String {
    hex::encode(digest)
}

fn checksum(body: &str) -> String {
    hex::encode(&Sha256::digest(body)[..CHECK])
}
