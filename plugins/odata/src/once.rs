//! The call's key as a property that the system keeps: what was made under it is found by it, so that it is made once.

use sha2::{Digest, Sha256};

/// Fewest characters: 60 bits, at which a million keys collide with a chance of one to two millions.
pub(crate) const SHORTEST: usize = 12;

/// The key as text of at most `length` characters that no system folds or cuts: itself where it fits, else letters and
/// digits of its SHA-256.
pub(crate) fn text(key: &str, length: usize) -> String {
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    if key.len() <= length && key.chars().all(is_plain) {
        return key.to_owned();
    }
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(key.as_bytes());
    let mut out = String::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in digest {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.push(char::from(LETTERS[(bits >> held & 31) as usize]));
        }
    }
    out.truncate(length);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_and_stays_itself_where_it_can() {
        assert_eq!(text("S-1", 20), "S-1");
        let folded = text("s-1", 20);
        assert_eq!(folded.len(), 20);
        assert_ne!(folded, text("S-1/", 20), "another key is another text");
        let long = "S-".repeat(60);
        assert_eq!(text(&long, 12).len(), 12);
        assert_eq!(text(&long, 12), text(&long, 40)[..12]);
    }
}
